# The ground of the other files: where the project is, the package on the path, the checked config, and the figure families.

import importlib.util
import os
import shlex
import subprocess
import sys

from snakemake.sourcecache import LocalSourceFile


def project_folder(here):
    """The project's folder from that of this file; of a file in a git repository (a deployed workflow), a copy of its commit."""
    if isinstance(here, LocalSourceFile):
        folder = Path(os.path.abspath(os.path.join(here.path, "..")))
        installed = importlib.util.find_spec("lastiterate")
        if not (folder / "src").is_dir() and installed:  # a job in a container, which is sent the rules alone
            folder = Path(installed.origin).parents[2]
        return folder
    repository = here.repo_path if hasattr(here, "repo_path") else here.hosted_repo.repo_clone
    git = ["git", "-C", str(repository)]
    commit = subprocess.run([*git, "rev-parse", f"{here.ref}^{{commit}}"], check=True, capture_output=True, text=True).stdout.strip()
    folder = Path(".snakemake/lastiterate/source").resolve() / commit
    if not folder.exists():
        part = folder.with_name(f"{commit}.{os.getpid()}.part")
        part.mkdir(parents=True)
        archive = subprocess.run([*git, "archive", commit], check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", str(part)], check=True, input=archive)
        part.rename(folder)
    return folder


PROJECT = project_folder(workflow.current_basedir)
PACKAGE = PROJECT / "src"
sys.path.insert(0, str(PACKAGE))

from lastiterate.workflow.claims import load_claims, table_path
from lastiterate.workflow.code_hash import code_hash
from lastiterate.workflow.config import check_config, whole_schema
from lastiterate.workflow.content import STATE, digest_of, write_if_changed
from lastiterate.workflow.damage import remakes
from lastiterate.workflow.families import declared_families, load_families, load_headings, read_yaml
from lastiterate.workflow.mine import own_sweeps
from lastiterate.workflow.own_schedules import own_families
from lastiterate.workflow.owner import is_locked, take_ownership
from lastiterate.workflow.paper_numbers import load_numbers, with_numbers
from lastiterate.workflow.places import located, plain
from lastiterate.workflow.plans import plan_content, plan_files, plan_logs, plan_options, plan_runs, plan_tables
from lastiterate.workflow.report_content import report_content
from lastiterate.workflow.settle import settled, typed
from lastiterate.workflow.sources import load_sources, source_digest

# The config of the working directory is the project's own, or what somebody wrote beside it; a module takes its importer's.
OWN_CONFIG = "config/config.yaml"
DEFAULT_CONFIG = PROJECT / OWN_CONFIG


configfile: OWN_CONFIG if workflow.modifier.is_main_snakefile() and Path(OWN_CONFIG).exists() else DEFAULT_CONFIG


try:
    DECLARED = declared_families()
    SCHEMA = whole_schema(PROJECT / "config/schema.yaml", DECLARED)
    config = settled(typed(config, workflow.config_settings.config), read_yaml(DEFAULT_CONFIG), SCHEMA)
    check_config(config, SCHEMA)
    DECLARED |= own_sweeps(config, SCHEMA, DECLARED)
    REGISTRY, CLAIMS = located(config["sources"], PROJECT), located(config["claims"], PROJECT)
    SOURCES = load_sources(REGISTRY)
    LOG_SOURCES = {name: source for name, source in SOURCES.items() if source.is_log}
    WANTED_SOURCES = [name for name, source in LOG_SOURCES.items() if source.wanted]
    TRAINED = {name: located(folder, PROJECT) for name, folder in config["trained"].items()}
    FAMILIES = load_families(config, DECLARED, {**SOURCES, **TRAINED})
    NUMBERS = load_numbers(FAMILIES, DECLARED)
    FAMILIES = with_numbers(FAMILIES, NUMBERS)
except ValueError as error:
    raise WorkflowError(str(error)) from None
HEADINGS = load_headings()

# Every step runs this project's code, with the Python that runs Snakemake; under conda or in a container, with that one's Python.
INTERPRETER = "python" if workflow.deployment_settings.deployment_method else sys.executable
LAUNCHER = shlex.join(["env", f"PYTHONPATH={PACKAGE}", INTERPRETER])

# Conda's environments of the steps. Snakemake takes braces in the name of a folder for wildcards, unless they are doubled.
BRACES = "{" in str(PROJECT)
ENVIRONMENT = plain(str(PROJECT / "environment.yml")) if BRACES else "../environment.yml"
TRAIN_ENVIRONMENT = plain(str(PROJECT / "environment-train.yml")) if BRACES else "../environment-train.yml"

# What steps write that others read, by the names of their rules; looked at for damage, but not while steps are running.
HELD = {f"{family.step}_{family.name}": family.tables for family in FAMILIES.values()}
HELD |= {f"draw_{family.name}": family.figures for family in FAMILIES.values()}
HELD |= {f"ingest_{name}": [f"data/ingested/{name}/{table}.parquet" for table in source.tables] for name, source in LOG_SOURCES.items()}
HELD |= {f"ingest_{name}": [f"data/ingested/{name}/{table}.parquet" for table in ("runs", "history")] for name in TRAINED}
HELD |= {"claims": ["results/claims.csv"]}
QUIET = workflow.is_main_process and not is_locked()
if QUIET:
    take_ownership()
REMAKES, damaged = remakes(HELD, look=QUIET)
if damaged:
    some = ", ".join(damaged[:3]) + (f" and {len(damaged) - 3} more" if len(damaged) > 3 else "")
    logger.warning(f"not what their steps wrote (changed or cut since, or without a digest beside them), and made again: {some}")


def python(wildcards, input):
    """How a step's module is run. It takes `input` because Snakemake does not record such params: a moved project reruns nothing."""
    return LAUNCHER


def place(path):
    """Params function of where a file of the project or the working directory is, which is no reason to run again."""
    return lambda wildcards, input: str(path)


def fixed(value):
    """Params function of a value: a change of it runs the step again; braces in it are no wildcards."""
    return lambda wildcards: value


def command(text):
    """A shell command whose spaces and line breaks do not matter."""
    return " ".join(text.split())


ENTRY = "lastiterate.figures.__main__"  # chooses between the step that computes and the one that draws
STEP = command(
    "{params.python} -m lastiterate.figures {params.module} --parameters {params.parameters:q} --input {input:q} --output {output:q}"
    " 2>&1 | tee {log:q} >&2"
)


def content_of(*sources):
    """Params function: a hash of the sources' bytes, for a change that the modification times do not show."""
    return lambda wildcards: [source_digest(source) for source in sources]


def content_of_files(*paths):
    """Params function: the same of files."""
    return lambda wildcards: digest_of(map(Path, paths))


def content_of_plan(entry):
    """Params function: the same of the logs of a plan."""
    return lambda wildcards: plan_content(entry, PROJECT)


def figures_of(**wanted):
    """Figure files of the families whose attributes have the wanted values."""
    chosen = [f for f in FAMILIES.values() if all(getattr(f, k) == v for k, v in wanted.items())]
    return [plain(path) for family in chosen for path in family.figures]


def ingested(source):
    """Tables that a source is ingested to."""
    tables = SOURCES[source].tables if source in SOURCES else ("runs", "history")
    return [f"data/ingested/{source}/{table}.parquet" for table in tables]


def needs_download(family):
    """Whether a family is drawn from public logs."""
    return any(source in SOURCES for source in family.sources)


def with_caption(family, path):
    """A figure of the family, in the format that the report shows with its caption, paper, question and labels for Snakemake's report."""
    if path not in family.shown:
        return plain(path)
    panel = Path(path).stem
    paper, question = HEADINGS["papers"][family.paper], HEADINGS["questions"][family.question]
    caption = family.caption_file(panel, STATE / "captions")
    return report(plain(path), caption=caption, category=paper, subcategory=question, labels={"family": family.title, "panel": panel})


def describe(rule_name, text):
    """Give a generated rule the docstring that --list-target-rules shows."""
    name = workflow.modifier.modify_rulename(rule_name)  # an importer's, who may have left the rule out
    if workflow.is_rule(name):
        workflow.get_rule(name).docstring = text


def cannot_be_had(number):
    """Input function that refuses a figure or table that nobody can rebuild, with the reason."""

    def refuse(wildcards):
        raise WorkflowError(f"{number.number} of {HEADINGS['papers'][number.paper]} cannot be had: {number.note}")

    return refuse


def training_config_missing():
    """Error of target `train` without a config."""
    known = sorted({path.stem for folder in (Path(), PROJECT) for path in (folder / "config/train").glob("*.yaml")} - {"schema"})
    raise WorkflowError(f"which runs? Say: snakemake train --config train=NAME, with NAME one of {', '.join(known)}")


def training_command(gpus):
    """The shell command of a training run on so many GPUs: locked for it where no SLURM has chosen them (--resources gpu=4), a process each."""
    lock = f"{{params.python}} -m lastiterate.train.gpus --count {gpus}" if gpus else ""
    spread = f"-m torch.distributed.run --standalone --nproc-per-node {gpus}" if gpus > 1 else ""
    return command(
        f"{lock} {{params.python}} {spread} -m lastiterate.train.run --config {{params.config:q}} --folder {{params.folder:q}}"
        " --only {params.runs} 2>&1 | tee {log:q} >&2"
    )


def outputs_of(folder, run_id):
    """What a training run leaves behind but for its checkpoints; the card comes last."""
    return [f"{folder}/{run_id}/{name}" for name in ("card.json", "history.parquet", "timing.parquet")]


def cards_needed(folder, train, runs):
    """Cards of the runs that training runs start from, and of their token files."""
    tokens = sorted({train["datasets"][run.dataset].get("folder") for run in runs} - {None})
    return [f"{folder}/{name}/card.json" for run in runs for name in run.needs] + [f"{name}/card.json" for name in tokens]
