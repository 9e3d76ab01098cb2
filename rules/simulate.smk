# One simulation for each family: config in (and data sets to train on, if it names sources of them), tables out.

for family in FAMILIES.values():
    if family.step == "simulate":

        rule:
            name:
                f"simulate_{family.name}"
            input:
                [str(SOURCES[source].receipt) for source in family.sources],
            output:
                family.tables,
            log:
                f"logs/simulate_{family.name}.log",
            conda:
                "../environment.yml"
            params:
                module=f"{family.module}.compute",
                parameters=family.parameters,
                content=contents_of(family),
                code=code_hash(f"{family.module}.compute"),
                own=own_families(family.parameters, SCHEMA),
            shell:
                "python -m {params.module} --parameters {params.parameters:q} --input {input:q} --output {output:q} 2>&1 | tee {log} >&2"

        describe(f"simulate_{family.name}", f"Tables of {family.paper}/{family.name}: {family.title}.")
