"""What each trainer and tracker logs, read from made-up logs of one run."""

import json

import numpy as np
import pytest

import made_up
import made_up_logs as logs
from lastiterate.logs import LogError, read
from lastiterate.logs.formats.tensorboard import masked_crc
from made_up_logs import LOSS, NORM, SCHEDULE, TOTAL, UPDATES, VAL, messages, only, same, save


def test_hugging_face(tmp_path):
    run = only(tmp_path, logs.trainer_state())
    same(run, "train_loss", UPDATES, logs.at(LOSS))
    same(run, "val_loss", [100, 200], [VAL[99], VAL[199]])
    same(run, "grad_norm", UPDATES, logs.at(NORM))
    assert run.logged_lr[0].tolist() == UPDATES.tolist() and run.lr_from == "recognised"
    np.testing.assert_allclose(run.lr, SCHEDULE.lr, rtol=1e-12)
    assert "the linear decay meets LR 0 at step 201.00: a row's LR is its own" in messages(run) and run.name == tmp_path.name


def test_hugging_face_before_4_50_is_told_by_a_missing_key(tmp_path):
    run = only(tmp_path, logs.trainer_state(old=True))
    assert run.logged_lr[0].tolist() == (UPDATES[:-1] + 1).tolist() and "before 4.50 (no key best_global_step)" in messages(run)
    np.testing.assert_allclose(run.logged_lr[1], SCHEDULE.lr[UPDATES[:-1]], rtol=1e-12)
    stopped = logs.trainer_state(old=True, total=100)
    assert "the run stopped at update 100 of 200" in messages(only(tmp_path, stopped))
    run = only(tmp_path, stopped, schedule=SCHEDULE, lr_shift=1)
    assert run.lr_from == "schedule" and run.total_steps == TOTAL
    old = logs.trainer_state(old=True, total=190)
    with pytest.raises(LogError, match=r"learning_rate is .* at update 160, but the stated schedule has .*: with --lr-shift 1 they agree"):
        only(tmp_path, old, schedule=SCHEDULE, lr_shift=0)


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
    assert run.lr_from == "recognised" and run.series["val_loss"][0].tolist() == [0, 200]
    np.testing.assert_allclose(run.lr, SCHEDULE.lr, rtol=1e-12)
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


@pytest.mark.parametrize(
    ("where", "key", "value", "message"),
    [
        ("config", "iterations", 10**12, r"config.iterations: is 1e\+12, expected a count of updates"),
        ("config", "cos_final_lr", "x", "config: describes no schedule: cos_final_lr is 'x', expected a number"),
        ("train", "train_loss", 10**400, "history.train.train_loss: row 0 is 1000"),
    ],
)
def test_a_field_of_epfml_that_is_no_number_is_named(tmp_path, where, key, value, message):
    log = made_up.log()
    log["config"]["scheduler"] = "cos" if key == "cos_final_lr" else log["config"]["scheduler"]
    if where == "config":
        log["config"][key] = value
    else:
        log["history"]["train"][key][0] = value
    with pytest.raises(LogError, match=message):
        only(tmp_path, json.dumps(log).encode())
