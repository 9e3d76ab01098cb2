# Training: snakemake train --config train=NAME, where config/train/NAME.yaml holds the runs. Never a part of `all` or `paper`.
#
# A run's outputs are its history and, last, its card; checkpoints lie beside them, so that a run that was killed goes on, and
# may be deleted when the branches that need them are done. An edit of the training code retrains nothing (the card names
# the code; --forcerun trains again); a change of a run's own settings does, and refuses checkpoints of the old ones.

import json
import re

from lastiterate.train.config import load_train_config
from lastiterate.train.hours import plan_summary
from lastiterate.train.plan import KINDS, make_plan, settings_digest

if "train" in config:
    try:
        TRAIN = load_train_config(f"config/train/{config['train']}.yaml")
        PLAN = make_plan(TRAIN)
    except ValueError as error:
        raise WorkflowError(str(error)) from None
    CLUSTER = TRAIN["cluster"]
    TRAINED = f"data/trained/{TRAIN['name']}"
    logger.info(plan_summary(PLAN, TRAIN))

    def needed_by(wildcards):
        """Cards of the runs that a run starts from, and of its token files."""
        run = PLAN[wildcards.run]
        dataset = TRAIN["datasets"][run.dataset]
        return [f"{TRAINED}/{name}/card.json" for name in run.needs] + ([f"{dataset['folder']}/card.json"] if "folder" in dataset else [])

    for kind, meaning in KINDS.items():
        ids = [run.run_id for run in PLAN.values() if run.kind == kind]
        if ids:

            rule:
                name:
                    f"train_{kind}"
                input:
                    needed_by,
                output:
                    card=f"{TRAINED}/{{run}}/card.json",
                    history=f"{TRAINED}/{{run}}/history.parquet",
                    timing=f"{TRAINED}/{{run}}/timing.parquet",
                wildcard_constraints:
                    run="|".join(map(re.escape, ids)),
                log:
                    f"logs/train/{TRAIN['name']}/{{run}}.log",
                conda:
                    "../environment-train.yml"
                threads: TRAIN["threads"]
                resources:
                    mem_mb=CLUSTER["mem_mb"],
                    runtime=CLUSTER["runtime"],
                    **({"gpu": CLUSTER["gpus"], "slurm_partition": CLUSTER["partition"]} if CLUSTER["gpus"] else {}),
                params:
                    config=f"config/train/{TRAIN['name']}.yaml",
                    folder=TRAINED,
                    settings=lambda wildcards: settings_digest(PLAN[wildcards.run], TRAIN),
                    launch=f"torchrun --standalone --nproc-per-node {CLUSTER['gpus']} -m" if CLUSTER["gpus"] > 1 else "python -m",
                shell:
                    "{params.launch} lastiterate.train.run --config {params.config} --folder {params.folder} --run {wildcards.run} "
                    "2>&1 | tee {log} >&2"

            describe(f"train_{kind}", f"Runs of train={TRAIN['name']}, {meaning}.")

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
