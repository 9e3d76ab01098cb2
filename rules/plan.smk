# Plans of the config: pilot runs in; plan.json, the schedule of the real run, tables and figures out.

for name, entry in config["plans"].items():

    rule:
        name:
            f"plan_{name}"
        input:
            plan_tables(entry),
            [ancient(plain(path)) for path in plan_logs(entry, PROJECT)],  # known by their content
        output:
            plan_files(name, entry),
        log:
            f"logs/plan_{name}.log",
        benchmark:
            f"logs/benchmarks/plan_{name}.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=1500,
            runtime=60,
        params:
            python=python,
            runs=place(plan_runs(entry, PROJECT)),
            names=fixed(entry["runs"]),
            content=content_of_plan(entry),
            options=fixed(plan_options(entry)),
            folder=lambda wildcards, output: os.path.dirname(output[0]),
            code=code_hash("lastiterate.commands.plan", "lastiterate.cli"),
        shell:
            command(
                "{params.python} -m lastiterate.cli plan {params.options} --out {params.folder:q} -- {params.runs} 2>&1 | tee {log:q} >&2"
            )

    describe(f"plan_{name}", f"The plan {name} of the config: {entry['horizon']} updates from {', '.join(entry['runs'])}.")


rule plan:
    """Every plan of the config's entry `plans`, in results/plans."""
    input:
        [f"results/plans/{name}/plan.json" for name in config["plans"]],
    localrule: True
