"""The real workflow in a temporary copy, on made-up logs: what each kind of change rebuilds, and that bytes repeat."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

import made_up
from lastiterate.workflow.code_hash import code_hash

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow
THEORY = {"schedule_comparison", "cooldown_length"}
LOGS = {"loss_curves", "cooldown_length_logs", "grad_norm", "horizon_transfer_logs", "horizon_cooldown"}

RATES = [0.001, 0.002, 0.004]
FIRST = {"total_steps": 1000, "cooldown": 0.2, "base_lr": 0.001}
LONGER = {"total_steps": 2000, "cooldown": 0.2, "base_lr": 0.001}
EXTENSIONS = {
    "first": [{**FIRST, "schedule_name": "wsd"}],
    "same_lr": [{**LONGER, "schedule_name": "wsd"}],
    "lowered_lr": [{**LONGER, "schedule_name": "two_stage"}],
}
OWN = {  # what a user writes in config.yaml for an own sweep, and all that is needed beside its rows of sources.csv
    "loss_curves": {"models": {"mine": [{**FIRST, "schedule_name": "wsd"}]}},
    "cooldown_length_logs": {
        "select": [{"total_steps": 1000, "base_lr": RATES, "cooldown": [0.2, 0.5]}],
        "cooldown_range_base_lr": [0.001, 0.002],
    },
    "grad_norm": {"select": [{"total_steps": 1000, "schedule_name": "wsd", "cooldown": 0.2, "base_lr": RATES}], "smoothing_rows": 3},
    "horizon_transfer_logs": {"slope": {"from": -600, "to": 200, "gain": 0.01}, "models": {"mine": EXTENSIONS}},
    "horizon_cooldown": {"models": {"mine": {**EXTENSIONS, "adapted_cooldown": [{**LONGER, "cooldown": 0.5, "schedule_name": "wsd"}]}}},
}


def own_logs() -> dict[str, dict]:
    """A made-up sweep over base learning rates and cooldowns, and extensions of one of its runs."""
    logs = {path: log for base_lr in RATES for path, log in made_up.family(base_lr).items()}
    logs |= made_up.family(0.001, total=2000)
    logs["data/two_stage.json"] = made_up.log(0.001, 2000, 0.2, scheduler="wsd_twostage", wsd_twostage_transition_after=800)
    return logs


def make_copy(folder: Path) -> Path:
    """The working tree (code, rules, config) with two theory families, and every log family on a user's own sweep."""
    for name in ("src", "rules", "config", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "environment.yml"):
        shutil.copy2(ROOT / name, folder / name)
    config = yaml.safe_load((folder / "config/config.yaml").read_text())
    config["figures"]["formats"] = ["svg"]
    schaipp = config["schaipp"]
    schaipp["schedule_comparison"]["total_steps"] = 30
    schaipp["cooldown_length"] |= {"total_steps": 30, "cooldown_count": 2}
    suite = {"epochs": {"iris": 2}, "sources": ["tiny_sets"], "libsvm_epochs": 20, "seeds": 2, "label_noise": [0.2], "extensions": 0}
    config["defazio"]["convex_suite"] |= suite
    schaipp |= {name: {"sources": ["tiny"], **entry} for name, entry in OWN.items()}
    for paper in ("schaipp", "defazio", "bu", "own", "plan"):  # what has no entry is not built
        config[paper] = {name: entry for name, entry in config[paper].items() if name in THEORY | LOGS | {"convex_suite"}}
    (folder / "config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    sets = {"sets/made_up.scale": b"0 1:1 2:0.5\n2 1:-1 2:0.1\n2 1:-0.3\n" * 5}
    rows = made_up.write_mirror(folder / "mirror", own_logs()) + made_up.write_mirror(folder / "mirror", sets, "tiny_sets", "libsvm")
    made_up.write_sources(folder / "config/sources.csv", rows)
    return folder


def snakemake(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "LASTITERATE_MIRROR": str(folder / "mirror")}
    command = [sys.executable, "-m", "snakemake", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1200, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout + done.stderr


def would_run(folder: Path, *arguments: str) -> set[str]:
    """Rules with a job in the dry run (target rules left out)."""
    text = snakemake(folder, "-n", *(arguments or ("schaipp",)))
    jobs = re.findall(r"^(\w+) +\d+$", text, re.MULTILINE)
    return set(jobs) - {"total", "schaipp", "all", "paper"}


def steps(kind: str, families) -> set[str]:
    return {f"{kind}_{family}" for family in families}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = make_copy(tmp_path_factory.mktemp("clone"))
    first = would_run(folder)
    assert first == steps("simulate", THEORY) | steps("analyse", LOGS) | steps("draw", THEORY | LOGS) | {"fetch_tiny", "ingest_tiny"}
    snakemake(folder, "schaipp")
    return folder


class edited:
    """Context in which a file's text is changed; its bytes and times are restored afterwards."""

    def __init__(self, path: Path, old: str, new: str, keep_mtime: bool = False):
        self.path, self.old, self.new, self.keep_mtime = path, old, new, keep_mtime

    def __enter__(self):
        self.text, self.status = self.path.read_text(), self.path.stat()
        assert self.old in self.text
        self.path.write_text(self.text.replace(self.old, self.new, 1))
        if self.keep_mtime:
            os.utime(self.path, ns=(self.status.st_atime_ns, self.status.st_mtime_ns))

    def __exit__(self, *_):
        self.path.write_text(self.text)
        os.utime(self.path, ns=(self.status.st_atime_ns, self.status.st_mtime_ns))


def raw(folder: Path) -> Path:
    return folder / "data/raw" / made_up.REPOSITORY / made_up.COMMIT / "data/ann_lr0.002_0.5_iter1000.json"


def test_a_libsvm_set_needs_rows_in_sources_and_the_sources_name_in_the_config(built):
    wanted = ("results/defazio/convex_suite/summary.csv",)
    assert would_run(built, *wanted) == {"fetch_tiny_sets", "simulate_convex_suite"}
    assert would_run(built, "logs") == set()  # a set to train on is no log
    snakemake(built, *wanted)
    summary = pd.read_csv(built / wanted[0])
    assert summary.dataset.unique().tolist() == ["iris", "made_up.scale"] and len(summary) == 2 * 6
    assert would_run(built, *wanted) == set()
    path = built / "data/raw" / made_up.REPOSITORY / made_up.COMMIT / "sets/made_up.scale"
    with edited(path, "2 1:-1", "2 1:-9", keep_mtime=True):
        assert would_run(built, *wanted) == {"simulate_convex_suite"}


def test_a_sweep_of_ones_own_needs_rows_in_sources_and_a_selection_in_the_config(built):
    read = lambda family, table: pd.read_csv(built / f"results/schaipp/{family}/{table}.csv")
    assert sorted(read("cooldown_length_logs", "final_losses").base_lr.unique()) == RATES
    assert read("grad_norm", "mean_fits").beta.tolist() == pytest.approx([0.5], abs=1e-6)  # the norms are made up as gamma^-1/2
    (gains,) = read("horizon_transfer_logs", "gains").itertuples()
    assert (gains.model_name, gains.total_steps) == ("mine", 2000) and gains.steps_per_gain > 0
    assert set(read("horizon_cooldown", "finals").extension) == {"first", "same_lr", "lowered_lr", "adapted_cooldown"}
    drawn = {path.name for path in (built / "figures/schaipp").glob("*/*_mine.svg")}
    assert drawn == {"loss_curves_mine.svg", "horizon_transfer_mine.svg", "schedules_mine.svg", "horizon_cooldown_mine.svg"}


def test_nothing_changed_nothing_runs(built):
    assert would_run(built) == set()
    assert "Nothing to be done" in snakemake(built, "schaipp")


EDITS = {
    "numeric module": (
        "src/lastiterate/bound/problem.py",
        "check_grad_norm(grad_norm, lr.size)",
        "check_grad_norm(grad_norm, int(lr.size))",
    ),
    "drawing module": ("src/lastiterate/figures/schaipp/schedule_comparison/draw.py", "ncols=3", "ncols=2"),
    "analysis": ("src/lastiterate/figures/schaipp/cooldown_length_logs/compute.py", "math.sqrt(a / b)", "math.sqrt(1 * a / b)"),
    "docstring": ("src/lastiterate/bound/omega.py", "The three terms of the bound", "Three terms of it"),
    "comment": ("src/lastiterate/bound/__init__.py", "from lastiterate", "# a comment\nfrom lastiterate"),
    "config value": ("config/config.yaml", "cooldown_count: 2", "cooldown_count: 3"),
    "style": ("src/lastiterate/draw/style.mplstyle", "font.size: 10", "font.size: 11"),
}
EXPECTED = {
    "numeric module": steps("simulate", THEORY) | steps("draw", THEORY) | {"analyse_cooldown_length_logs", "draw_cooldown_length_logs"},
    "drawing module": {"draw_schedule_comparison"},
    "analysis": {"analyse_cooldown_length_logs", "draw_cooldown_length_logs"},
    "docstring": set(),
    "comment": set(),
    "config value": {"simulate_cooldown_length", "draw_cooldown_length"},
    "style": steps("draw", THEORY | LOGS),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_rebuilds_exactly_its_dependants(built, what):
    path, old, new = EDITS[what]
    with edited(built / path, old, new):
        assert would_run(built) == EXPECTED[what]
    assert would_run(built) == set()


def test_changed_bytes_with_the_old_modification_time_are_seen(built):
    with edited(raw(built), '"seed": 0', '"seed": 1', keep_mtime=True):
        assert would_run(built) == {"ingest_tiny"} | steps("analyse", LOGS) | steps("draw", LOGS)
    assert would_run(built) == set()


def test_a_new_row_of_the_registry_fetches(built):
    with edited(built / "config/sources.csv", "ann_lr0.004_0.5", "ann_lr0.004_0.6"):
        assert would_run(built) == {"fetch_tiny", "ingest_tiny"} | steps("analyse", LOGS) | steps("draw", LOGS)


def test_touched_files_rebuild_nothing(built):
    tables = built / "results/schaipp/cooldown_length/tuned.csv"
    for path in (raw(built), tables, built / "src/lastiterate/bound/omega.py", built / "src/lastiterate/draw/style.mplstyle"):
        path.touch()
    assert would_run(built) == set()


def test_a_deleted_raw_file_is_fetched_again_when_it_is_needed(built):
    raw(built).unlink()
    assert would_run(built) == set()  # the tables made from it are there
    snakemake(built, "schaipp", "--forcerun", "ingest_tiny")
    assert raw(built).exists() and would_run(built) == set()


def test_an_edit_really_rebuilds_then_rests(built):
    before = (built / "results/schaipp/cooldown_length/tuned.csv").read_bytes()
    with edited(built / "config/config.yaml", "cooldown_count: 2", "cooldown_count: 3"):
        snakemake(built, "schaipp")
        assert (built / "results/schaipp/cooldown_length/tuned.csv").read_bytes() != before
        assert would_run(built) == set()
    snakemake(built, "schaipp")
    assert (built / "results/schaipp/cooldown_length/tuned.csv").read_bytes() == before


def test_a_second_clone_is_byte_identical(built, tmp_path):
    second = make_copy(tmp_path / "second")
    snakemake(second, "schaipp")
    for folder in ("figures/schaipp", "results/schaipp", "data/ingested/tiny"):
        files = sorted(path.relative_to(built) for path in (built / folder).rglob("*") if path.is_file())
        assert len(files) >= 3
        assert [path for path in files if (built / path).read_bytes() != (second / path).read_bytes()] == []


def test_a_bad_config_stops_before_any_job(built):
    with edited(built / "config/config.yaml", "cooldown_count: 2", "cooldown_cont: 2"), pytest.raises(RuntimeError) as error:
        snakemake(built, "schaipp")
    assert "schaipp.cooldown_length.cooldown_cont is not a known key: did you mean cooldown_count?" in str(error.value)
    assert "Select jobs" not in str(error.value)


def test_a_selection_that_matches_nothing_lists_what_there_is(built):
    with edited(built / "config/config.yaml", "schedule_name: wsd", "schedule_name: wds"), pytest.raises(RuntimeError) as error:
        snakemake(built, "schaipp")
    assert "does not match any run. Selectable runs:" in str(error.value) and "0.5" in str(error.value)


def test_the_code_hash_covers_parents_and_is_stable():
    module = "lastiterate.figures.schaipp.multiple_horizon.compute"
    assert code_hash(module) == code_hash(module)
    with pytest.raises(ModuleNotFoundError, match="folder holds __init__"):
        code_hash("lastiterate.figures.schaipp.nothing.compute")
