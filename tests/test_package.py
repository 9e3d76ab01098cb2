"""The package as it is given away: wheel, source distribution, citation, version, on the oldest and the newest Python at hand."""

import re
import tomllib
import zipfile

import pytest
import yaml

from conftest import ROOT
from empty_environments import Environment, build, pythons, unpack
from lastiterate import __version__

ROOMS = ("schedules", "bound", "worst_case", "qualify", "refine", "transfer", "laws", "logs", "plan")
OF_THE_SDIST = ("tests/test_schedules.py", "tests/test_refine.py", "tests/test_cli.py", "tests/test_config.py", "README.md")


def test_the_version_is_that_of_the_package_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    releases = re.findall(r"(?m)^## (\S+) - (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text())
    assert releases[0] == (__version__, str(citation["date-released"])) and citation["version"] == __version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" in project["dynamic"] and project["urls"]["Source"] == citation["url"] == citation["repository-code"]
    assert [author["name"] for author in project["authors"]] == [author["name"] for author in citation["authors"]]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return build(tmp_path_factory.mktemp("dist"))


def test_the_wheel_holds_the_package_and_says_what_it_is(made):
    with zipfile.ZipFile(made[0]) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(f"lastiterate-{__version__}.dist-info/METADATA").decode()
    inside = {name.removeprefix("lastiterate/") for name in names if name.startswith("lastiterate/")}
    source = ROOT / "src/lastiterate"
    expected = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert inside == expected and "py.typed" in inside
    required = re.findall(r"(?m)^Requires-Dist: (\S+?)[><=~! ;]", "\n".join(x for x in metadata.splitlines() if "extra ==" not in x))
    assert sorted(required) == ["numpy", "scipy"]
    for line in ("Requires-Python: >=3.11", "License-Expression: MIT", "Classifier: Typing :: Typed", "Project-URL: Source, https://"):
        assert f"\n{line}" in metadata


def test_the_source_distribution_holds_what_its_tests_need(made, tmp_path):
    folder = unpack(made[1], tmp_path)
    needed = "tests/conftest.py conftest.py config/config.yaml Snakefile rules/common.smk docs/plan.md figures/README.md examples/log.csv"
    for name in [*needed.split(), "data/embedded/cards.json", "requirements.lock", "environment.yml", "Makefile", "CITATION.cff"]:
        assert (folder / name).is_file(), name
    assert not list(folder.rglob("__pycache__"))


@pytest.mark.slow
@pytest.mark.parametrize("python", pythons())
def test_the_wheel_works_on_the_newest_of_everything(made, tmp_path, python):
    """On the oldest and the newest Python at hand, with what the index has newest."""
    environment = Environment(tmp_path / "venv", f"{made[0]}[plan,symbolic]", python=pythons()[python])
    assert environment.run("lastiterate", "--version").stdout == f"lastiterate {__version__}\n"
    assert environment.doctests(*ROOMS, left_out="lastiterate.logs.ingest,lastiterate.logs.results") > 150  # those are rules' steps


@pytest.mark.slow
def test_the_source_distribution_runs_its_tests(made, tmp_path):
    """Installed with its extra `test` on the newest Python at hand; all tests are collected, and some of them run."""
    folder = unpack(made[1], tmp_path / "source")
    environment = Environment(tmp_path / "venv", f"{folder}[test]", "--editable", python=list(pythons().values())[-1])
    done = environment.run("python", "-W", "error", "-m", "pytest", "-q", "--collect-only", cwd=folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    done = environment.run("python", "-W", "error", "-m", "pytest", "-q", "-m", "not slow", *OF_THE_SDIST, cwd=folder)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.slow
def test_the_citation_is_exported_with_year_and_url(tmp_path):
    environment = Environment(tmp_path / "venv", "cffconvert")
    assert environment.run("cffconvert", "--validate", cwd=ROOT).returncode == 0
    bibtex = environment.run("cffconvert", "-f", "bibtex", cwd=ROOT).stdout
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    for line in (f"year = {{{citation['date-released'].year}}}", f"url = {{{citation['url']}}}", f"title = {{{citation['title']}}}"):
        assert line in bibtex
