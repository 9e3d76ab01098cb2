"""Rebuilds the figures of three papers on learning-rate schedules, and the same for your own runs."""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")


include: "rules/common.smk"


rule all:
    """Every figure that needs no download (the default)."""
    input:
        [path for family in FAMILIES.values() if family.default and not needs_download(family) for path in map(plain, family.figures)],
    localrule: True


include: "rules/fetch.smk"
include: "rules/ingest.smk"
include: "rules/simulate.smk"
include: "rules/analyse.smk"
include: "rules/draw.smk"
include: "rules/claims.smk"
include: "rules/numbers.smk"
include: "rules/plan.smk"
include: "rules/report.smk"


if "train" in config:

    include: "rules/train.smk"


rule paper:
    """Every figure of the papers and of our own runs, those from the public logs included, and the ledger of published claims."""
    input:
        [plain(path) for family in FAMILIES.values() if family.default or family.paper != "plan" for path in family.figures],
        "results/claims.csv",
        [table for name in WANTED_SOURCES for table in ingested(name)],
    localrule: True


rule logs:
    """The ingested tables of every source of public logs."""
    input:
        [table for name in WANTED_SOURCES for table in ingested(name)],
    localrule: True


rule mine:
    """The figures of your own sweeps: the entries of `mine` in config.yaml."""
    input:
        figures_of(paper="mine"),
    localrule: True


rule own:
    """Every figure of this project's own training runs, data/embedded."""
    input:
        figures_of(paper="own"),
    localrule: True


rule schaipp:
    """Every figure of Schaipp et al., ICML 2025 (arXiv:2501.18965)."""
    input:
        figures_of(paper="schaipp"),
    localrule: True


rule defazio:
    """Every figure of Defazio et al. (arXiv:2310.07831)."""
    input:
        figures_of(paper="defazio"),
    localrule: True


rule bu:
    """Every figure of Bu et al., ICLR 2026 (arXiv:2602.07145)."""
    input:
        figures_of(paper="bu"),
    localrule: True


rule laws:
    """Leaderboard of loss laws: every law on every train/test split (about four minutes)."""
    input:
        figures_of(name="laws"),
        [table for family in FAMILIES.values() if family.name == "laws" for table in family.tables],
    localrule: True


rule regret:
    """What plans, and transferred learning rates, from hidden sweeps lose against the best run (a few minutes)."""
    input:
        figures_of(paper="plan"),
        [table for family in FAMILIES.values() if family.paper == "plan" for table in family.tables],
    localrule: True


rule train:
    """Every run of a training config: snakemake train --config train=smoke (needs the extra `train`)."""
    input:
        lambda wildcards: rules.train_collect.output if "train" in config else training_config_missing(),
    localrule: True
