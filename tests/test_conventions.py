"""What others expect of a Snakemake workflow: that files which describe it are true, and parsed by what will read them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from lastiterate.workflow.config_readme import config_readme
from lastiterate.workflow.environment import direct_dependencies, locked_versions


def test_the_page_of_the_config_is_up_to_date_and_has_every_key():
    text = (ROOT / "config/README.md").read_text()
    assert text == config_readme(ROOT) + "\n", "run python -m lastiterate.workflow.config_readme"
    assert "| `public_logs` | true or false | `true` |" in text and "### `schaipp.cooldown_length`" in text
    assert "| `distance` | number > 0 | `1.0` |" in text and "| `plans.NAME.horizon` | integer ≥ 1 | required |" in text
    assert not re.search(r"\| *\|\s*$", text, re.MULTILINE)  # each has its meaning


def test_the_catalogue_finds_what_it_looks_for():
    entry = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())
    assert entry["usage"]["software-stack-deployment"]["conda"] is True and entry["usage"]["report"] is True
    for name in (
        "Snakefile",
        "config/README.md",
        "config/config.yaml",
        "config/schema.yaml",
        ".test/config/config.yaml",
        "LICENSE",
        "README.md",
    ):
        assert (ROOT / name).is_file(), name
    rules = "".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")])
    assert not re.search(r"^\s+run:", rules, re.MULTILINE)
    for block in re.split(r"^ *rule\b", rules, flags=re.MULTILINE)[1:]:
        if "shell:" in block:
            assert [key for key in ("log:", "conda:", "resources:", "params:") if key not in block] == [], block


@pytest.mark.parametrize("name", ["environment.yml", "environment-train.yml"])
def test_conda_environments_are_read_by_condas_own_grammar(name):
    rattler = pytest.importorskip("rattler", reason="needs the extra `test`")
    environment = yaml.safe_load((ROOT / name).read_text())
    assert environment["channels"] == ["conda-forge", "bioconda"]
    specs = [rattler.MatchSpec(text, strict=True) for text in environment["dependencies"]]
    versions = {spec.name.normalized: str(spec.version) for spec in specs}
    lock = locked_versions(ROOT / ("requirements.lock" if name == "environment.yml" else "requirements-train.lock"))
    extra = "workflow" if name == "environment.yml" else "train"
    assert len(specs) == 1 + len(direct_dependencies(ROOT / "pyproject.toml", extra)) == len(versions)
    known = set(lock.values()) | {"3.11"}
    assert all(version.strip("=").removesuffix(".*") in known for version in versions.values()), versions


def test_the_container_is_of_what_there_is():
    dockerfile = pytest.importorskip("dockerfile_parse", reason="needs the extra `test`")
    parsed = dockerfile.DockerfileParser(path=str(ROOT), cache_content=True)
    assert re.fullmatch(r"python:3\.1[1-3]-slim", parsed.baseimage)
    copied = [step["value"].split()[:-1] for step in parsed.structure if step["instruction"] == "COPY"]
    assert [name for names in copied for name in names if not (ROOT / name).exists()] == []
    assert {"src", "rules", "config", "Snakefile", "environment.yml", "requirements.lock"} <= {name for names in copied for name in names}
    assert parsed.structure[-1]["instruction"] == "ENTRYPOINT"


def dry_run(*words: str) -> str:
    command = [sys.executable, "-m", "snakemake", "-n", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_the_profile_for_kubernetes_plans_a_figure(tmp_path):
    for plugin in ("executor_plugin_kubernetes", "storage_plugin_fs"):
        pytest.importorskip(f"snakemake_{plugin}", reason="needs the extra `test`")
    figure = "figures/schaipp/wsd_detail/single_terms.svg"
    storage = ("--default-storage-provider", "fs", "--default-storage-prefix", str(tmp_path / "bucket"))  # s3 would ask the bucket
    words = ("--workflow-profile", "profiles/kubernetes", *storage, "--directory", str(tmp_path))
    assert re.search(r"simulate_wsd_detail\s+1\b", dry_run(*words, figure))


@pytest.mark.slow
def test_the_small_config_builds_a_figure_of_training_runs(tmp_path):
    figure = "figures/own/own_cooldown/lr_sweep.svg"
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text((ROOT / ".test/config/config.yaml").read_text())
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(tmp_path), "--cores", "2", figure]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / figure).is_file() and not list(Path(tmp_path).glob("figures/**/*.pdf"))


@pytest.mark.slow
def test_a_nested_number_on_the_command_line_is_a_number(tmp_path):
    words = ("--directory", str(tmp_path), "-s", str(ROOT / "Snakefile"), "figures/schaipp/cooldown_length/lr_sweep.svg")
    given = "schaipp={cooldown_length: {cooldown_count: 3}}"
    assert "simulate_cooldown_length" in dry_run(*words, "--config", given)
