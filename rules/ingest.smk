# One ingest for each source: raw logs in; the tables runs and history (or results, where there is no history), and what was wrong with the logs, out.


def content_of(source):
    """Params function: a hash of the source's bytes, for a change that the modification times do not show."""
    return lambda wildcards: source_digest(source)


def contents_of(family):
    """Params function: such hashes of all sources of a family."""
    return lambda wildcards: [source_digest(SOURCES[source]) for source in family.sources]


for source in LOG_SOURCES.values():

    rule:
        name:
            f"ingest_{source.name}"
        input:
            str(source.receipt),
        output:
            tables=[f"data/ingested/{source.name}/{table}.parquet" for table in source.tables],
            issues=f"data/ingested/{source.name}/issues.csv",
        log:
            f"logs/ingest_{source.name}.log",
        conda:
            "../environment.yml"
        params:
            source=source.name,
            content=content_of(source),
            code=code_hash("lastiterate.logs.ingest"),
        shell:
            "python -m lastiterate.logs.ingest --sources config/sources.csv --source {params.source} --output {output:q} 2>&1 | tee {log} >&2"

    describe(f"ingest_{source.name}", f"Tables of {source.name}: {' and '.join(source.tables)}.")


# Runs that were trained here: a collected folder in, the same tables out.
for name, folder in config["trained"].items():

    rule:
        name:
            f"ingest_{name}"
        input:
            cards=f"{folder}/cards.json",
            history=f"{folder}/history.parquet",
        output:
            runs=f"data/ingested/{name}/runs.parquet",
            history=f"data/ingested/{name}/history.parquet",
            issues=f"data/ingested/{name}/issues.csv",
        log:
            f"logs/ingest_{name}.log",
        conda:
            "../environment.yml"
        params:
            source=name,
            folder=folder,
            code=code_hash("lastiterate.logs.ingest"),
        shell:
            "python -m lastiterate.logs.ingest --folder {params.folder:q} --source {params.source} --output {output:q} 2>&1 | tee {log} >&2"

    describe(f"ingest_{name}", f"Tables runs and history of the runs collected in {folder}.")
