"""Logs of every kind: what each is taken for by its content, its columns, its steps and its learning rates."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_up_logs as logs
from lastiterate.logs import FORMATS, LogError, read
from lastiterate.logs.columns import PATTERNS
from lastiterate.logs.executed_lr import executed_lr
from lastiterate.logs.reading import find_logs, recognise
from lastiterate.logs.schema import history_table, runs_table
from lastiterate.schedules import Schedule, cosine
from made_up_logs import COLUMNS, LOSS, PLAIN, RECOGNISED, SCHEDULE, TOTAL, messages, only, same, save


@pytest.mark.parametrize(("key", "content"), RECOGNISED, ids=[f"{i}-{key}" for i, (key, _) in enumerate(RECOGNISED)])
def test_every_format_is_recognised_by_its_content(tmp_path, key, content):
    path = save(tmp_path, content)
    (file,) = find_logs(path)
    assert recognise(file) == key
    (first, *_) = read(path)
    assert first.log_format and first.series
    runs_table([first], "s"), history_table([first], "s")  # fits the schema


@pytest.mark.parametrize(
    "content", [PLAIN, logs.parquet_bytes(COLUMNS), logs.jsonl_bytes(logs.table_rows()), json.dumps(logs.table_rows()).encode()]
)
def test_a_plain_table_tells_everything(tmp_path, content):
    run = only(tmp_path, content)
    same(run, "train_loss", range(1, TOTAL + 1), LOSS)
    np.testing.assert_array_equal(run.lr, SCHEDULE.lr)
    assert run.lr_from == "recognised" and run.base_lr == 1e-3 and run.total_steps == TOTAL
    assert run.taken["train_loss"] == "loss" and len(run.notes) == 1 and run.run_id == "log"


def test_steps_that_start_at_0_count_from_0(tmp_path):
    run = only(tmp_path, logs.jsonl_bytes(logs.table_rows(start=0)))
    same(run, "train_loss", range(1, TOTAL + 1), LOSS)
    np.testing.assert_array_equal(run.lr, SCHEDULE.lr)
    assert messages(run).startswith("step: step starts at 0: step k is taken for update k + 1 | lr: recognised as wsd with peak 0.001")
    stated = only(tmp_path, logs.jsonl_bytes(logs.table_rows(start=0)), step_shift=0, lr_shift=1)
    same(stated, "train_loss", range(TOTAL), LOSS)
    assert stated.total_steps == TOTAL - 1 and len(stated.notes) == 1
    np.testing.assert_allclose(stated.lr, SCHEDULE.lr[:-1], rtol=1e-14)


def test_a_mapping_overrules_the_names(tmp_path):
    content = logs.csv_bytes(["t", "a", "b", "loss"], [[1, 3.0, 0.1, 9.0], [2, 2.0, 0.1, 9.0]])
    run = only(tmp_path, content, {"step": "t", "train_loss": "a", "lr": "b", "val_loss": "loss"})
    assert run.series["train_loss"][1].tolist() == [3.0, 2.0] and run.lr.tolist() == [0.1, 0.1]
    assert run.taken == {"step": "t", "lr": "b", "train_loss": "a", "val_loss": "loss"}
    with pytest.raises(LogError, match="there is no column 'x' for lr, but t, a, b, loss"):
        only(tmp_path, content, {"lr": "x"})
    with pytest.raises(ValueError, match="mapping='rate' is not known"):
        read(tmp_path / "log", {"rate": "b"})


def test_every_name_that_is_known_is_recognised():
    from lastiterate.logs.columns import recognise as recognise_columns

    for role, patterns in PATTERNS.items():
        for name in (p for p in patterns if p.isidentifier()):
            assert recognise_columns([name], {}, "x") == {role: name}
            assert recognise_columns([name.replace("_", "/").title() if not name.startswith("_") else name], {}, "x").keys() == {role}
    assert not recognise_columns(["lr-AdamW-momentum", "epoch", "losses_of_sleep", "model/loss_scale"], {}, "x")


def test_columns_that_would_fit_as_well_are_named(tmp_path):
    run = only(tmp_path, logs.csv_bytes(["step", "lr-A/pg1", "lr-A/pg2", "loss"], [[1, 0.1, 0.2, 3.0]]))
    assert run.lr.tolist() == [0.1] and "lr-A/pg1: taken for lr; lr-A/pg2 would fit as well" in messages(run)


def test_what_is_not_finite_or_repeats_is_said(tmp_path):
    content = b"step,loss,grad_norm\n1,3,1\n2,nan,\n2,2.75,\n3,2.5,inf\n3,2.25,1\n"
    run = only(tmp_path, content)
    assert run.series["train_loss"][0].tolist() == [1, 2, 3] and run.series["train_loss"][1].tolist() == [3, 2.75, 2.25]
    assert run.series["grad_norm"][1].tolist() == [1, 1] and "loss: 2 rows repeat a step: the last of them counts" in messages(run)
    run = only(tmp_path, b"step,loss\n1,3\n2,nan\n3,-inf\n")
    assert run.total_steps == 3 and run.invalid["train_loss"].tolist() == [2, 3]
    assert messages(run).startswith("loss: 2 of 3 values are not finite, the first at step 2: left out | ") and run.diverged


def test_many_runs_in_one_table(tmp_path):
    rows = [row for run in ("a", "b", "c") for row in logs.table_rows(run)]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    for content in (
        logs.jsonl_bytes(rows),
        logs.parquet_bytes(columns),
        logs.csv_bytes(list(columns), zip(*columns.values(), strict=True)),
    ):
        runs = list(read(save(tmp_path, content)))
        assert [run.run_id for run in runs] == ["log/a", "log/b", "log/c"]
        for run in runs:
            same(run, "train_loss", range(1, TOTAL + 1), LOSS)
    for mixed in (
        logs.jsonl_bytes([*rows, rows[0]]),
        logs.csv_bytes(list(columns), [[row[n] for n in columns] for row in [*rows, rows[0]]]),
    ):
        with pytest.raises(LogError, match="column 'run_id': the rows of run 'a' do not stand together: sort the table by run_id"):
            list(read(save(tmp_path, mixed)))


def test_a_log_that_begins_late_is_noted(tmp_path):
    rows = [row for row in logs.table_rows() if row["step"] > 100]
    run = only(tmp_path, logs.jsonl_bytes(rows))
    assert "history: begins at step 101: what was logged before is not in this file" in messages(run)
    assert "updates 1..100 have none in the log" in messages(run) and run.lr is None and run.total_steps == TOTAL
    np.testing.assert_array_equal(history_table([run], "s").lr, SCHEDULE.lr[100:])


@settings(derandomize=True, deadline=None)
@given(st.integers(2, 60), st.integers(1, 12), st.integers(1, 12), st.floats(0.001, 1))
def test_a_piecewise_linear_lr_is_interpolated_exactly_within_a_phase(total, every, offset, slope):
    line = 1 + slope * np.arange(1, total + 1)
    at = np.arange(min(offset, total), total + 1, every)
    vector, source, note = executed_lr(at, line[at - 1], total)
    if at.size == total:
        assert source == "log" and note is None
    if vector is None:
        assert source is None and "LR not known" in note
    else:
        np.testing.assert_allclose(vector, line, rtol=1e-9)


def test_a_gap_at_either_end_is_not_filled():
    for at, missing in (([50, 60, 70, 80, 90, 100], "1..49"), ([10, 20, 30], "31..100")):
        vector, source, note = executed_lr(np.array(at), np.ones(len(at)), 100)
        assert vector is source is None and f"updates {missing} have none in the log" in note


def test_a_stated_schedule_is_checked(tmp_path):
    run = only(tmp_path, PLAIN, schedule=SCHEDULE)
    assert run.lr_from == "schedule" and run.schedule is SCHEDULE
    with pytest.raises(LogError, match=r"lr is 0.001 at update 2, but the stated schedule has .*: correct the schedule"):
        only(tmp_path, PLAIN, schedule=cosine(TOTAL, peak_lr=1e-3))
    with pytest.raises(LogError, match="is logged up to step 200, but the stated schedule has 100 updates"):
        only(tmp_path, PLAIN, schedule=cosine(100, peak_lr=1e-3))


def test_the_tables_hold_every_logged_lr_and_say_where_it_is_from(tmp_path):
    run = only(tmp_path, logs.trainer_state(old=True))
    runs, history = runs_table([run], "s"), history_table([run], "s").set_index("step")
    assert runs.lr_from.tolist() == ["recognised"] and runs.base_lr.tolist() == [1e-3]
    updates, lr = run.logged_lr
    np.testing.assert_array_equal(history.lr[updates], lr)
    known = history.lr.dropna()
    np.testing.assert_allclose(np.interp(np.arange(11, 190), known.index, known), run.lr[10:189], rtol=1e-12)


def test_every_format_has_its_name_and_says_how_it_counts():
    for module in FORMATS.values():
        assert module.NAME and len(module.__doc__) > 60


def test_a_public_loss_curve_is_read(mirror):
    (path,) = mirror.glob("thu-yao-01-luo/MultiPowerLaw/*/loss_curve_repo/csv_25/cosine_72000.csv")
    (run,) = read(path)
    assert run.lr_from in ("interpolated", None) and run.series["train_loss"][0].size > 100
    assert isinstance(run.schedule, Schedule | None)
