# One download for each source. Files are pinned by hash, so an edit of the code that fetches them changes nothing.
# Outputs are `update`d: files that are there as registered are not fetched again when the registry gains a row.

for source in SOURCES.values():

    rule:
        name:
            f"fetch_{source.name}"
        output:
            [update(str(file.local)) for file in source.files],
        log:
            f"logs/fetch_{source.name}.log",
        conda:
            "../environment.yml"
        params:
            source=source.name,
            files=[f"{file.key} {file.sha256}" for file in source.files],
        shell:
            "python -m lastiterate.workflow.fetch --sources config/sources.csv --source {params.source} 2>&1 | tee {log} >&2"

    describe(f"fetch_{source.name}", f"The {len(source.files)} files of {source.name}, {sum(f.size for f in source.files) / 1e6:.0f} MB.")
