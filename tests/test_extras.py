"""What each extra brings, and what one is told without it: in this environment with its packages hidden, and in empty ones."""

import importlib.metadata
import json
import subprocess
import sys
import tomllib

import pytest

from conftest import ROOT
from empty_environments import Environment, build, constraints
from lastiterate._extras import EXTRAS
from lastiterate.workflow.environment import direct_dependencies
from workplace import make_workplace

BASE = ("schedules", "bound", "worst_case", "qualify", "refine", "transfer", "laws")
NEED_MORE = "lastiterate.qualify.symbolic,lastiterate.schedules.configs.reading"  # modules of the base whose examples need an extra
SENTENCES = {  # what is asked for in the base: the extra that has it
    "read log.csv": "logs",
    "refine log.csv": "logs",
    "plan runs --horizon 60k": "logs",
    "transfer runs --n-params 1B --tokens 20B": "logs",
    "export --from nanotron config.yaml": "logs",
    "completion bash": "completion",
}
WORKS = (  # in the base
    "export --schedule wsd:total_steps=9000,cooldown=0.2,peak_lr=0.001 --trainer hf --csv lr.csv",
    "transfer sweep.csv --n-params 1B --tokens 20B --batch 512",
    "--help",
    "export --help",
    "read --help",
)


def test_the_list_of_extras_is_that_of_pyproject():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    packages = importlib.metadata.packages_distributions()
    names = {module: {name.lower() for name in packages.get(module, [])} for modules in EXTRAS.values() for module in modules}
    for extra, modules in EXTRAS.items():
        own = {requirement.split(">")[0].split("=")[0] for requirement in extras[extra]}
        assert all(not names[module] or names[module] & own for module in modules), extra
    assert direct_dependencies(ROOT / "pyproject.toml") == ["numpy", "scipy"]


HIDE = """
import sys
class Hidden:
    def find_spec(name, *_):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden)
"""


def without(modules, code):
    """Run code where modules are not to be found."""
    code = HIDE.replace("{hidden!r}", repr(set(modules))) + code
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_rooms_of_the_base_import_no_extra():
    hidden = {module for modules in EXTRAS.values() for module in modules}
    rooms = (*BASE, "schedules.export", "schedules.recognise", "cli")
    done = without(hidden, "import " + ", ".join(f"lastiterate.{room}" for room in rooms))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("module", "code", "extra"),
    [
        ("sympy", "from lastiterate.qualify import derive; derive(lambda x: 1 - x)", "symbolic"),
        ("pyarrow", "from lastiterate.logs import read", "logs"),
        ("pyarrow", "import lastiterate.plan", "logs"),
        ("pandas", "from pathlib import Path; from lastiterate.transfer import read_table; read_table(Path('x.parquet'))", "logs"),
        ("matplotlib", "from lastiterate.schedules import wsd; wsd(9).plot()", "plan"),
    ],
)
def test_in_the_library_a_missing_extra_is_a_sentence(tmp_path, module, code, extra):
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    done = without([module], code.replace("x.parquet", f"{tmp_path}/x.parquet"))
    assert done.stderr.splitlines()[-1].endswith(f"this needs {module}, which is not installed: pip install 'lastiterate[{extra}]'")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("dist"))[0]


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """Environments by extra; "" is the base."""
    made = {}

    def of(extra):
        if extra not in made:
            folder = tmp_path_factory.mktemp(extra or "base")
            locked = ["--constraint", constraints(folder / "locked.txt")]
            made[extra] = Environment(folder / "venv", f"{wheel}[{extra}]" if extra else str(wheel), *locked)
        return made[extra]

    return of


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return make_workplace(tmp_path_factory.mktemp("workplace"))


@pytest.mark.slow
def test_the_base_is_numpy_and_scipy_and_says_what_it_lacks(environment, here):
    base = environment("")
    assert base.packages() == {"lastiterate", "numpy", "scipy"}
    assert base.doctests(*BASE, left_out=NEED_MORE) > 100
    for line in WORKS:
        done = base.run("lastiterate", *line.split(), cwd=here)
        assert (done.returncode, done.stderr, done.stdout == "") == (0, "", False), line
    for line, extra in SENTENCES.items():
        done = base.run("lastiterate", *line.split(), cwd=here)
        assert done.returncode == 2 and done.stdout == ""
        assert done.stderr.startswith("lastiterate: error: this needs ") and done.stderr.count("\n") == 1
        assert done.stderr.endswith(f"pip install 'lastiterate[{extra}]'\n"), line


@pytest.mark.slow
def test_logs_reads_refines_and_reads_configurations(environment, here):
    logs = environment("logs")
    assert not {"matplotlib", "snakemake", "sympy", "torch"} & logs.packages()
    assert logs.doctests("logs", "schedules.configs", left_out="lastiterate.logs.ingest,lastiterate.logs.results") >= 15  # of the workflow
    for line in ("read runs --out tables", "refine log.csv", "export --from nanotron config.yaml", "completion bash"):
        done = logs.run("lastiterate", *line.split(), cwd=here)
        assert (done.returncode, done.stdout == "") == (0, False), done.stderr
    done = logs.run("lastiterate", *["plan", "runs", "--horizon", "60k", "--out", "planned"], cwd=here)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.endswith("pip install 'lastiterate[plan]'\n")
    assert not (here / "planned").exists()


@pytest.mark.slow
def test_plan_plans_and_draws(environment, here):
    plan = environment("plan")
    assert not {"snakemake", "sympy", "torch"} & plan.packages()
    assert plan.doctests("plan", "schedules.schedule") >= 5
    done = plan.run("lastiterate", *["plan", "runs", "--horizon", "60k", "--out", "plan", "--json"], cwd=here)
    assert done.returncode == 0, done.stderr
    assert any(name.endswith((".svg", ".png", ".pdf")) for name in json.loads(done.stdout)["files"])
    done = plan.run("lastiterate", *["export", "--from", "nanotron", "config.yaml", "--out", "executes.svg"], cwd=here)
    assert done.returncode == 0 and (here / "executes.svg").stat().st_size > 1000


@pytest.mark.slow
def test_symbolic_derives_and_worst_case_is_a_check(environment):
    symbolic = environment("symbolic")
    assert symbolic.packages() == {"lastiterate", "numpy", "scipy", "sympy", "mpmath"}
    assert symbolic.doctests("qualify") > 5


@pytest.mark.slow
def test_workflow_builds_a_figure_from_a_copy_of_the_source(environment, tmp_path):
    workflow = environment("workflow")
    assert not {"torch", "snakemake-executor-plugin-slurm", "pytest"} & workflow.packages()
    subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / "clone"], check=True)
    done = workflow.run("snakemake", "figures/schaipp/schedule_comparison/lr_sweep.svg", cwd=tmp_path / "clone")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "clone/figures/schaipp/schedule_comparison/lr_sweep.svg").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("extra", ["slurm", "train", "docs", "test", "worst-case", "optax"])
def test_the_other_extras_can_be_resolved(environment, wheel, extra):
    options = ["--dry-run", "--quiet", "--ignore-installed", "--report", "-"]
    done = environment("").run("python", "-m", "pip", "install", *options, f"{wheel}[{extra}]")
    assert done.returncode == 0, done.stderr
    found = {one["metadata"]["name"].lower() for one in json.loads(done.stdout)["install"]}
    assert set(direct_dependencies(ROOT / "pyproject.toml", extra)) <= found | {name.replace("-", "_") for name in found}
