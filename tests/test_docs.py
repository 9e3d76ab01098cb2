"""The documentation: it names what exists, builds without a warning, and loads nothing from the network."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lastiterate.cli import COMMANDS, EPILOG
from lastiterate.workflow.environment import locked_versions
from lastiterate.workflow.families import declared_families, expand_panels

ROOT = Path(__file__).parents[1]
PAGES = {"schaipp": "schaipp", "defazio": "defazio", "bu": "bu", "own": "own_runs"}


def test_every_room_with_public_names_is_in_the_api_reference():
    package = ROOT / "src/lastiterate"
    public = {".".join(path.parent.relative_to(package).parts) for path in package.rglob("__init__.py") if "__all__" in path.read_text()}
    pages = {path.stem: re.findall(r"\.\. room:: ([\w.]+)", path.read_text()) for path in (ROOT / "docs/api").glob("*.rst")}
    assert {room for rooms in pages.values() for room in rooms} == public
    assert set(re.findall(r"api/(\w+)", (ROOT / "docs/api.rst").read_text())) == set(pages)
    assert {"schedules", "bound", "transfer", "refine"} <= public


def test_tables_and_panels_that_the_pages_name_exist():
    config, families = yaml.safe_load((ROOT / "config/config.yaml").read_text()), declared_families()
    known = {paper: {name for name, family in families.items() if family["paper"] == paper} for paper in PAGES}
    count = 0
    for paper, page in PAGES.items():
        for name, part in re.findall(r"`(\w+)/(\w+)`", (ROOT / f"docs/{page}.md").read_text()):
            if name == paper:
                assert part in known[paper]
            elif name in families:  # and not, say, data/embedded
                panels = expand_panels(families[name]["panels"], config[families[name]["paper"]][name])
                assert part in {*families[name]["tables"], *panels}, f"docs/{page}.md names {name}/{part}"
            count += 1
    assert count > 15


@pytest.mark.parametrize("paper", ["schaipp", "defazio", "bu"])
def test_the_pages_count_the_claims_from_the_ledger(paper):
    text = (ROOT / f"docs/{paper}.md").read_text()
    assert f"```{{claims}} {paper}\n" in text and f"```{{numbers}} {paper}\n" in text
    assert not re.search(r"\d+ (?:numbers|claims)", text)  # the directive counts them


@pytest.mark.parametrize(("extra", "names"), [("docs", {"sphinx", "myst-parser", "furo"}), ("optax", {"optax", "jax", "jaxlib"})])
def test_the_lock_of_an_extra_agrees_with_the_others(extra, names):
    own, tests = (locked_versions(ROOT / f"requirements-{name}.lock") for name in (extra, "test"))
    assert {name: version for name, version in own.items() if name in tests and tests[name] != version} == {}
    assert names <= set(own)
    assert "://" not in (ROOT / f"requirements-{extra}.lock").read_text()


def test_the_page_of_the_command_line_shows_the_help_of_every_command():
    page = (ROOT / "docs/command_line.md").read_text()
    assert re.findall(r"```{help}(?: (\w+))?\n```", page) == ["", *COMMANDS] == ["", *re.findall(r"(?m)^## ([a-z]+)$", page)]
    assert {line.split()[0] for line in EPILOG.split("exit status:\n")[1].split("\n\n")[0].splitlines()} == set(
        re.findall(r"(?m)^\| (\d+) \|", page)
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if not importlib.util.find_spec("sphinx"):
        pytest.skip("no Sphinx: make docs installs it")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", folder / "doctrees", "docs", folder / "html"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


@pytest.mark.slow
def test_the_site_shows_formulas_and_docstrings_as_meant(site):
    theory, api = ((site / f"{name}.html").read_text(encoding="utf-8") for name in ("theory", "api/bound"))
    assert theory.count("<math ") > 50
    assert "lastiterate.bound.</span></span>" in api and api.count("Parameters") > 3
    assert not re.search(r"<strong>(&gt;&gt;&gt;|Source)", api)  # examples and sources do not end up among the exceptions
    assert "Alias for field number" not in api
    for page in site.rglob("*.html"):
        assert not re.search(r'(?:src|srcset)="https?:', page.read_text(encoding="utf-8"))
    assert (site / "command_line.html").read_text(encoding="utf-8").count("usage: lastiterate") == 1 + len(COMMANDS)


@pytest.mark.slow
@pytest.mark.browser
def test_the_site_loads_nothing_from_the_network(site, browser):
    browser.requests.clear()
    browser.errors.clear()
    for page in ("index", "tutorial", "theory", "schaipp", "command_line", "api/bound", "gallery", "continue", "found_out"):
        for width in (1280, 390):
            browser.open(site / f"{page}.html", width)
            assert browser.evaluate("[...document.images].every(i => i.naturalWidth > 0)")
            assert browser.evaluate("document.documentElement.scrollWidth") <= width, (page, width)
    for dark in (False, True):
        browser.prefer_dark(dark)
        for page in ("index", "gallery", "trainers", "api/bound"):
            browser.open(site / f"{page}.html", 1280)
            assert browser.violations() == [], (page, dark)
    browser.prefer_dark(False)
    assert browser.requests == [] and browser.errors == []
