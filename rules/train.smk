# Training: snakemake train --config train=NAME, where config/train/NAME.yaml holds the runs. Never a part of `all` or `paper`.
#
# A run's outputs are its history and, last, its card; checkpoints lie beside them, so that a run that was killed goes on, and
# may be deleted when the branches that need them are done. An edit of the training code retrains nothing (the card names
# the code; --forcerun trains again); a change of a run's own settings does, and refuses checkpoints of the old ones.

import json
import re

from lastiterate.train.config import load_train_config
from lastiterate.train.hours import plan_summary
from lastiterate.train.plan import KINDS, groups, make_plan, settings_digest

if "train" in config:
    try:
        TRAIN = load_train_config(f"config/train/{config['train']}.yaml")
        PLAN = make_plan(TRAIN)
    except ValueError as error:
        raise WorkflowError(str(error)) from None
    CLUSTER = TRAIN["cluster"]
    TRAINED = f"data/trained/{TRAIN['name']}"
    logger.info(plan_summary(PLAN, TRAIN))

    RESOURCES = {"mem_mb": CLUSTER["mem_mb"], "runtime": CLUSTER["runtime"]}
    if CLUSTER["gpus"]:
        RESOURCES |= {"gpu": CLUSTER["gpus"], "slurm_partition": CLUSTER["partition"]}
    LAUNCH = f"torchrun --standalone --nproc-per-node {CLUSTER['gpus']} -m" if CLUSTER["gpus"] > 1 else "python -m"
    if CLUSTER["gpus"]:  # of one machine without SLURM: --resources gpu=4
        LAUNCH = f"python -m lastiterate.train.gpus --count {CLUSTER['gpus']} {LAUNCH}"
    SHELL = f"{LAUNCH} lastiterate.train.run --config config/train/{TRAIN['name']}.yaml --folder {TRAINED} --only {{params.runs}} 2>&1 | tee {{log}} >&2"

    def outputs_of(run_id):
        """What a run leaves behind but for its checkpoints; the card comes last."""
        return [f"{TRAINED}/{run_id}/{name}" for name in ("card.json", "history.parquet", "timing.parquet")]

    def needed_by(group):
        """Cards of the runs that the runs of a group start from, and of their token files."""
        folders = {TRAIN["datasets"][run.dataset].get("folder") for run in group} - {None}
        return [f"{TRAINED}/{name}/card.json" for run in group for name in run.needs] + [f"{folder}/card.json" for folder in folders]

    ALONE = [group[0] for group in groups(PLAN, TRAIN) if len(group) == 1]
    for kind, meaning in KINDS.items():
        if ids := [run.run_id for run in ALONE if run.kind == kind]:

            rule:
                name:
                    f"train_{kind}"
                input:
                    lambda wildcards: needed_by([PLAN[wildcards.run]]),
                output:
                    outputs_of("{run}"),
                wildcard_constraints:
                    run="|".join(map(re.escape, ids)),
                log:
                    f"logs/train/{TRAIN['name']}/{{run}}.log",
                conda:
                    "../environment-train.yml"
                threads: TRAIN["threads"]
                resources:
                    **RESOURCES,
                params:
                    runs="{run}",
                    settings=lambda wildcards: settings_digest(PLAN[wildcards.run], TRAIN),
                shell:
                    SHELL

            describe(f"train_{kind}", f"Runs of train={TRAIN['name']}, {meaning}.")

    for group in (group for group in groups(PLAN, TRAIN) if len(group) > 1):
        optimizers = dict.fromkeys(run.optimizer for run in group)
        label = "_".join(re.sub(r"\W", "_", part) for part in (group[0].model, *optimizers, group[0].dataset, group[0].schedule_name))

        rule:
            name:
                f"train_{label}"
            input:
                needed_by(group),
            output:
                [path for run in group for path in outputs_of(run.run_id)],
            log:
                f"logs/train/{TRAIN['name']}/{label}.log",
            conda:
                "../environment-train.yml"
            threads: TRAIN["threads"]
            resources:
                **RESOURCES,
            params:
                runs=" ".join(run.run_id for run in group),
                settings=" ".join(settings_digest(run, TRAIN) for run in group),
            shell:
                SHELL

        describe(f"train_{label}", f"{len(group)} runs of train={TRAIN['name']}, {group[0].schedule_name}, as one stack.")

    for dataset in TRAIN["datasets"].values():
        if "prepare" in dataset:

            rule:
                name:
                    f"prepare_{Path(dataset['folder']).name}"
                output:
                    [f"{dataset['folder']}/{name}" for name in ("train.bin", "val.bin", "card.json")],
                log:
                    f"logs/train/prepare_{Path(dataset['folder']).name}.log",
                conda:
                    "../environment-train.yml"
                params:
                    dataset=json.dumps(dataset),
                shell:
                    "python -m lastiterate.train.prepare --dataset {params.dataset:q} 2>&1 | tee {log} >&2"

            describe(f"prepare_{Path(dataset['folder']).name}", f"Token files of {dataset['prepare']}.")

    rule train_collect:
        """Cards and thinned histories of every run of the config."""
        input:
            [f"{TRAINED}/{name}/card.json" for name in PLAN],
        output:
            f"{TRAINED}/cards.json",
            f"{TRAINED}/history.parquet",
        log:
            f"logs/train/{TRAIN['name']}/collect.log",
        conda:
            "../environment.yml"
        params:
            config=f"config/train/{TRAIN['name']}.yaml",
            folder=TRAINED,
            every=TRAIN["log_every"],
            code=code_hash("lastiterate.train.collect"),
        shell:
            "python -m lastiterate.train.collect --config {params.config} --folder {params.folder} --output {params.folder} "
            "2>&1 | tee {log} >&2"


rule train:
    """Every run of a training config: snakemake train --config train=smoke (needs the extra `train`)."""
    input:
        lambda wildcards: rules.train_collect.output if "train" in config else training_config_missing(),
