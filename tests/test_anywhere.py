"""The workflow where others use it: from another folder, as a module of their own, deployed, and in folders with hostile names."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from conftest import ROOT

pytestmark = pytest.mark.slow
FIGURE = "figures/schaipp/schedule_comparison/lr_sweep.svg"
TABLE = "results/schaipp/schedule_comparison/tuned.csv"
LINEAR = {"total_steps": 20, "schedules": {"linear": {"family": "linear"}}}
SMALL = {"figures": {"formats": ["svg"]}, "schaipp": {"schedule_comparison": LINEAR}}
PARTS = ("src", "rules", "config", "profiles")


def run(folder: Path, *words: str, env=None, ok=True) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=folder, env=os.environ | (env or {}), capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode == 0) is ok, done.stdout + done.stderr
    return done.stdout + done.stderr


def copy(folder: Path, *more: str) -> Path:
    """The project itself, in a folder of its own."""
    for name in (*PARTS, *more):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "environment.yml", "environment-train.yml", "LICENSE", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder / name)
    return folder


def schedules(folder: Path) -> set[str]:
    return {line.split(",")[0] for line in (folder / TABLE).read_text().splitlines()[1:]}


def test_from_another_folder_with_a_config_of_ones_own(tmp_path):
    project, here = copy(tmp_path / "project"), tmp_path / "here"
    (here / "config").mkdir(parents=True)
    (here / "config/config.yaml").write_text(yaml.safe_dump(SMALL))
    words = ("snakemake", "-s", "../project/Snakefile", "--cores", "1", FIGURE)
    run(here, *words)
    assert schedules(here) == {"linear"} and not (project / "results").exists() and not (project / ".snakemake").exists()
    assert "Nothing to be done" in run(here, *words)
    (here / "config/config.yaml").write_text("figures: {formats: [svg]}\n")
    assert "simulate_schedule_comparison" in run(here, *words, "-n")
    (here / "config/config.yaml").write_text(yaml.safe_dump(SMALL))
    (tmp_path / "project").rename(tmp_path / "moved")  # which is no reason to build anything again
    assert "Nothing to be done" in run(here, "snakemake", "-s", "../moved/Snakefile", "--cores", "1", FIGURE)


def test_as_a_module_of_somebodys_workflow(tmp_path):
    text = f"""
    config["lastiterate"] = {SMALL}

    rule everything:
        input: "mine.txt"

    module lastiterate:
        snakefile: "{ROOT}/Snakefile"
        config: config["lastiterate"]

    use rule * from lastiterate as li_*

    rule mine:
        input: "{FIGURE}"
        output: "mine.txt"
        shell: "echo python=$(command -v python) path=${{{{PYTHONPATH-none}}}} > {{output}}"
    """
    (tmp_path / "Snakefile").write_text(textwrap.dedent(text))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [sys.executable, "-m", "snakemake", "--cores", "1", "mine.txt"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert schedules(tmp_path) == {"linear"} and (tmp_path / FIGURE).exists()
    assert "path=none" in (tmp_path / "mine.txt").read_text()  # the importer's own rules are left alone
    assert "li_draw_schedule_comparison" in run(tmp_path, "snakemake", "--list-rules")
    said = run(tmp_path, "snakemake", "--cores", "1")  # without a target: the importer's first rule, not this project's
    assert "Nothing to be done" in said and "localrules" not in said


def test_deployed_by_snakedeploy_from_a_git_repository(tmp_path):
    """As from GitHub, whose address stands for a repository of this machine."""
    pytest.importorskip("snakedeploy", reason="needs the extra `test`")
    hub = tmp_path / "github/owner/lastiterate"
    copy(hub)
    git = ["git", "-C", str(hub), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"], ["tag", "v0"]):
        subprocess.run([*git, *words], check=True)
    (tmp_path / "gitconfig").write_text(f'[url "file://{tmp_path}/github/"]\n  insteadOf = https://github.com/\n[safe]\n  directory = *\n')
    environment = {"GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    deploy = "import sys; from snakedeploy.client import main; main()"
    words = ["deploy-workflow", "https://github.com/owner/lastiterate", "deployed", "--tag", "v0"]
    subprocess.run([sys.executable, "-W", "ignore", "-c", deploy, *words], cwd=tmp_path, env=os.environ | environment, check=True)
    deployed = tmp_path / "deployed"
    config = yaml.safe_load((deployed / "config/config.yaml").read_text())
    config["figures"]["formats"] = ["svg"]
    config["schaipp"]["schedule_comparison"] |= LINEAR
    (deployed / "config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    run(deployed, "snakemake", "--cores", "1", FIGURE, env=environment)
    assert schedules(deployed) == {"linear"}
    assert "Nothing to be done" in run(deployed, "snakemake", "--cores", "1", FIGURE, env=environment)


@pytest.mark.parametrize("name", ["it's", "a{b}c", "x'; touch pwned; '", "with space $HOME `id`"])
def test_a_folders_name_is_never_read_as_code(tmp_path, name):
    project = copy(tmp_path / name)
    small = ("--config", "schaipp={schedule_comparison: {total_steps: 20}}", "figures={formats: [svg]}")
    run(project, "snakemake", "--cores", "1", FIGURE, *small)
    assert (project / FIGURE).exists() and not list(tmp_path.rglob("pwned"))
    elsewhere = tmp_path / "else{where}'s"
    run(elsewhere, "snakemake", "-s", str(project / "Snakefile"), "--cores", "1", FIGURE, *small)
    assert (elsewhere / FIGURE).read_bytes() == (project / FIGURE).read_bytes() and not list(tmp_path.rglob("pwned"))
