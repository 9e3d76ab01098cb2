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
        localrule: True
        conda:
            ENVIRONMENT
        resources:
            mem_mb=500,
            runtime=60,
        params:
            python=python,
            registry=place(REGISTRY),
            source=source.name,
            files=fixed([f"{file.key} {file.pin[1]}" for file in source.files]),
        shell:
            command(
                "{params.python} -m lastiterate.workflow.fetch --sources {params.registry:q} --source {params.source} --output {output:q}"
                " 2>&1 | tee {log:q} >&2"
            )

    describe(
        f"fetch_{source.name}",
        f"The {len(source.files)} files of {source.name}, {source.size}{', only if asked for' if source.optional else ''}.",
    )
