# One simulation for each family that needs no data: config in, tables out.

for family in FAMILIES.values():
    if family.step == "simulate":

        rule:
            name:
                f"simulate_{family.name}"
            output:
                family.tables,
            log:
                f"logs/simulate_{family.name}.log",
            conda:
                "../environment.yml"
            params:
                module=f"lastiterate.simulate.{family.name}",
                parameters=family.parameters,
                code=code_hash(f"lastiterate.simulate.{family.name}"),
            shell:
                "python -m {params.module} --parameters {params.parameters:q} --output {output:q} 2>&1 | tee {log} >&2"

        describe(f"simulate_{family.name}", f"Tables of {family.paper}/{family.name}: {family.title}.")
