# One download for each source. Its output is a receipt; the files lie beside it in data/raw and outlive a failed fetch, so
# that what was fetched is never fetched twice. They are pinned by hash: an edit of the code that fetches changes nothing.

for source in SOURCES.values():
    if source.forget_if_incomplete():
        logger.info(f"{source.name}: files that were fetched are gone from data/raw; they will be fetched again")

    rule:
        name:
            f"fetch_{source.name}"
        output:
            str(source.receipt),
        log:
            f"logs/fetch_{source.name}.log",
        conda:
            "../environment.yml"
        params:
            source=source.name,
            files=[f"{file.key} {file.pin[1]}" for file in source.files],
        shell:
            "python -m lastiterate.workflow.fetch --sources config/sources.csv --source {params.source} --output {output} 2>&1 | tee {log} >&2"

    size = None if None in (sizes := [file.size for file in source.files]) else f"{sum(sizes) / 1e6:.0f} MB"
    describe(f"fetch_{source.name}", f"The {len(source.files)} files of {source.name}, {size or 'of unknown size'}{', only if asked for' if source.optional else ''}.")
