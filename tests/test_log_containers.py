"""Logs in other clothes: compressed, MLflow's folders, W&B's own files, what the Trainer prints; and what lies beside logs and is none."""

import bz2
import gzip
import json
import lzma
import struct
import zlib

import numpy as np
import pyarrow as arrow
import pytest

import made_up_logs as logs
from lastiterate.logs import LogError, read
from lastiterate.logs.formats.wandb_local import HEADER
from lastiterate.logs.reading import find_all, read_each
from made_up_logs import messages, only, proto, save


def zstd(data):
    return arrow.compress(data, codec="zstd", asbytes=True)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd], ids=["gz", "bz2", "xz", "zst"])
def test_any_format_may_be_compressed(tmp_path, pack):
    for expected, content in logs.RECOGNISED:
        (plain, *_), (run, *_) = read(save(tmp_path, content, "a.log")), read(save(tmp_path, pack(content), "b.log.z"))
        assert run.log_format == plain.log_format and run.taken == plain.taken, expected
        for role, (steps, values) in plain.series.items():
            np.testing.assert_array_equal(run.series[role][0], steps)
            np.testing.assert_array_equal(run.series[role][1], values)


def test_a_compressed_file_is_named_and_grouped_as_it_would_be(tmp_path):
    (run,) = read(save(tmp_path, gzip.compress(logs.PLAIN), "log.csv.gz"))
    assert run.run_id == "log" and run.file.endswith("log.csv.gz")
    folder = tmp_path / "charts"
    folder.mkdir()
    save(folder, gzip.compress(logs.wandb_chart()), "loss.csv.gz")
    save(folder, gzip.compress(logs.wandb_chart().replace(b"train/loss", b"train/learning_rate")), "lr.csv.gz")
    (run,) = read(folder)
    assert {"train_loss", "lr"} <= set(run.taken)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gz", "xz"])
def test_what_a_cut_file_holds_is_read(tmp_path, pack):
    noise = np.random.default_rng(0).normal(3, 0.1, 20_000)
    content = "".join(f"iter {i}: loss {x:.4f}, time 1ms\n" for i, x in enumerate(noise)).encode()
    run = only(tmp_path, pack(content)[:-40_000])
    steps, losses = run.series["train_loss"]
    assert 1000 < steps.size < 20_000 and "ends early" in messages(run)
    np.testing.assert_allclose(losses, noise[: steps.size], atol=1e-4)
    with pytest.raises(LogError, match=r"cannot be unpacked .*: the file is truncated or damaged"):
        only(tmp_path, pack(content)[:9])


def metrics(folder, run="abc"):
    """mlruns as MLflow leaves it: a file for each metric, parameter and tag."""
    place = folder / "mlruns/0" / run
    for part in ("metrics/eval", "params", "tags"):
        (place / part).mkdir(parents=True)
    stamp = 1_700_000_000_000
    (place / "metrics/loss").write_text("".join(f"{stamp + t} {3 - t / 10} {t}\n" for t in range(10)))
    (place / "metrics/learning_rate").write_text("".join(f"{stamp + t} 0.001 {t}\n" for t in range(10)))
    (place / "metrics/eval/loss").write_text(f"{stamp + 5} 2.75 5\n")
    (place / "params/lr").write_text("0.001")
    (place / "tags/mlflow.runName").write_text("first")
    (place / "meta.yaml").write_text("run_id: abc\n")
    return folder / "mlruns"


def test_the_files_of_an_mlflow_run_are_one_run(tmp_path):
    top = metrics(tmp_path)
    metrics(tmp_path, "def")
    runs = list(read(top))
    assert [run.run_id for run in runs] == ["abc", "def"]
    run = runs[0]
    assert run.taken == {"step": "step", "lr": "learning_rate", "train_loss": "loss", "val_loss": "eval/loss"}
    assert run.series["train_loss"][0].tolist() == list(range(1, 11)) and run.series["val_loss"][0].tolist() == [6]
    (alone,) = read(top / "0/abc/metrics/loss")
    assert alone.series["train_loss"][1].tolist() == run.series["train_loss"][1].tolist()
    with pytest.raises(LogError, match="is 0 in all 2 lines: log_metric was called without step="):
        only(tmp_path, b"1700000000000 3.0 0\n1700000000001 2.9 0\n")


def wandb_file(rows, config=(), cut=None):
    """run-*.wandb: records of a LevelDB log, each of one field of `Record`."""
    item = lambda key, value: proto(1, proto(2, key.encode()) + proto(16, json.dumps(value).encode()))
    records = [proto(17, proto(1, b"abc") + proto(4, b"".join(item(k, v) for k, v in config)) + proto(8, b"brisk-sun-1"))]
    records += [proto(2, b"".join(item(k, v) for k, v in row.items()) + proto(2, proto(1, i))) for i, row in enumerate(rows)]
    out = HEADER
    for data in records:
        first = True
        while data or first:
            room = 32768 - len(out) % 32768
            if room < 7:
                out, room = out + b"\0" * room, 32768
            body, data = data[: room - 7], data[room - 7 :]
            kind = (1 if first else 4) if not data else (2 if first else 3)
            out += struct.pack("<IHB", zlib.crc32(bytes([kind]) + body), len(body), kind) + body
            first = False
    return out[:cut]


ROWS = [{"train/loss": 3 - i / 100, "lr": 1e-3, "grad_norm": float("nan") if i == 3 else 1.0, "text": "x" * 400} for i in range(200)]


def test_a_wandb_file_holds_the_whole_history(tmp_path):
    content = wandb_file(ROWS, [("batch_size", 8), ("seed", 3)])
    assert len(content) > 2 * 32768  # records go over the end of a block
    run = only(tmp_path, content)
    assert run.series["train_loss"][1].tolist() == [row["train/loss"] for row in ROWS] and run.name == "brisk-sun-1"
    assert run.lr_from == "recognised" and run.invalid["grad_norm"].size == 1 and run.batch_size == 8
    cut = only(tmp_path, content[:-100])
    assert cut.series["train_loss"][0].size == 199 and "the last record is cut short: what comes before is read" in messages(cut)
    damaged = bytearray(content)
    damaged[40_000] ^= 1
    assert "a record fails its checksum" in messages(only(tmp_path, bytes(damaged)))
    with pytest.raises(LogError, match="is empty: the run has logged nothing"):
        only(tmp_path, wandb_file([]))


def printed(total=100, bars=True, quoted=False, last=0.0):
    """What the Trainer prints: a row, then the bar again; an evaluation has a bar of its own."""
    lines = ["Map: 100%|##########| 1000/1000 [00:01<00:00, 900 examples/s]", f"  0%|          | 0/{total} [00:00<?, ?it/s]"]
    for step in range(10, total + 1, 10):
        lr = 1e-3 * (1 - step / total) or last
        q = "'" if quoted else ""
        row = {"loss": f"{3 - step / 100:.4f}", "grad_norm": "1.5", "learning_rate": f"{lr:.6g}", "epoch": f"{step / 50:.2f}"}
        lines.append("{" + ", ".join(f"'{key}': {q}{value}{q}" for key, value in row.items()) + "}")
        if bars:
            lines.append(f" {step}%|{'#' * (step // 10)}     | {step}/{total} [00:30<09:30,  1.67it/s]")
        if step % 50 == 0:
            lines += [
                "100%|##########| 25/25 [00:01<00:00, 20it/s]",
                f"{{'eval_loss': 2.5, 'eval_runtime': 1.2, 'epoch': {step / 50:.2f}}}",
            ]
            lines += [f" {step}%|#    | {step}/{total} [00:31<09:30,  1.67it/s]"] * bars
    lines.append(f"{{'train_runtime': 30.1, 'train_loss': 2.5, 'epoch': {total / 50:.2f}}}")
    return "\n".join([*lines, f"100%|##########| {total}/{total} [00:30<00:00,  1.67it/s]"]).replace("\n ", "\r ").encode() + b"\n"


@pytest.mark.parametrize("quoted", [False, True])
def test_the_progress_bar_tells_the_trainers_steps(tmp_path, quoted):
    run = only(tmp_path, printed(quoted=quoted))
    steps, losses = run.series["train_loss"]
    assert steps.tolist() == list(range(10, 101, 10)) and losses[-1] == 2.0 and run.series["val_loss"][0].tolist() == [50, 100]
    assert run.logged_lr[0].tolist() == list(range(11, 92, 10))  # the last row's LR is 0: each is the next update's
    assert run.log_format == "Hugging Face Trainer's output"


def test_a_trainer_that_began_anew_printed_a_second_run(tmp_path):
    first, second = read(save(tmp_path, printed() + printed(total=50)))
    assert [run.total_steps for run in (first, second)] == [100, 50]
    assert second.series["train_loss"][0].tolist() == [10, 20, 30, 40, 50] and second.logged_lr[0].tolist() == [11, 21, 31, 41]
    resumed = printed().replace(b"\r", b"\n").split(b"\n")
    at = next(i for i, line in enumerate(resumed) if b"'epoch': 1.60" in line)
    again = next(i for i, line in enumerate(resumed) if b"'epoch': 1.20" in line)
    run = only(tmp_path, b"\n".join([*resumed[:at], *resumed[again:]]))
    assert run.total_steps == 100 and run.series["train_loss"][0].tolist() == list(range(10, 101, 10))


def test_rows_may_tell_their_steps(tmp_path):
    row = "Train:   2%|2   | {t}/20 [00:55<54:36]{{'loss': '{loss}', 'epoch': '0.1', 'global_step/max_steps': '{t}/20'}}\n"
    run = only(tmp_path, "".join(row.format(t=t, loss=5 - t / 10) for t in range(5, 21, 5)).encode())
    assert run.series["train_loss"][0].tolist() == [5, 10, 15, 20] and run.series["train_loss"][1].tolist() == [4.5, 4.0, 3.5, 3.0]


def test_without_a_bar_the_state_is_asked_for(tmp_path):
    for content in (printed(bars=False).rsplit(b"\n100%", 1)[0] + b"\n", b"{'loss': 2.6, 'learning_rate': 5e-05, 'epoch': 0.1}\n"):
        with pytest.raises(LogError, match=r"no progress bar tells it: take trainer_state.json"):
            only(tmp_path, content)


UNKNOWN = [
    "[rank 0] Step: {t} | Global batch: 8 | Loss: {loss:.4f} | lr: {lr:.2e} | Grad norm: 1.25\n",
    "2026-01-01 10:00:00 - trainer - INFO - iteration {t}, loss = {loss:.4f}, lr = {lr:.2e}, grad_norm = 1.25\n",
    "INFO {{'step': {t}, 'loss': {loss:.4f}, 'lr': {lr:.2e}, 'grad_norm': 1.25}}\n",
    "train_loss {loss:.4f} lr {lr:.2e} grad_norm 1.25 step {t}/50\n",
]


@pytest.mark.parametrize("line", UNKNOWN)
def test_lines_that_name_a_step_and_a_loss_are_read(tmp_path, line):
    content = "".join(line.format(t=t, loss=5 - t / 10, lr=1e-3) for t in range(1, 21))
    run = only(tmp_path, b"hello, world: 3\n" + content.encode())
    assert run.log_format == "console log" and run.series["train_loss"][0].tolist() == list(range(1, 21))
    np.testing.assert_allclose(run.series["train_loss"][1], 5 - np.arange(1, 21) / 10)
    assert run.lr_from == "recognised" and run.series["grad_norm"][1].tolist() == [1.25] * 20


def test_a_step_within_each_epoch_is_refused(tmp_path):
    content = "".join(f"epoch {e} step {t} loss 3.0\n" for e in range(3) for t in range(5)).encode()
    with pytest.raises(LogError, match="falls back, and the lines name an epoch"):
        only(tmp_path, content)
    with pytest.raises(LogError, match="which no format knows"):
        only(tmp_path, b"starting, now: 1\nepoch done, in: 3 s\n")


NO_LOGS = [
    ("a.json", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "a Git LFS pointer.*git lfs pull"),
    ("a.csv", b"/annex/objects/MD5E-s1--0.csv\n", "git annex get"),
    ("wandb-summary.json", b'{"_step": 12, "train/loss": 3.0, "_wandb": {"runtime": 9}}', "W&B's summary"),
    ("s.json", b'{"_step": 12, "train/loss": 3.0, "_wandb": {"runtime": 9}}', "W&B's summary"),
    ("config.yaml", b"_wandb:\n  value: 1\nlr:\n  value: 0.1\n", "W&B's configuration"),
    ("debug.log", b"2026-01-01 10:00:00,1 INFO    MainThread:7 [wandb_setup.py:_flush():67] Current\n", "W&B's own debug log"),
    ("d.log", b'{"time":"2026-01-01T10:00:00","level":"INFO","msg":"stream: starting","id":1}\n' * 3, "W&B's own debug log"),
    ("e.log", b"2026-01-01 10:00:00,1 INFO    StreamThr :7 [internal.py:wandb_internal():86] W&B\n", "W&B's own debug log"),
    ("f.log", b"run-20260101_100000-abc/logs/debug.log", "it is the path .*: read that file"),
    (
        "wandb-metadata.json",
        b'{"os": "Linux", "python": "3.11", "startedAt": "2026", "gpu_nvidia": [{"name": "A"}]}',
        "description of the machine",
    ),
    ("a.ipynb", b'{"cells": [{"cell_type": "code"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "a Jupyter notebook"),
    ("config.json", b'{"architectures": ["A"], "model_type": "llama", "vocab_size": 3}', "a model's configuration.*trainer_state.json"),
    ("all_results.json", b'{"epoch": 3.0, "train_loss": 2.5, "train_runtime": 9.0}', "no history: the rows are in trainer_state.json"),
    ("model.safetensors", struct.pack("<Q", 20) + b'{"a":{"dtype":"F32"}}' + b"\0" * 40, "weights"),
    ("model.pt", b"PK\x03\x04\0\0\0\0\0\0archive/data.pkl\0\0", "a checkpoint of PyTorch"),
    ("a.xlsx", b"PK\x03\x04\0\0\0\0\0\0xl/workbook.xml", "spreadsheet.*save the sheet as CSV"),
    ("a.npz", b"PK\x03\x04\0\0\0\0\0\0loss.npy\0", "NumPy arrays"),
    ("a.npy", b"\x93NUMPY\x01\0", "a NumPy array"),
    ("a.pkl", b"\x80\x04\x95\0", "a Python pickle"),
    ("a.html", b"<!DOCTYPE html>\n<html><body>loss, step: 3</body></html>", "an HTML page"),
    ("a.png", b"\x89PNG\r\n\x1a\n\0", "an image"),
    ("a.db", b"SQLite format 3\0\0", "an SQLite database"),
    ("train.py", b"import torch\nfor step in range(3):\n    pass\n", "Python source, not what it printed"),
    ("a.yaml", b"lr: 0.1\nsteps: 3\nnames: [a, b]\n", "a configuration"),
    ("b.json", b'{"lr": 0.1, "name": {"a": 1}}', "a configuration|no column counts updates"),
]


@pytest.mark.parametrize(("name", "content", "message"), NO_LOGS, ids=[name for name, *_ in NO_LOGS])
def test_what_is_no_log_says_what_it_is(tmp_path, name, content, message):
    with pytest.raises(LogError, match=message):
        list(read(save(tmp_path, content, name)))


def test_a_folder_is_read_beside_what_is_no_log(tmp_path):
    for name, content, _ in NO_LOGS:
        save(tmp_path, content, name)
    save(tmp_path, logs.PLAIN, "log.csv")
    left_out = []
    runs = list(read_each(find_all([tmp_path]), None, lambda file, error: left_out.append(error)))
    assert [run.run_id for run in runs] == ["log.csv"] and len(left_out) == len(NO_LOGS)


@pytest.mark.parametrize(
    "line", ["completed task: 0,  seconds: 1.9, rate: 17.0\n", "2026-01-02 10:00:00.1\thost:0\ttrain:97\tINFO\tConfiguration\n"]
)
def test_a_console_line_with_a_comma_is_no_header(tmp_path, line):
    with pytest.raises(LogError, match="which no format knows"):
        only(tmp_path, (line * 3).encode())
