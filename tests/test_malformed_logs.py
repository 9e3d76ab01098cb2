"""Malformed and damaged logs: one message that says where, never a crash."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_up_logs as logs
from lastiterate.logs import LogError, read
from lastiterate.logs.schema import history_table, runs_table
from made_up_logs import COLUMNS, RECOGNISED, TOTAL, save

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
    (b"step 0: train loss 4.28, val loss 4.28\n", "run log: holds nothing that was logged after an update"),
    (b"step,loss\n1.5,2\n", "column 'step': row 1 holds 1.5; it must hold integers >= 0"),
    (b"step,loss\n-1,2\n", "column 'step': row 1 holds -1"),
    (b"step,grad_norm\n1,nan\n", "run log: has no finite value in grad_norm"),
    (b"loss\n3\n2\n", "columns: no column counts updates, there is loss: name the one that does with --map step=COLUMN"),
    (b"epoch,loss\n1,3\n2,2\n", "no column counts updates, but epoch might (epoch counts epochs: multiply it by the updates of one)"),
    (b"step,loss\n1,\n", "has none of train_loss, val_loss, grad_norm, grad_norm_l1, weight_norm_sq, relative_update with a value"),
    (
        b"step,speed\n1,2\n",
        "columns: none is known as train_loss, val_loss, grad_norm, grad_norm_l1, weight_norm_sq, relative_update: there is step, speed",
    ),
    (b"step,loss,loss\n1,2,3\n", "header: holds 'loss' 2 times"),
    (b"step,loss\n1,2\n5000000000,2\n", "run log: has a step 5000000000, expected a count of updates (at most 20000000)"),
    (b'{"step": 1, "loss": 1' + b"0" * 400 + b"}", "line 1: loss is 1000"),
    (b"step,lr,loss\n1,-1,2\n", "run log: lr is -1 at update 1, expected a finite number >= 0"),
    (b'{"step": 1, "loss": 2}\n{"step": 2, "lo\n', "line 2: not valid JSON"),
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
    (logs.wandb_history()[:-30] + b"\n", "line 22: not valid JSON"),
    (logs.wandb_history().replace(b'"NaN"', b'"x"'), "train/grad_norm is 'x', expected a number"),
    (logs.tensorboard()[:40], "events: hold no scalar"),
    (logs.tensorboard()[:-1] + b"\x00", "a record fails its checksum: the file is damaged"),
    (logs.tensorboard() + b"\x01" * 30, "begins no record (its length fails its checksum)"),
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
