"""What a build is said to take: its steps as Snakemake counts them, their seconds as they were recorded."""

import json

import pytest

from lastiterate.workflow.forecast import jobs, measured, recorded
from test_workflow import make_copy


def test_seconds_are_the_median_over_steps_and_not_over_files(tmp_path):
    times = [("draw_a", 0, 2), ("draw_a", 0, 2), ("draw_a", 10, 14), ("draw_a", 20, 26), ("ingest", 3, 4.5)]
    for number, (rule, begin, end) in enumerate(times):
        (tmp_path / f"file{number}").write_text(json.dumps({"rule": rule, "starttime": begin, "endtime": end}))
    (tmp_path / "cut").write_text('{"rule": "dr')
    (tmp_path / "unfinished").write_text(json.dumps({"rule": "draw_a", "starttime": 5, "endtime": None}))
    assert recorded(tmp_path) == {"draw_a": 4.0, "ingest": 1.5}
    assert recorded(tmp_path / "none") == {} == measured(tmp_path / "none.csv")


def test_the_repositorys_table_times_every_kind_of_step():
    assert {rule.split("_")[0] for rule in measured()} >= {"simulate", "analyse", "draw", "ingest"} and min(measured().values()) > 0


@pytest.mark.slow
def test_steps_are_counted_by_a_dry_run(tmp_path, monkeypatch):
    monkeypatch.chdir(make_copy(tmp_path / "clone"))
    counted = jobs(["schaipp"])
    assert any(rule.startswith("simulate_") for rule in counted) and any(rule.startswith("draw_") for rule in counted)
    assert jobs(["no_such_target"]) == {}
