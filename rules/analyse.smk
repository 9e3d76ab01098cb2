# One analysis for each family that is drawn from logs: ingested tables in, tables out.

for family in FAMILIES.values():
    if family.step == "analyse":

        rule:
            name:
                f"analyse_{family.name}"
            input:
                [table for source in family.sources for table in ingested(source)],
            output:
                family.tables,
            log:
                f"logs/analyse_{family.name}.log",
            benchmark:
                f"logs/benchmarks/analyse_{family.name}.tsv"
            conda:
                ENVIRONMENT
            resources:
                **family.resources,
            params:
                python=python,
                module=f"{family.module}.compute",
                parameters=fixed(family.parameters),
                code=code_hash(f"{family.module}.compute", "lastiterate.workflow.step", alone=[ENTRY]),
                remakes=REMAKES[f"analyse_{family.name}"],
            shell:
                STEP

        describe(f"analyse_{family.name}", f"Tables of {family.paper}/{family.name}: {family.title}.")
