# Plans of the config: pilot runs in; plan.json, the schedule of the real run, tables and figures out.

import json
import os

PLAN_FILES = ["plan.json", "schedule.csv", "fits.csv", "prediction.csv", "candidates.csv", "against.csv"]
PLAN_FILES += [f"{panel}.{suffix}" for panel in ("prediction", "against_defaults") for suffix in ("png", "pdf")]


def plan_inputs(entry):
    """Files that a plan is made from: the tables of an ingested source, or logs as they lie, and schedules in files."""
    runs = entry["runs"]
    tables = [f"{path}/{name}.parquet" for path in runs if path.startswith("data/ingested/") for name in ("runs", "history")]
    words = [one for one in entry.get("executed", {}).values() if isinstance(one, str)]  # FILE, TRAINER:FILE, FILE:key=value
    stated = [part for one in words for part in (one, one.partition(":")[2], one.rpartition(":")[0]) if os.path.isfile(part)]
    return tables + [path for path in runs if not path.startswith("data/ingested/")] + stated


def plan_options(entry):
    """Options of `lastiterate plan` from an entry of `plans`."""
    words = []
    for name, value in entry.items():
        if name == "runs":
            continue
        if isinstance(value, dict):
            value = [f"{key}={own if isinstance(own, str) else json.dumps(own)}" for key, own in value.items()]
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words += [option] * value
            continue
        for one in value if isinstance(value, list) else [value]:
            words += [option, str(one)]
    return words


for name, entry in config["plans"].items():

    rule:
        name:
            f"plan_{name}"
        input:
            plan_inputs(entry),
        output:
            [f"results/plans/{name}/{file}" for file in PLAN_FILES + ([f"settings_{entry['trainer']}.txt"] if "trainer" in entry else [])],
        log:
            f"logs/plan_{name}.log",
        conda:
            "../environment.yml"
        params:
            runs=entry["runs"],
            options=plan_options(entry),
            folder=f"results/plans/{name}",
            code=code_hash("lastiterate.plan.write"),
        shell:
            "python -m lastiterate.cli plan {params.runs:q} {params.options:q} --out {params.folder} 2>&1 | tee {log} >&2"

    describe(f"plan_{name}", f"The plan {name} of the config: {entry['horizon']} updates from {', '.join(entry['runs'])}.")


rule plan:
    """Every plan of the config's entry `plans`, in results/plans."""
    input:
        [f"results/plans/{name}/plan.json" for name in config["plans"]],
