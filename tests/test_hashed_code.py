"""The code that a step's hash covers, against the modules that Python says it imported when the step ran."""

import ast
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import lastiterate
from lastiterate.workflow.code_hash import _modules, code_hash, hashed_modules, version_of
from test_workflow import make_copy, snakemake

ROOT = Path(lastiterate.__file__).parent
IMPORTED = re.compile(r"^import time:.*\|\s+(lastiterate[\w.]*)$", re.MULTILINE)


def test_every_library_that_is_imported_has_a_version():
    libraries = {name for module in _modules().values() for name in module["libraries"]}
    assert {"numpy", "sklearn", "PIL", "yaml"} <= libraries and version_of("sklearn") and version_of("PIL") and version_of("json") == ""
    assert [name for name in libraries if not version_of(name) and name not in sys.stdlib_module_names and find_spec(name)] == []


def test_the_code_of_a_plan_is_that_of_the_command_and_the_readers():
    covered = hashed_modules("lastiterate.commands.plan", "lastiterate.cli")
    assert {"lastiterate.cli", "lastiterate.plan.load", "lastiterate.logs.reading", "lastiterate.logs.formats.wandb_history"} <= covered
    assert "lastiterate.commands.transfer" not in covered  # another command


def test_the_hash_is_stable_and_names_a_module_that_is_not_there():
    assert code_hash("lastiterate.workflow.claims") == code_hash("lastiterate.workflow.claims")
    with pytest.raises(ModuleNotFoundError, match=r"a figure's folder holds __init__\.py, compute\.py and draw\.py"):
        code_hash("lastiterate.simulate.nothing")


@pytest.mark.slow
def test_what_a_step_imports_is_what_its_hash_covers(tmp_path, monkeypatch):
    folder = make_copy(tmp_path)
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    snakemake(folder, "schaipp", "results/defazio/convex_suite/summary.csv")
    seen = 0
    for log in sorted((folder / "logs").glob("*.log")):
        imported = set(IMPORTED.findall(log.read_text()))
        kind, _, name = log.stem.partition("_")
        if kind in ("simulate", "analyse", "draw"):
            (place,) = (folder / "src/lastiterate/figures").glob(f"*/{name}")
            what, runner = ("draw", "lastiterate.draw.panels") if kind == "draw" else ("compute", "lastiterate.workflow.step")
            roots = [f"lastiterate.figures.{place.parent.name}.{name}.{what}", runner]
        elif kind == "ingest":
            roots = ["lastiterate.logs.ingest"]
        else:
            assert kind == "fetch"  # its files are pinned by hash, whatever the code
            continue
        covered, least = hashed_modules(*roots), set.union(*map(always, roots))
        itself = {roots[0], roots[0].rpartition(".")[0], roots[0].rpartition(".")[0].rpartition(".")[0]}
        assert least - itself <= imported <= covered, (log.stem, least - itself - imported, imported - covered)
        seen += 1
    assert seen > 15


def always(root: str) -> set[str]:
    """Modules of the package that an import of the root runs whatever is called then: those that modules import at their top."""
    reached, open_ = set(), [root]
    while open_:
        name = open_.pop()
        if name in reached or not (path := source(name)):
            continue
        reached.add(name)
        open_ += [name.rpartition(".")[0]] if "." in name else []
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                open_ += [alias.name for alias in node.names if alias.name.startswith("lastiterate")]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lastiterate"):
                open_ += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return reached


def source(module: str) -> Path | None:
    path = ROOT.parent / Path(*module.split("."))
    return next((found for found in (path / "__init__.py", path.with_suffix(".py")) if found.is_file()), None)
