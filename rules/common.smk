# What the other rule files stand on: the package on the path, the checked config, and the figure families.

import os
import sys

PACKAGE = Path(workflow.basedir) / "src"
sys.path.insert(0, str(PACKAGE))

from lastiterate.workflow.claims import load_claims, table_path
from lastiterate.workflow.code_hash import code_hash
from lastiterate.workflow.config import check_config, whole_schema
from lastiterate.workflow.content import source_digest
from lastiterate.workflow.families import declared_families, load_families, load_headings
from lastiterate.workflow.mine import own_sweeps
from lastiterate.workflow.own_schedules import own_families
from lastiterate.workflow.paper_numbers import load_numbers, with_numbers
from lastiterate.workflow.sources import load_sources

try:
    DECLARED = declared_families()
    SCHEMA = whole_schema(Path(workflow.basedir) / "config" / "schema.yaml", DECLARED)
    check_config(config, SCHEMA)
    DECLARED |= own_sweeps(config, SCHEMA, DECLARED)
    SOURCES = load_sources("config/sources.csv")
    LOG_SOURCES = {name: source for name, source in SOURCES.items() if source.is_log}
    WANTED_SOURCES = [name for name, source in LOG_SOURCES.items() if source.wanted]
    FAMILIES = load_families(config, DECLARED, {**SOURCES, **config["trained"]})
    NUMBERS = load_numbers(FAMILIES, DECLARED)
    FAMILIES = with_numbers(FAMILIES, NUMBERS)
except ValueError as error:
    raise WorkflowError(str(error)) from None

HEADINGS = load_headings()

# A clone always runs its own code, with the Python that runs Snakemake (under conda: with the environment's Python).
CONDA = any("conda" in str(method).lower() for method in workflow.deployment_settings.deployment_method)
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH='{PACKAGE}'; "
    + ("" if CONDA else f"export PATH='{Path(sys.executable).parent}':$PATH; ")
)


def figures_of(**wanted):
    """Figure files of the families whose attributes have the wanted values."""
    chosen = [f for f in FAMILIES.values() if all(getattr(f, k) == v for k, v in wanted.items())]
    return [path for family in chosen for path in family.figures]


def tables_of(source):
    """Names of the tables that a source is ingested to."""
    return SOURCES[source].tables if source in SOURCES else ("runs", "history")


def needs_download(family):
    """Whether a family is drawn from public logs."""
    return any(source in SOURCES for source in family.sources)


def describe(rule_name, text):
    """Give a generated rule the docstring that --list-target-rules shows."""
    workflow.get_rule(rule_name).docstring = text


def training_config_missing():
    """Error of target `train` without a config."""
    known = sorted(path.stem for path in Path("config/train").glob("*.yaml") if path.stem != "schema")
    raise WorkflowError(f"which runs? Say: snakemake train --config train=NAME, with NAME one of {', '.join(known)}")
