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

try:
    TRAIN_CONFIG = located(f"config/train/{config['train']}.yaml", PROJECT)
    TRAIN = load_train_config(TRAIN_CONFIG)
    PLAN = make_plan(TRAIN)
except ValueError as error:
    raise WorkflowError(str(error)) from None
CLUSTER = TRAIN["cluster"]
TRAINED_HERE = f"data/trained/{TRAIN['name']}"
logger.info(plan_summary(PLAN, TRAIN))

RESOURCES = {"mem_mb": CLUSTER["mem_mb"], "runtime": CLUSTER["runtime"]}
if CLUSTER["gpus"]:
    RESOURCES |= {"gpu": CLUSTER["gpus"], "slurm_partition": CLUSTER["partition"]}
TRAIN_STEP = training_command(CLUSTER["gpus"])

ALONE = [group[0] for group in groups(PLAN, TRAIN) if len(group) == 1]
for kind, meaning in KINDS.items():
    if ids := [run.run_id for run in ALONE if run.kind == kind]:

        rule:
            name:
                f"train_{kind}"
            input:
                lambda wildcards: cards_needed(TRAINED_HERE, TRAIN, [PLAN[wildcards.run]]),
            output:
                outputs_of(TRAINED_HERE, "{run}"),
            log:
                f"logs/train/{TRAIN['name']}/{{run}}.log",
            wildcard_constraints:
                run="|".join(map(re.escape, ids)),
            conda:
                TRAIN_ENVIRONMENT
            threads: TRAIN["threads"]
            resources:
                **RESOURCES,
            params:
                python=python,
                config=place(TRAIN_CONFIG),
                folder=lambda wildcards, output: os.path.dirname(os.path.dirname(output[0])),
                runs="{run}",
                settings=lambda wildcards: settings_digest(PLAN[wildcards.run], TRAIN),
            shell:
                TRAIN_STEP

        describe(f"train_{kind}", f"Runs of train={TRAIN['name']}, {meaning}.")


for group in (group for group in groups(PLAN, TRAIN) if len(group) > 1):
    optimizers = dict.fromkeys(run.optimizer for run in group)
    label = "_".join(re.sub(r"\W", "_", part) for part in (group[0].model, *optimizers, group[0].dataset, group[0].schedule_name))

    rule:
        name:
            f"train_{label}"
        input:
            cards_needed(TRAINED_HERE, TRAIN, group),
        output:
            [path for run in group for path in outputs_of(TRAINED_HERE, run.run_id)],
        log:
            f"logs/train/{TRAIN['name']}/{label}.log",
        conda:
            TRAIN_ENVIRONMENT
        threads: TRAIN["threads"]
        resources:
            **RESOURCES,
        params:
            python=python,
            config=place(TRAIN_CONFIG),
            folder=lambda wildcards, output: os.path.dirname(os.path.dirname(output[0])),
            runs=" ".join(run.run_id for run in group),
            settings=" ".join(settings_digest(run, TRAIN) for run in group),
        shell:
            TRAIN_STEP

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
                TRAIN_ENVIRONMENT
            resources:
                mem_mb=4000,
                runtime=240,
            params:
                python=python,
                dataset=fixed(json.dumps(dataset)),
            shell:
                command("{params.python} -m lastiterate.train.prepare --dataset {params.dataset:q} 2>&1 | tee {log:q} >&2")

        describe(f"prepare_{Path(dataset['folder']).name}", f"Token files of {dataset['prepare']}.")


rule train_collect:
    """Cards and thinned histories of every run of the config."""
    input:
        [f"{TRAINED_HERE}/{name}/card.json" for name in PLAN],
    output:
        f"{TRAINED_HERE}/cards.json",
        f"{TRAINED_HERE}/history.parquet",
    log:
        f"logs/train/{TRAIN['name']}/collect.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        python=python,
        config=place(TRAIN_CONFIG),
        folder=lambda wildcards, output: os.path.dirname(output[0]),
        every=TRAIN["log_every"],
        code=code_hash("lastiterate.train.collect"),
    shell:
        command(
            "{params.python} -m lastiterate.train.collect --config {params.config:q} --folder {params.folder:q} --output {params.folder:q}"
            " 2>&1 | tee {log:q} >&2"
        )
