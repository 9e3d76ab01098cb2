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
            benchmark:
                f"logs/benchmarks/simulate_{family.name}.tsv"
            conda:
                ENVIRONMENT
            resources:
                **family.resources,
            params:
                python=python,
                module=f"{family.module}.compute",
                parameters=fixed(family.parameters),
                content=content_of(*(SOURCES[source] for source in family.sources)),
                code=code_hash(f"{family.module}.compute", "lastiterate.workflow.step", alone=[ENTRY]),
                own=fixed(own_families(config[family.paper][family.name], SCHEMA)),
                remakes=REMAKES[f"simulate_{family.name}"],
            shell:
                STEP

        describe(f"simulate_{family.name}", f"Tables of {family.paper}/{family.name}: {family.title}.")
