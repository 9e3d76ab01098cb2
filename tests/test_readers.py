"""Readers of users' logs: what each format is taken for, on made-up logs of one run, and what malformed ones say."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_up
import made_up_logs as logs
from lastiterate.cli import main
from lastiterate.logs import FORMATS, LogError, ingest, read
from lastiterate.logs.columns import PATTERNS
from lastiterate.logs.executed_lr import executed_lr
from lastiterate.logs.formats.tensorboard import masked_crc
from lastiterate.logs.reading import find_logs, recognise
from lastiterate.logs.schema import history_table, runs_table
from lastiterate.logs.stream import write_tables
from lastiterate.schedules import Schedule, cosine
from lastiterate.workflow.content import source_digest
from lastiterate.workflow.fetch import fetch_source
from lastiterate.workflow.sources import load_sources
from lastiterate.workflow.step import StepError
from made_up_logs import LOSS, NORM, SCHEDULE, TOTAL, UPDATES, VAL


def save(tmp_path, content, name="log"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def only(tmp_path, content, mapping=None, **stated):
    (run,) = read(save(tmp_path, content), mapping, **stated)
    return run


def messages(run):
    return " | ".join(f"{note.where}: {note.message}" for note in run.notes)


def same(run, name, updates, values, **tolerance):
    steps, found = run.series[name]
    assert steps.tolist() == list(updates)
    np.testing.assert_allclose(found, values, **{"rtol": 1e-12, **tolerance})


COLUMNS = {"step": list(range(1, TOTAL + 1)), "lr": SCHEDULE.lr.tolist(), "loss": LOSS.tolist(), "grad_norm": NORM.tolist()}
PLAIN = logs.csv_bytes(list(COLUMNS), zip(*COLUMNS.values(), strict=True))

# format, content: the formats' keys, each recognised by content alone (the file is called "log")
RECOGNISED = [
    ("hugging_face", logs.trainer_state()),
    ("lightning", logs.lightning()),
    ("lightning", logs.lightning(every=1)),
    ("wandb_chart", logs.wandb_chart()),
    ("wandb_runs", logs.wandb_runs()),
    ("wandb_history", logs.wandb_history()),
    ("wandb_history", logs.csv_bytes(["", "_step", "train/loss"], [[0, 0, 3.0], [1, 1, 2.0]])),
    ("text", logs.nanogpt()),
    ("text", logs.modded()),
    ("text", logs.llm_c()),
    ("tensorboard", logs.tensorboard()),
    ("epfml", json.dumps(made_up.log()).encode()),
    ("epfml", json.dumps(made_up.log(), indent=4).encode()),
    ("table", PLAIN),
    ("table", b"\xef\xbb\xbf" + PLAIN),
    ("table", logs.csv_bytes(["step", "loss"], [[1, 3.0]], delimiter="\t")),
    ("table", logs.csv_bytes(["step", "loss"], [[1, 3.0]], delimiter=";")),
    ("table", b"\n\ngrad_norm\n1.0\n2.0\n"),
    ("table", logs.jsonl_bytes(logs.table_rows())),
    ("table", json.dumps(logs.table_rows(), indent=1).encode()),
    ("table", logs.parquet_bytes(COLUMNS)),
]


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
    assert run.lr_from == "log" and run.base_lr == 1e-3 and run.total_steps == TOTAL
    assert run.taken["train_loss"] == "loss" and not run.notes and run.run_id == "log"


def test_steps_that_start_at_0_count_from_0(tmp_path):
    run = only(tmp_path, logs.jsonl_bytes(logs.table_rows(start=0)))
    same(run, "train_loss", range(1, TOTAL + 1), LOSS)
    np.testing.assert_array_equal(run.lr, SCHEDULE.lr)
    assert messages(run) == "step: step starts at 0: step k is taken for update k + 1"
    stated = only(tmp_path, logs.jsonl_bytes(logs.table_rows(start=0)), step_shift=0, lr_shift=1)
    same(stated, "train_loss", range(TOTAL), LOSS)
    assert stated.total_steps == TOTAL - 1 and not stated.notes
    np.testing.assert_array_equal(stated.lr, SCHEDULE.lr[:-1])


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
    content = b"step,loss,grad_norm\n1,3,1\n2,nan,\n3,2.5,inf\n2,2.75,\n3,2.25,1\n"
    run = only(tmp_path, content)
    assert run.series["train_loss"][0].tolist() == [1, 2, 3] and run.series["train_loss"][1].tolist() == [3, 2.75, 2.25]
    assert run.series["grad_norm"][1].tolist() == [1, 1] and "loss: 2 rows repeat a step: the last of them counts" in messages(run)
    run = only(tmp_path, b"step,loss\n1,3\n2,nan\n3,-inf\n")
    assert run.total_steps == 3 and run.invalid["train_loss"].tolist() == [2, 3]
    assert messages(run) == "loss: 2 of 3 values are not finite, the first at step 2: left out"


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


def test_hugging_face(tmp_path):
    run = only(tmp_path, logs.trainer_state())
    same(run, "train_loss", UPDATES, logs.at(LOSS))
    same(run, "val_loss", [100, 200], [VAL[99], VAL[199]])
    same(run, "grad_norm", UPDATES, logs.at(NORM))
    assert run.logged_lr[0].tolist() == UPDATES.tolist() and run.lr_from == "interpolated"
    np.testing.assert_allclose(run.lr[[9, 149, 199]], SCHEDULE.lr[[9, 149, 199]], rtol=1e-12)
    assert "as transformers writes it since 4.51" in messages(run) and run.name == tmp_path.name


def test_hugging_face_before_4_51_is_told_by_its_last_row(tmp_path):
    run = only(tmp_path, logs.trainer_state(old=True))
    assert run.logged_lr[0].tolist() == (UPDATES[:-1] + 1).tolist() and "before 4.51" in messages(run)
    np.testing.assert_allclose(run.logged_lr[1], SCHEDULE.lr[UPDATES[:-1]], rtol=1e-12)
    stopped = logs.trainer_state(old=True, total=100)
    assert "the run stopped at update 100 of 200" in messages(only(tmp_path, stopped))
    run = only(tmp_path, stopped, schedule=SCHEDULE, lr_shift=1)
    assert run.lr_from == "schedule" and run.total_steps == TOTAL
    old = logs.trainer_state(old=True, total=190)
    with pytest.raises(LogError, match=r"learning_rate is .* at update 160, but the stated schedule has .*: with lr_shift=1 they agree"):
        only(tmp_path, old, schedule=SCHEDULE)


@pytest.mark.parametrize("every", [1, 10])
def test_lightning_counts_from_0(tmp_path, every):
    run = only(tmp_path, logs.lightning(every))
    updates = range(every, TOTAL + 1, every)
    same(run, "train_loss", updates, logs.at(LOSS, updates))
    same(run, "val_loss", [100, 200], [VAL[99], VAL[199]])
    assert run.logged_lr[0].tolist() == list(updates) and run.taken["lr"] == "lr-AdamW"
    np.testing.assert_allclose(run.logged_lr[1], logs.at(SCHEDULE.lr, updates), rtol=1e-12)


def test_a_table_with_an_epoch_that_is_not_lightnings(tmp_path):
    rows = [[0, int(t), LOSS[t - 1]] for t in UPDATES]
    run = only(tmp_path, logs.csv_bytes(["epoch", "step", "train_loss"], rows))
    assert run.log_format == "table" and run.series["train_loss"][0].tolist() == UPDATES.tolist()


@pytest.mark.parametrize(("counter", "shift"), [("train/global_step", 0), ("trainer/global_step", 1), ("iter", 0)])
def test_wandb_history_prefers_the_trainers_own_count(tmp_path, counter, shift):
    run = only(tmp_path, logs.wandb_history(counter, shift))
    assert run.taken["step"] == counter
    same(run, "train_loss", UPDATES, logs.at(LOSS))
    same(run, "val_loss", [100, 200], [VAL[99], VAL[199]])
    assert run.logged_lr[0].tolist() == UPDATES.tolist() and run.invalid["grad_norm"].tolist() == [100]


def test_nanogpt_in_wandb_logs_the_next_updates_lr(tmp_path):
    rows = [{"_step": t, "iter": t, "train/loss": LOSS[t], "val/loss": VAL[t], "lr": SCHEDULE.lr[t]} for t in range(0, TOTAL, 20)]
    run = only(tmp_path, logs.jsonl_bytes(rows))
    assert run.series["val_loss"][0].tolist() == list(range(0, TOTAL, 20))
    np.testing.assert_array_equal(run.lr[20], SCHEDULE.lr[20])


def test_the_loggers_own_step_is_doubted(tmp_path):
    run = only(tmp_path, logs.jsonl_bytes([{"_step": i, "loss": 3.0 - i} for i in range(3)]))
    assert run.series["train_loss"][0].tolist() == [1, 2, 3] and "counts calls of the logger" in messages(run)


def test_wandb_charts(tmp_path):
    run = only(tmp_path, logs.wandb_chart())
    same(run, "train_loss", UPDATES, logs.at(LOSS))
    assert run.name == "one" and "10 of 20 rows stand for several logged ones" in messages(run)
    runs = list(read(save(tmp_path, logs.wandb_chart(("a - b", "c")))))
    assert [run.run_id for run in runs] == ["log/a - b", "log/c"] and runs[1].series["train_loss"][1][0] == LOSS[9] + 1


def test_the_run_table_of_wandb(tmp_path):
    a, b = read(save(tmp_path, logs.wandb_runs()))
    assert (a.name, a.base_lr, a.seed, a.total_steps, a.lr_from) == ("a", 0.001, 1, 200, None)
    assert a.series["val_loss"][1].tolist() == [VAL[-1]] and a.final_train_loss == LOSS[-1] and a.final_val_loss is None
    assert [note.run_id for note in a.notes if note.left_out] == ["log/c"]
    assert b.invalid["val_loss"].tolist() == [150] and "State: is crashed" in messages(b)


def test_nanogpt(tmp_path):
    run = only(tmp_path, logs.nanogpt())
    same(run, "train_loss", range(1, TOTAL + 1, 10), LOSS[::10], atol=5e-5)
    same(run, "val_loss", [0, 100], [VAL[0], VAL[100]], atol=5e-5)
    lr = [1e-3 * (i + 1) / 21 if i < 20 else 1e-4 + 0.5 * (1 + np.cos(np.pi * (i - 20) / 179)) * 9e-4 for i in range(TOTAL)]
    np.testing.assert_allclose(run.lr, lr, rtol=1e-12)
    assert run.lr_from == "schedule" and run.log_format == "nanoGPT text log" and "LR rebuilt from the configuration" in messages(run)
    run = only(tmp_path, logs.nanogpt(config=False))
    assert run.lr is None and "does not state learning_rate, warmup_iters" in messages(run)
    assert only(tmp_path, logs.nanogpt(config=False), schedule=SCHEDULE).lr_from == "schedule"


def test_modded_nanogpt(tmp_path):
    run = only(tmp_path, logs.modded())
    same(run, "train_loss", UPDATES, logs.at(LOSS), atol=5e-5)
    assert run.series["val_loss"][0].tolist() == [0, 100, 200] and "these logs hold none; state the schedule" in messages(run)


def test_llm_c(tmp_path):
    run = only(tmp_path, logs.llm_c())
    same(run, "train_loss", range(1, TOTAL + 1), LOSS, atol=5e-5)
    assert run.lr_from == "log" and run.series["val_loss"][0].tolist() == [0, 200]
    np.testing.assert_allclose(run.lr, SCHEDULE.lr, atol=5e-7)
    assert only(tmp_path, logs.llm_c(), schedule=SCHEDULE).lr_from == "schedule"
    cut = only(tmp_path, logs.llm_c()[:-3])
    assert cut.series["val_loss"][0].tolist() == [0] and "has no line end" in messages(cut)


@pytest.mark.parametrize("tensors", [False, True])
def test_tensorboard(tmp_path, tensors):
    run = only(tmp_path, logs.tensorboard(tensors=tensors))
    same(run, "train_loss", UPDATES, logs.at(LOSS), rtol=0 if tensors else 1e-7, atol=0)
    same(only(tmp_path, logs.tensorboard(shift=1)), "train_loss", UPDATES, logs.at(LOSS), rtol=1e-7)
    assert run.logged_lr[0].tolist() == UPDATES.tolist()


def test_the_checksum_is_the_known_one():
    # CRC-32C of "123456789" is 0xE3069283 (RFC 3720 and others), masked as TensorFlow does
    crc = 0xE3069283
    assert masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_epfml(tmp_path):
    run = only(tmp_path, json.dumps(made_up.log()).encode())
    assert run.lr_from == "schedule" and run.log_format == "epfml JSON" and run.run_id == "log"
    with pytest.raises(LogError, match="states its own columns, schedule and steps"):
        only(tmp_path, json.dumps(made_up.log()).encode(), step_shift=1)


STATE = json.loads(logs.trainer_state())
MALFORMED = [
    (b"", "content: is empty, expected a log"),
    (b"\x00\x01\x02 not a log", r"content: begins with b'\x00\x01\x02 not a log', which no format knows: convert it to CSV"),
    (b"just prose\n", "content: begins with b'just prose\\n', which no format knows"),
    (b"1,2,3\n4,5,6\n", "which no format knows: convert it to CSV with a header"),
    (b"step,loss\n1,2\n2,high\n", "line 3: loss is 'high', expected a number"),
    (b"\nloss\nx\n", "loss is 'x', expected a number"),
    (b"step,loss\n1,2\n2,3,4\n", "line 3: has 3 cells, expected 2 as in the header"),
    (b"step,loss\n", "table: has no rows"),
    (b"step,loss\n1.5,2\n", "column 'step': row 1 holds 1.5; it must hold integers >= 0"),
    (b"step,loss\n-1,2\n", "column 'step': row 1 holds -1"),
    (b"step,loss\n1,nan\n", "run log: has no finite value in loss"),
    (b"step,loss\n1,\n", "has none of train_loss, val_loss, grad_norm, grad_norm_l1, weight_norm_sq, relative_update with a value"),
    (
        b"step,speed\n1,2\n",
        "columns: none is known as train_loss, val_loss, grad_norm, grad_norm_l1, weight_norm_sq, relative_update: there is step, speed",
    ),
    (b"step,loss,loss\n1,2,3\n", "header: holds 'loss' 2 times"),
    (b"step,loss\n1,2\n5000000000,2\n", "run log: has a step 5000000000, expected a count of updates (at most 20000000)"),
    (b'{"step": 1, "loss": 1' + b"0" * 400 + b"}", "line 1: loss is 1000"),
    (b"step,lr,loss\n1,-1,2\n", "run log: lr is -1 at update 1, expected a finite number >= 0"),
    (b'{"step": 1, "loss": 2}\n{"step": 2, "lo', "line 2: not valid JSON"),
    (b'{"step": 1, "loss": 2}\n[1]\n', "line 2: is [1], expected an object of columns"),
    (b'{"step": 1, "loss": "high"}\n', "line 1: loss is 'high', expected a number"),
    (b'[{"step": 1, "loss": 2}, 3]', "row 1: is 3, expected an object of columns"),
    (b'[{"step": 1, "loss"', "byte 19: not valid JSON"),
    (logs.parquet_bytes(COLUMNS)[:-9], "content: not a readable parquet file"),
    (logs.parquet_bytes(COLUMNS | {"loss": ["x"] * TOTAL}), "column 'loss': is of type string, expected numbers"),
    (logs.trainer_state()[:-20], "not valid JSON"),
    (json.dumps(STATE | {"log_history": {}}).encode(), "log_history: is dict, expected a list of rows"),
    (json.dumps(STATE | {"log_history": [{"step": 1, "loss": "3"}]}).encode(), "log_history[0].loss: is '3', expected a number"),
    (json.dumps(STATE | {"log_history": [{"loss": 3.0}]}).encode(), "log_history[0]: has loss but no step"),
    (json.dumps(STATE | {"log_history": []}).encode(), "has none of train_loss"),
    (logs.lightning() + b"0,x,200,,\n", "lr-AdamW is 'x', expected a number"),
    (logs.wandb_chart().replace(b"\n10,", b"\n10,high", 1), "expected a number"),
    (logs.wandb_chart(step="Relative Time (Process)"), "the chart's x axis is 'Relative Time (Process)', expected a count of updates"),
    (logs.wandb_chart().split(b"\n")[0] + b"\n", "table: has no rows"),
    (logs.wandb_chart().replace(b"train/loss", b"speed"), "line 1: run 'one' has none of train_loss"),
    (logs.wandb_chart() + b"210,1\n", "line 22: has 2 cells, expected 4 as in the header"),
    (logs.wandb_runs().replace(b"_step", b"_st"), "line 1: has no column for a step"),
    (logs.wandb_runs().replace(b"/loss", b"/speed"), "line 1: has no column for a loss"),
    (logs.wandb_runs().replace(b"0.001,1", b"fast,1"), "line 2: learning_rate is 'fast', expected a number"),
    (logs.csv_bytes(["Name", "State", "User", "_step", "loss"], [["a", "", "", "", ""]]), "line 2: has no _step: left out"),
    (logs.wandb_history()[:-30], "line 22: not valid JSON"),
    (logs.wandb_history().replace(b'"NaN"', b'"x"'), "train/grad_norm is 'x', expected a number"),
    (logs.llm_c() + b"s:200 trl:x lr:1\n", "line 203: trl is 'x', expected a number"),
    (logs.tensorboard()[:-5], "a record of"),
    (logs.tensorboard()[:-1] + b"\x00", "a record fails its checksum: the file is damaged"),
    (logs.tensorboard() + b"\x00" * 12, "begins no record (its length fails its checksum)"),
    (logs.tensorboard() + logs.record(b"\x0f"), "is no event of a TensorBoard log"),
    (logs.record(logs.proto(3, b"brain.Event:2")), "events: hold no scalar"),
]


@pytest.mark.parametrize(("content", "message"), MALFORMED, ids=[f"{i}" for i in range(len(MALFORMED))])
def test_a_malformed_log_has_one_message_that_says_where(tmp_path, content, message):
    path = save(tmp_path, content)
    with pytest.raises(LogError) as error:
        list(read(path))
    assert str(error.value).startswith(f"{path}: ") and message in str(error.value)


@settings(derandomize=True, deadline=None)
@given(st.sampled_from([content for _, content in RECOGNISED]), st.integers(0, 1 << 20), st.integers(1, 1 << 20), st.binary(max_size=8))
def test_a_damaged_log_is_read_or_refused_but_never_crashes(tmp_path_factory, content, start, length, junk):
    start %= len(content)
    path = save(tmp_path_factory.mktemp("damaged"), content[:start] + junk + content[start + length % 64 :])
    try:
        for run in read(path):
            runs_table([run], "s"), history_table([run], "s")
    except LogError as error:
        assert str(error).startswith(str(path))


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
    assert runs.lr_from.tolist() == ["interpolated"] and runs.base_lr.tolist() == [1e-3]
    updates, lr = run.logged_lr
    np.testing.assert_array_equal(history.lr[updates], lr)
    known = history.lr.dropna()
    np.testing.assert_allclose(np.interp(np.arange(11, 190), known.index, known), run.lr[10:189], rtol=1e-12)


def test_a_folder_is_read_file_by_file(tmp_path):
    (tmp_path / "x").mkdir()
    for name in ("a.csv", "x/b.csv"):
        save(tmp_path, PLAIN, name)
    save(tmp_path, b"", ".hidden")
    assert [run.run_id for run in read(tmp_path)] == ["a", "x/b"]
    with pytest.raises(FileNotFoundError, match="holds no file"):
        read((tmp_path / "empty").mkdir() or tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nowhere")


def test_runs_are_written_a_few_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("lastiterate.logs.stream.BATCH_ROWS", 500)
    path = save(tmp_path, logs.jsonl_bytes([row for run in "abcdefg" for row in logs.table_rows(run)]))
    assert write_tables(read(path), "s", tmp_path / "runs.parquet", tmp_path / "history.parquet") == (7, 7 * TOTAL)
    runs, history = pd.read_parquet(tmp_path / "runs.parquet"), pd.read_parquet(tmp_path / "history.parquet")
    assert runs.run_id.tolist() == [f"log/{run}" for run in "abcdefg"]
    np.testing.assert_allclose(history[history.run_id == "log/g"].train_loss, LOSS, rtol=1e-12)
    again = list(read(tmp_path / "history.parquet"))  # the tables are logs too
    assert len(again) == 7
    np.testing.assert_array_equal(again[3].lr, SCHEDULE.lr)
    with pytest.raises(ValueError, match="there is no run to write"):
        write_tables([], "s", tmp_path / "r.parquet", tmp_path / "h.parquet")
    assert not (tmp_path / "h.parquet").exists() and not list(tmp_path.glob(".*part*"))


def test_the_command_says_what_it_took_the_log_for(tmp_path, capsys):
    path = save(tmp_path, logs.trainer_state(), "trainer_state.json")
    assert main(["read", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "trainer_state: Hugging Face trainer_state.json, 200 updates, LR interpolated" in printed
    assert "train_loss: loss (20 rows, last" in printed and "note: learning_rate: LR logged at 20 of 200 updates" in printed
    schedule = tmp_path / "schedule.json"
    schedule.write_text(SCHEDULE.to_json())
    assert main(["read", str(path), "--schedule", str(schedule), "--json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["lr_from"] == "schedule" and run["taken"]["val_loss"] == "eval_loss" and run["last"]["val_loss"] == VAL[-1]


def test_the_command_reads_folders_and_leaves_out_what_is_no_log(tmp_path, capsys):
    folder = tmp_path / "logs"
    folder.mkdir()
    save(folder, PLAIN, "a.csv")
    save(folder, logs.llm_c(), "b.log")
    save(folder, b"\x00", "weights.bin")
    assert main(["read", str(folder), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert "2 runs, 401 rows" in printed.out and "left out: " in printed.err and "weights.bin" in printed.err and "3/3 files" in printed.err
    assert pd.read_parquet(tmp_path / "out/runs.parquet").run_id.tolist() == ["a", "b"]
    assert main(["read", str(folder / "weights.bin"), "--out", str(tmp_path / "none")]) == 2
    assert "which no format knows" in capsys.readouterr().err and not list((tmp_path / "none").glob("*"))
    for arguments in ([str(folder / "weights.bin")], [str(folder / "a.csv"), "--map", "loss"], [str(tmp_path / "nowhere")]):
        done = subprocess.run([sys.executable, "-m", "lastiterate.cli", "read", *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "Traceback" not in done.stderr and "error: " in done.stderr


def run_ingest(monkeypatch, folder, rows, source="mine"):
    made_up.write_sources(folder / "sources.csv", rows)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(
        "sys.argv", ["ingest", "--sources", "sources.csv", "--source", source, "--output", "r.parquet", "h.parquet", "i.csv"]
    )
    ingest.main()
    return pd.read_parquet("r.parquet"), pd.read_parquet("h.parquet"), pd.read_csv("i.csv")


LOCAL = {
    "source": "mine",
    "reader": "logs",
    "repository": "local",
    "commit": "",
    "path": "runs/*",
    "sha256": "",
    "bytes": "",
    "licence": "own",
}


def test_local_files_are_a_source(tmp_path, monkeypatch, capsys):
    (tmp_path / "runs").mkdir()
    save(tmp_path / "runs", PLAIN, "a.csv")
    save(tmp_path / "runs", logs.llm_c(), "b.log")
    save(tmp_path / "runs", b"prose", "README")
    runs, history, issues = run_ingest(monkeypatch, tmp_path, [LOCAL])
    assert runs.run_id.tolist() == ["a", "b"] and runs.lr_from.tolist() == ["log", "log"] and len(history) == 401
    assert issues[issues.left_out].file.tolist() == ["runs/README"]
    assert "mine: 2 runs, 401 rows; 1 runs left out" in capsys.readouterr().err
    files = load_sources("sources.csv")["mine"].files
    assert [file.key for file in files] == ["runs/README", "runs/a.csv", "runs/b.log"] and all(file.is_local for file in files)
    with pytest.raises(SystemExit):
        run_ingest(monkeypatch, tmp_path, [LOCAL | {"path": "runs/README"}])
    assert "none of its 1 runs can be used" in capsys.readouterr().err


def test_local_files_are_not_fetched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = save(tmp_path, PLAIN, "a.csv")
    made_up.write_sources(tmp_path / "sources.csv", [LOCAL | {"path": str(path)}])
    source = load_sources("sources.csv")["mine"]
    assert fetch_source(source) == 0 and source.files[0].local == path
    before = source_digest(source, tmp_path / "cache.json")
    path.write_bytes(PLAIN + b"201,0.001,1.0,1.0\n")
    assert source_digest(source, tmp_path / "cache.json") != before
    path.unlink()
    with pytest.raises(StepError, match=r"a.csv: no such file on this machine\n  next: correct its row"):
        fetch_source(source)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"path": "nothing/*"}, "path='nothing/\\*' matches no file on this machine"), ({"commit": "0" * 40}, "commit='0+' does not match")],
)
def test_a_bad_local_row_is_named(tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    made_up.write_sources(tmp_path / "sources.csv", [LOCAL | change])
    with pytest.raises(ValueError, match=f"line 2: {message}"):
        load_sources("sources.csv")


def test_every_format_has_its_name_and_says_how_it_counts():
    for module in FORMATS.values():
        assert module.NAME and len(module.__doc__) > 60


def test_a_public_loss_curve_is_read(mirror):
    (path,) = mirror.glob("thu-yao-01-luo/MultiPowerLaw/*/loss_curve_repo/csv_25/cosine_72000.csv")
    (run,) = read(path)
    assert run.lr_from in ("interpolated", None) and run.series["train_loss"][0].size > 100
    assert isinstance(run.schedule, Schedule | None)
