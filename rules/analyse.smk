# One analysis for each family that is drawn from logs: ingested tables in, tables out.

for family in FAMILIES.values():
    if family.step == "analyse":

        rule:
            name:
                f"analyse_{family.name}"
            input:
                [f"data/ingested/{source}/{table}.parquet" for source in family.sources for table in tables_of(source)],
            output:
                family.tables,
            log:
                f"logs/analyse_{family.name}.log",
            conda:
                "../environment.yml"
            params:
                module=f"{family.module}.compute",
                parameters=family.parameters,
                code=code_hash(f"{family.module}.compute"),
            shell:
                "python -m {params.module} --parameters {params.parameters:q} --input {input:q} --output {output:q} 2>&1 | tee {log} >&2"

        describe(f"analyse_{family.name}", f"Tables of {family.paper}/{family.name}: {family.title}.")
