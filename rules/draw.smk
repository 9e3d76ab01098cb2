# One drawing for each family: its tables in, every panel in every format out.

for family in FAMILIES.values():

    rule:
        name:
            f"draw_{family.name}"
        input:
            family.tables,
        output:
            [with_caption(family, path) for path in family.figures],
        log:
            f"logs/draw_{family.name}.log",
        conda:
            ENVIRONMENT
        resources:
            mem_mb=500,
            runtime=5,
        params:
            python=python,
            module=f"{family.module}.draw",
            parameters=fixed(family.parameters),
            code=code_hash(
                f"{family.module}.draw", "lastiterate.draw.panels", alone=[ENTRY], files=[PACKAGE / "lastiterate/draw/style.mplstyle"]
            ),
            remakes=REMAKES[f"draw_{family.name}"],
        shell:
            STEP

    describe(f"draw_{family.name}", f"Figures of {family.paper}/{family.name}: {family.title}.")
