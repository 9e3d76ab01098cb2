# One ingest for each source: raw logs in; the tables runs and history (or results, where there is no history), and what was wrong with the logs, out.

for source in LOG_SOURCES.values():

    rule:
        name:
            f"ingest_{source.name}"
        input:
            str(source.receipt),
        output:
            tables=ingested(source.name),
            issues=f"data/ingested/{source.name}/issues.csv",
        log:
            f"logs/ingest_{source.name}.log",
        benchmark:
            f"logs/benchmarks/ingest_{source.name}.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=1000,
            runtime=20,
        params:
            python=python,
            registry=place(REGISTRY),
            source=source.name,
            content=content_of(source),
            code=code_hash("lastiterate.logs.ingest"),
            remakes=REMAKES[f"ingest_{source.name}"],
        shell:
            command(
                "{params.python} -m lastiterate.logs.ingest --sources {params.registry:q} --source {params.source} --output {output:q}"
                " 2>&1 | tee {log:q} >&2"
            )

    describe(f"ingest_{source.name}", f"Tables of {source.name}: {' and '.join(source.tables)}.")


# Runs that were trained here: a collected folder in, the same tables out.
for name, folder in TRAINED.items():

    rule:
        name:
            f"ingest_{name}"
        input:
            cards=plain(f"{folder}/cards.json"),
            history=plain(f"{folder}/history.parquet"),
        output:
            tables=ingested(name),
            issues=f"data/ingested/{name}/issues.csv",
        log:
            f"logs/ingest_{name}.log",
        benchmark:
            f"logs/benchmarks/ingest_{name}.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=1000,
            runtime=20,
        params:
            python=python,
            source=name,
            folder=lambda wildcards, input: os.path.dirname(input.cards),
            content=content_of_files(f"{folder}/cards.json", f"{folder}/history.parquet"),
            code=code_hash("lastiterate.logs.ingest"),
            remakes=REMAKES[f"ingest_{name}"],
        shell:
            command(
                "{params.python} -m lastiterate.logs.ingest --folder {params.folder:q} --source {params.source} --output {output:q}"
                " 2>&1 | tee {log:q} >&2"
            )

    describe(f"ingest_{name}", f"Tables runs and history of the runs collected in {folder}.")
