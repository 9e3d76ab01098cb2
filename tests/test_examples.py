"""Commands that README, docs/ and figures/README.md print, run as printed, with the files of examples/ and the outputs that are shown."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

PAGES = [
    "README.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    "data/embedded/README.md",
    "data/long/README.md",
]
ELSEWHERE = {  # commands that are not run here -> where they are, or why not
    r"make\b": "CI runs the targets of make",
    r"git clone <": "the address is the reader's",
    r"(\.venv/bin/)?snakemake .*mine|\.venv/bin/python sweep\.py|echo 'my_runs|printf ": "tests/test_your_sweep.py follows that page",
    r"pip install snakedeploy|snakedeploy |cd my_figures": "tests/test_anywhere.py deploys the workflow",
    r"python -m lastiterate\.train|cp data/trained": "hours of training",
}
DRY = r"(\.venv/bin/)?snakemake "  # run as a dry run: what they build takes minutes to hours


def commands(page):
    """(command, output that is shown or None) of a page's console blocks, without those of ELSEWHERE."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
        if block.startswith("$ "):
            found += [(command, shown) for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)]
        else:
            found += [(line, None) for line in block.splitlines() if line.strip() and not line.startswith("#")]
    return [pair for pair in found if not any(re.match(pattern, pair[0]) for pattern in ELSEWHERE)]


BLOCKS = {page: found for page in PAGES if (found := commands(page))}


def test_the_pages_show_commands():
    assert {"README.md", "docs/logs.md", "docs/plan.md", "docs/trainers.md", "docs/transfer.md", "docs/tutorial.md"} <= set(BLOCKS)
    assert sum(len(found) for found in BLOCKS.values()) > 20


def test_the_readme_fits_three_readers_on_its_pages():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    for page in re.findall(r"\]\(([\w/.]+)\)", text):
        assert (ROOT / page).exists(), page


def test_the_files_of_the_examples_are_those_that_make_py_writes(tmp_path):
    runpy.run_path(str(ROOT / "examples/make.py"))["write"](tmp_path)
    made = [path.relative_to(tmp_path) for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    assert len(made) == 9
    for name in made:
        assert (tmp_path / name).read_bytes() == (ROOT / "examples" / name).read_bytes(), name


@pytest.fixture
def clone(tmp_path):
    """A folder with the examples, and what `source .venv/bin/activate` does after make."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/activate").write_text(f"export PATH='{Path(sys.executable).parent}':$PATH\n")
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the commands are of a POSIX shell")
@pytest.mark.parametrize("page", BLOCKS)
def test_what_a_page_prints_runs_as_printed(page, clone):
    before = ["source .venv/bin/activate"] if page != "README.md" else []
    for command, shown in BLOCKS[page]:
        if re.match(r"source |cd ", command):
            before.append(command)
            continue
        if re.match(DRY, command):
            dry_run(command)
            continue
        done = subprocess.run(["bash", "-ec", "\n".join([*before, command])], cwd=clone, capture_output=True, text=True, check=False)
        assert done.returncode == 0, command + "\n" + done.stderr
        assert not shown or done.stdout == shown, command
        assert "Traceback" not in done.stderr


def dry_run(command):
    """Run a command of Snakemake in the working tree as a dry run."""
    command = re.sub(r"^(\.venv/bin/)?snakemake", f"'{sys.executable}' -m snakemake -n", command.partition(" #")[0])
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    if "invalid choice: 'slurm'" in done.stderr:
        pytest.skip("no SLURM plugin: the extra slurm has it")
    assert done.returncode == 0, command + done.stderr[-2000:]


@pytest.mark.slow
def test_every_command_of_the_figures_names_a_target():
    targets = re.findall(r"`(?:\.venv/bin/)?snakemake (.*?)`", (ROOT / "figures/README.md").read_text())
    assert len(targets) > 100
    dry_run("snakemake --quiet rules -- " + " ".join(targets))


@pytest.mark.slow
def test_inline_commands_of_the_readme_run(clone):
    inline = re.findall(r"`((?:\.venv/bin/)?(?:snakemake|lastiterate) -[^`]*)`", (ROOT / "README.md").read_text())
    assert len(inline) >= 2
    for command in inline:
        if "snakemake" in command and "--unlock" not in command:
            dry_run(command)
        elif "lastiterate" in command:
            done = subprocess.run(
                ["bash", "-c", f"source .venv/bin/activate; cd examples; {command}"], cwd=clone, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, command
