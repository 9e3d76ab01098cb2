"""What is no longer what its step wrote is noticed, made again and never read; what a killed Snakemake left behind goes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lastiterate.workflow import owner
from lastiterate.workflow.damage import remakes
from lastiterate.workflow.held import DIGESTS, check_held, hold
from test_workflow import edited, make_copy, snakemake, steps, would_run

LOCK = Path(".snakemake/locks/0.input.lock")


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("results/a.csv")
    path.parent.mkdir()
    path.write_text("x\n1\n2\n")
    hold([path])
    return path


def test_a_table_is_checked_against_its_digest_before_it_is_read(table):
    check_held([table, Path("results/of_nobody.csv")])
    table.write_text("x\n1\n")
    with pytest.raises(
        ValueError, match=r"results/a.csv is not what its step wrote: it was changed or cut since\n  expected: sha256 [0-9a-f]{64}"
    ):
        check_held([table])


def test_damage_is_counted_once_until_it_is_mended(table):
    counts = lambda **options: remakes({"step": [str(table)]}, **options)
    assert counts() == ({"step": 0}, [])
    whole = table.read_text()
    before = table.stat()
    table.write_text("x\n1\n9\n")
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))  # under its old time
    assert counts(look=False) == ({"step": 0}, [])
    assert counts() == ({"step": 1}, ["results/a.csv"]) == counts()
    table.write_text(whole)
    assert counts() == ({"step": 1}, []) == counts()
    (table.parent / DIGESTS).write_text("[]")
    assert counts() == ({"step": 2}, ["results/a.csv"])
    table.unlink()
    assert counts()[1] == []  # it will be made anyway


def test_the_lock_of_a_dead_process_is_known_that_of_a_living_one_is_not_touched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not owner.is_locked() and not owner.is_dead()
    LOCK.parent.mkdir(parents=True)
    LOCK.touch()
    owner.take_ownership()
    assert owner.is_locked() and not owner.is_dead()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    written = json.loads(owner.OWNER.read_text())
    owner.OWNER.write_text(json.dumps(written | {"pid": gone.pid}))
    assert owner.is_dead()
    owner.OWNER.write_text(json.dumps(written | {"started": "before"}))  # another process has the number now
    assert owner.is_dead()
    owner.OWNER.write_text(json.dumps(written | {"host": "another", "pid": gone.pid}))
    assert not owner.is_dead()
    owner.OWNER.unlink()
    assert not owner.is_dead()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = make_copy(tmp_path_factory.mktemp("clone"))
    snakemake(folder, *TARGETS)
    return folder


FAMILY = "schaipp/schedule_comparison"
TARGETS = (f"figures/{FAMILY}/lr_sweep.svg", "figures/schaipp/grad_norm/mean_grad_norm.svg")


@pytest.mark.slow
def test_damaged_tables_figures_and_ingested_logs_are_made_again(built):
    result, figure = built / f"results/{FAMILY}/lr_sweep.csv", built / TARGETS[0]
    whole = {path: path.read_bytes() for path in (result, figure)}
    assert would_run(built, *TARGETS) == set()
    times = result.stat()
    result.write_bytes(whole[result][: len(whole[result]) // 2])
    os.utime(result, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert would_run(built, *TARGETS) == {"simulate_schedule_comparison", "draw_schedule_comparison"} == would_run(built, *TARGETS)
    said = snakemake(built, *TARGETS)
    assert "not what their steps wrote" in said and f"results/{FAMILY}/lr_sweep.csv" in said
    assert {path: path.read_bytes() for path in whole} == whole and would_run(built, *TARGETS) == set()
    figure.write_text("<svg/>")
    assert would_run(built, *TARGETS) == {"draw_schedule_comparison"}
    snakemake(built, *TARGETS)
    assert {path: path.read_bytes() for path in whole} == whole and would_run(built, *TARGETS) == set()
    (built / "data/ingested/tiny/history.parquet").write_bytes(b"PAR1")
    assert would_run(built, *TARGETS) == {"ingest_tiny", *steps("analyse", ["grad_norm"]), *steps("draw", ["grad_norm"])}
    snakemake(built, *TARGETS)
    assert would_run(built, *TARGETS) == set()


def backwards(path: Path) -> str:
    """A config with the keys of its families in reverse order."""
    config = yaml.safe_load(path.read_text())
    families = config["schaipp"]
    config["schaipp"] = {name: dict(reversed(entry.items())) for name, entry in families.items()}
    return yaml.safe_dump(dict(reversed(config.items())), sort_keys=False)


def swapped(path: Path) -> str:
    header, *rows = path.read_text().splitlines()
    return "\n".join([header, *reversed(rows)]) + "\n"


SAME = {
    "a default written out": (
        "config/config.yaml",
        lambda path: path.read_text().replace("cooldown_count: 2", "cooldown_count: 2\n    distance: 1"),
    ),
    "reordered keys": ("config/config.yaml", backwards),
    "spaces in a command": (
        "rules/common.smk",
        lambda path: path.read_text().replace("--input {input:q} --output {output:q}", "--input  {input:q}  --output {output:q}"),
    ),
    "swapped rows": ("config/sources.csv", swapped),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", SAME)
def test_what_means_the_same_rebuilds_nothing(built, what):
    file, change = SAME[what]
    path = built / file
    text, new = path.read_text(), change(path)
    assert new != text
    with edited(path, text, new):
        assert would_run(built, *TARGETS) == set()


@pytest.mark.slow
def test_a_changed_reader_is_seen_and_so_is_a_style_under_its_old_time(built):
    registry = built / "config/sources.csv"
    text = registry.read_text()
    with edited(registry, text, text.replace("tiny,epfml,", "tiny,logs,")):
        assert "ingest_tiny" in would_run(built, *TARGETS)
    with edited(built / "src/lastiterate/draw/style.mplstyle", "font.size: 10", "font.size: 12", keep_mtime=True):
        assert would_run(built, *TARGETS) == {"draw_schedule_comparison", "draw_grad_norm"}
