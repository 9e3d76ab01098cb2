"""The log reader, the joins, the tables and what each kind of dirt says."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import made_up
from lastiterate.logs import epfml, ingest
from lastiterate.logs.join import join_runs
from lastiterate.logs.run_log import LogError
from lastiterate.logs.schema import history_table, runs_table
from lastiterate.schedules import Schedule
from lastiterate.workflow.sources import load_sources


def read(tmp_path, data, name="data/x.json"):
    path = tmp_path / "x.json"
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    return epfml.read(path, name)


def runs_of(tmp_path, logs):
    return [read(tmp_path, data, path.removeprefix("data/")) for path, data in logs.items()]


@pytest.mark.parametrize("settings", [{}, {"decay": "sqrt", "cooldown": 0.97}, {"scheduler": "cos"}, {"cooldown": 0.0}])
def test_the_schedule_is_the_trainers(tmp_path, settings):
    run = read(tmp_path, made_up.log(**settings))
    arguments = {"base_lr": 0.001, "total": 1000, "cooldown": 0.2, "scheduler": "wsd", "warmup": 30, "decay": "linear"} | settings
    np.testing.assert_allclose(run.schedule.lr, made_up.executed(**arguments), rtol=1e-12)
    assert run.tokens_per_step == 16


def test_two_stage_schedule(tmp_path):
    run = read(tmp_path, made_up.log(scheduler="wsd_twostage", wsd_twostage_transition_after=400))
    assert run.schedule.name == "two_stage"
    factor = np.interp(np.arange(1000), [0, 30, 400, 500, 800, 1000], [0.01, 1, 1, 0.5, 0.5, 0])
    np.testing.assert_allclose(run.schedule.lr, 0.001 * factor, rtol=1e-12)


def test_repeated_rows_are_averaged_and_noted(tmp_path):
    data = made_up.log()
    train = data["history"]["train"]
    again = {column: values[0] for column, values in train.items()} | {"train_loss": train["train_loss"][0] + 1.0}
    for column, value in again.items():
        train[column] = [value, *train[column]][::-1]  # unordered too, as after a requeue
    run = read(tmp_path, data)
    steps, values = run.series["train_loss"]
    assert steps.tolist() == sorted(set(train["iter"]))
    assert values[0] == pytest.approx(train["train_loss"][-1] - 0.5)
    assert [note.message for note in run.notes if "train_loss" in note.where] == ["1 rows repeat a step that is already logged: averaged"]


def without(*keys):
    def edit(data):
        for key in keys[:-1]:
            data = data[key]
        del data[keys[-1]]

    return edit


def with_value(value, *keys):
    def edit(data):
        for key in keys[:-1]:
            data = data[key]
        data[keys[-1]] = value

    return edit


UNUSABLE = [
    (without("config"), "config: missing"),
    (without("config", "lr"), "config.lr: missing"),
    (with_value("fast", "config", "lr"), "config.lr: is 'fast', expected float"),
    (with_value(-1.0, "config", "lr"), "config.lr: is -1.0, expected a positive number"),
    (with_value("step", "config", "scheduler"), "config.scheduler: is 'step', expected cos, wsd or wsd_twostage"),
    (with_value(0, "config", "iterations"), "config: describes no schedule"),
    (without("summary", "final-val/loss"), "summary.final-val/loss: missing"),
    (with_value(float("nan"), "summary", "final-val/loss"), "summary.final-val/loss: is nan, expected a finite loss"),
    (without("history", "val"), "history.val: missing"),
    (without("history", "train", "train_loss"), "history.train.train_loss: missing"),
    (without("history", "train", "train_lr"), "history.train.train_lr: missing"),
    (with_value([1.0], "history", "train", "train_loss"), "history.train.train_loss: has 1 rows, but train.iter has 20"),
    (with_value(["a"] * 20, "history", "train", "train_loss"), "history.train.train_loss: row 0 is 'a', expected a number"),
    (with_value(float("nan"), "history", "train", "train_loss", 3), "train_loss: 1 of 20 values are not finite, the first at iter 200"),
    (with_value(None, "history", "val", "val_loss", 0), "history.val.val_loss: 1 of 5 values are not finite, the first at iter 0"),
    (
        with_value(0.5, "history", "train", "train_lr", 2),
        "1 of 20 logged LRs differ from the configured schedule, first at iter 150: logged 0.5",
    ),
    (with_value("elsewhere", "config", "resume_from"), "config.resume_from: is 'elsewhere', expected .../<run>/ckpts/<step>"),
]


@pytest.mark.parametrize(("edit", "message"), UNUSABLE, ids=[message for _, message in UNUSABLE])
def test_an_unusable_log_names_file_and_field(tmp_path, edit, message):
    data = made_up.log()
    edit(data)
    with pytest.raises(LogError) as error:
        read(tmp_path, data)
    assert str(error.value).startswith("data/x.json: ") and message in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"), [(json.dumps(made_up.log()).encode()[:-40], "truncated"), (b"\xff{}", "damaged"), (b"[]", "missing")]
)
def test_a_damaged_file_says_so(tmp_path, content, message):
    with pytest.raises(LogError, match=f"data/x.json: .*{message}"):
        read(tmp_path, content)


def test_stable_phases_are_joined(tmp_path):
    runs, failed = join_runs(runs_of(tmp_path, made_up.family()))
    assert not failed
    stable, *children = runs
    assert [run.parent_run for run in runs] == [None, stable.run_id, stable.run_id]
    for run in children:
        steps, values = run.series["train_loss"]
        assert steps.tolist() == list(range(50, 1001, 50))
        before = steps <= run.branch_step
        np.testing.assert_array_equal(values[before], stable.series["train_loss"][1][: before.sum()])
        assert run.series["val_loss"][0].tolist() == [0, 200, 400, 600, 800]


def test_a_branch_of_a_branch_goes_back_to_the_start(tmp_path):
    logs = made_up.family(cooldowns=(0.2,))
    second = made_up.log(cooldown=0.2, start=600, total=1000)
    third = made_up.log(cooldown=0.1, start=800, total=1000)
    second["name"], third["config"]["resume_from"] = "middle", "/x/middle/ckpts/800"
    runs, failed = join_runs(runs_of(tmp_path, {**logs, "data/middle.json": second, "data/third.json": third}))
    assert not failed
    last = {run.run_id: run for run in runs}["third"]
    assert last.parent_run == "middle" and last.series["train_loss"][0][0] == 50


def test_a_twin_stands_in_for_the_named_run(tmp_path):
    logs = made_up.family(cooldowns=(0.2,))
    child = logs["data/ann_lr0.001_0.2_iter1000.json"]
    child["config"]["resume_from"] = "/x/gone/ckpts/800"
    runs, failed = join_runs(runs_of(tmp_path, logs))
    assert not failed and runs[1].parent_run == runs[0].run_id
    assert "the run it names is not in the source" in runs[1].notes[-1].message


@pytest.mark.parametrize("change", [{"base_lr": 0.002}, {"n_params": 7}, {"seed": 1}, {"dataset": "other"}])
def test_a_missing_stable_phase_leaves_the_run_out(tmp_path, change):
    logs = made_up.family(cooldowns=(0.2,))
    logs["data/orphan.json"] = made_up.log(cooldown=0.2, start=800, **change)
    runs, failed = join_runs(runs_of(tmp_path, logs))
    assert [run.run_id for run in runs] == ["tiny_lr0.001_wsd_linear_0.0_iter1000", "ann_lr0.001_0.2_iter1000"]
    (note,) = failed
    assert note.left_out and note.file == "orphan.json" and "its stable phase is missing" in note.message


def test_gaps_are_noted(tmp_path):
    data = made_up.log()
    for column in data["history"]["train"]:
        del data["history"]["train"][column][5:10]
    (run,), _ = join_runs([read(tmp_path, data)])
    assert "no rows between steps 250 and 550" in [note.message for note in run.notes]


def test_tables(tmp_path):
    runs, _ = join_runs(runs_of(tmp_path, made_up.family()))
    table, history = runs_table(runs, "tiny"), history_table(runs, "tiny")
    assert table.final_val_loss.tolist() == [run.final_val_loss for run in runs]
    assert table.branch_step.isna().tolist() == [True, False, False]
    assert (table.final_val_loss - table.final_train_loss > 0.03).all()
    rows = history[history.run_id == runs[1].run_id].set_index("step")
    executed = made_up.executed(0.001, 1000, 0.2, "wsd", 30, "linear")
    assert np.isnan(rows.lr[0]) and np.isnan(rows.train_loss[0])
    np.testing.assert_allclose(rows.lr.iloc[1:], executed[rows.index[1:] - 1], rtol=1e-12)
    assert Schedule.from_json(table.schedule[1]) == runs[1].schedule


def test_a_table_that_does_not_fit_the_schema_says_where(tmp_path):
    runs, _ = join_runs(runs_of(tmp_path, made_up.family()))
    runs[0].n_params = 0
    with pytest.raises(ValueError, match=r"tiny: the reader's tables do not fit .*\n.*column n_params: rule greater_than.0., found 0"):
        runs_table(runs, "tiny")


def run_ingest(monkeypatch, folder, rows, source="tiny"):
    made_up.write_sources(folder / "sources.csv", rows)
    monkeypatch.chdir(folder)
    output = ["runs.parquet", "history.parquet", "issues.csv"]
    monkeypatch.setattr("sys.argv", ["ingest", "--sources", "sources.csv", "--source", source, "--output", *output])
    ingest.main()
    return pd.read_parquet("runs.parquet"), pd.read_parquet("history.parquet"), pd.read_csv("issues.csv")


def test_ingest_leaves_bad_runs_out_and_goes_on(tmp_path, monkeypatch, capsys):
    logs = {**made_up.family(), "data/cut.json": b'{"name": "cut', "data/orphan.json": made_up.log(0.005, start=800)}
    runs, history, issues = run_ingest(monkeypatch, tmp_path, made_up.write_mirror(tmp_path / "data/raw", logs))
    assert len(runs) == 3 and set(history.run_id) == set(runs.run_id)
    assert sorted(issues[issues.left_out].file) == ["cut.json", "orphan.json"]
    message = capsys.readouterr().err
    assert "left out: cut.json: byte 9: not valid JSON" in message and "2 runs left out" in message.splitlines()[-1]


def test_ingest_without_a_usable_run_stops(tmp_path, monkeypatch, capsys):
    rows = made_up.write_mirror(tmp_path / "data/raw", {"data/cut.json": b"{"})
    with pytest.raises(SystemExit):
        run_ingest(monkeypatch, tmp_path, rows)
    assert "none of its 1 runs can be used" in capsys.readouterr().err
    assert not Path("runs.parquet").exists()


def test_ingest_notes_an_edited_file(tmp_path, monkeypatch):
    logs = made_up.family()
    rows = made_up.write_mirror(tmp_path / "data/raw", logs)
    rows[0]["sha256"] = "0" * 64
    _, _, issues = run_ingest(monkeypatch, tmp_path, rows)
    assert issues.message.str.contains("it was edited after it was fetched").sum() == 1


@pytest.mark.parametrize(("source", "count"), [("schaipp_sweep", 193), ("schaipp_grad_norm", 30), ("schaipp_horizon", 12)])
def test_every_public_log_is_read_and_joined(mirror, tmp_path, monkeypatch, source, count):
    root = Path(__file__).parents[1]
    (tmp_path / "data").mkdir()
    (tmp_path / "data/raw").symlink_to(mirror)
    (tmp_path / "config").symlink_to(root / "config")
    monkeypatch.chdir(tmp_path)
    runs, notes = ingest.ingest(load_sources(root / "config/sources.csv")[source])
    assert len(runs) == count and not any(note.left_out for note in notes)
    assert not any("no rows between" in note.message for note in notes)
    assert all(run.series["train_loss"][0][0] <= 50 for run in runs)
    offset = [run.final_val_loss - run.series["val_loss"][1][-1] for run in runs if run.n_params == 123_587_328]
    assert 0.03 < np.median(offset) < 0.04  # the two kinds of final loss: whole validation set, and the logged subset
