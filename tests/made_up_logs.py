"""Made-up logs in every format that users have, all of one run: what each trainer would have written of it, saved and read back."""

import csv
import io
import json
import struct

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet

import made_up
from lastiterate.logs import read
from lastiterate.logs.formats.tensorboard import masked_crc
from lastiterate.schedules import wsd

TOTAL = 200
SCHEDULE = wsd(TOTAL, cooldown=0.25, peak_lr=1e-3)
UPDATES = np.arange(10, TOTAL + 1, 10)  # after which the trainer logs
LOSS = 3 + 10 / np.sqrt(np.arange(1, TOTAL + 1) + 5)  # at index t - 1, the train loss of update t
VAL = LOSS + 0.1
NORM = 1 + 5 / np.arange(1, TOTAL + 1)


def at(values, updates=UPDATES):
    return [float(v) for v in np.asarray(values)[np.asarray(updates) - 1]]


def csv_bytes(header, rows, delimiter=","):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def jsonl_bytes(rows):
    return "\n".join(json.dumps(row) for row in rows).encode() + b"\n"


def parquet_bytes(columns):
    out = io.BytesIO()
    parquet.write_table(arrow.table(columns), out)
    return out.getvalue()


def trainer_state(old=False, total=TOTAL, planned=TOTAL):
    """trainer_state.json; `old`: as transformers wrote it before 4.51, with the next update's learning rate."""
    lr = np.append(SCHEDULE.lr, 0.0)
    rows = []
    for t in UPDATES[total >= UPDATES].tolist():
        rows.append({"epoch": t / 100, "grad_norm": NORM[t - 1], "learning_rate": float(lr[t - 1 + old]), "loss": LOSS[t - 1], "step": t})
        if t % 100 == 0:
            rows.append({"epoch": t / 100, "eval_loss": VAL[t - 1], "eval_runtime": 1.0, "step": t})
    rows.append({"epoch": 2.0, "step": total, "total_flos": 1e15, "train_loss": 3.5, "train_runtime": 9.0})
    state = ({} if old else {"best_global_step": None}) | {
        "best_metric": None,
        "epoch": 2.0,
        "global_step": total,
        "is_world_process_zero": True,
        "log_history": rows,
        "max_steps": planned,
    }
    return json.dumps(state, indent=2).encode()


def lightning(every=10):
    """metrics.csv: training and validation in rows of their own, the learning rate in a third, as LearningRateMonitor writes it."""
    rows = []
    for t in range(every, TOTAL + 1, every):
        rows.append([0, SCHEDULE.lr[t - 1], t - 1, "", ""])
        rows.append([0, "", t - 1, LOSS[t - 1], ""])
        if t % 100 == 0:
            rows.append([0, "", t - 1, "", VAL[t - 1]])
    return csv_bytes(["epoch", "lr-AdamW", "step", "train_loss", "val_loss"], rows)


def wandb_chart(runs=("one",), step="Step"):
    """A chart's export: for each run a column of losses, its least and its largest value."""
    header = [step, *(f"{run} - train/loss{end}" for run in runs for end in ("", "__MIN", "__MAX"))]
    rows = [[t, *(LOSS[t - 1] + i + d for i in range(len(runs)) for d in (0, 0, 0.01 * (t > 100)))] for t in UPDATES]
    return csv_bytes(header, rows)


def wandb_runs():
    header = [
        "Name",
        "State",
        "Notes",
        "User",
        "Created",
        "Runtime",
        "learning_rate",
        "seed",
        "_step",
        "train/loss",
        "eval/loss",
        "train/learning_rate",
    ]
    rows = [
        ["a", "finished", "", "me", "2025", "10", 0.001, 1, 200, LOSS[-1], VAL[-1], 0],
        ["b", "crashed", "", "me", "2025", "10", 0.002, 1, 150, LOSS[149], "NaN", 0],
        ["c", "failed", "", "me", "2025", "1", 0.003, 1, "", "", "", ""],
    ]
    return csv_bytes(header, rows)


def wandb_history(counter="train/global_step", shift=0):
    """A run's history as JSON lines; `counter` is the trainer's own, `shift` what it lags behind."""
    rows = []
    for i, t in enumerate(UPDATES.tolist()):
        row = {"_step": i, "_runtime": 1.0 * i, "_timestamp": 1e9 + i, "train/loss": LOSS[t - 1], "train/learning_rate": SCHEDULE.lr[t - 1]}
        rows.append(row | {counter: t - shift, "gradients/layer": {"_type": "histogram"}})
        if t % 100 == 0:
            rows.append({"_step": i, "eval/loss": VAL[t - 1], counter: t - shift, "train/grad_norm": "NaN" if t == 100 else 1.0})
    return jsonl_bytes(rows)


def nanogpt(config=True):
    lines = ["Overriding config with config/train.py:", "# a comment"]
    if config:
        lines += ["learning_rate = 1e-3 # max", "max_iters = 199", "lr_decay_iters = 199", "Overriding: min_lr = 1e-4", "warmup_iters = 20"]
    lines += ["tokens per iteration will be: 491,520", "number of parameters: 124.00M"]
    for iteration in range(0, TOTAL, 10):
        if iteration % 100 == 0:
            lines.append(f"step {iteration}: train loss {LOSS[iteration]:.4f}, val loss {VAL[iteration]:.4f}")
        lines.append(f"iter {iteration}: loss {LOSS[iteration]:.4f}, time 120.00ms, mfu 30.00%")
    return ("\n".join(lines) + "\n").encode()


def modded(source="print0(f'step:{step}/{train_steps} val_loss:{val_loss:.4f}')\n" * 2000):
    lines = [f"step:0/{TOTAL} val_loss:10.8258 train_time:0ms step_avg:nanms"]
    for t in UPDATES:
        lines.append(f"step:{t}/{TOTAL} train_loss:{LOSS[t - 1]:.4f} train_time:{t}ms step_avg:1.00ms")
        if t % 100 == 0:
            lines.append(f"step:{t}/{TOTAL} val_loss:{VAL[t - 1]:.4f} train_time:{t}ms step_avg:1.00ms")
    return (source + "=" * 100 + "\n" + "\n".join(lines) + "\npeak memory consumption: 39 GiB\n").encode()


def llm_c():
    lines = ["s:0 tel:11.0000"]
    lines += [f"s:{t - 1} trl:{LOSS[t - 1]:.4f} lr:{SCHEDULE.lr[t - 1]:.6f} norm:{NORM[t - 1]:.2f}" for t in range(1, TOTAL + 1)]
    return ("\n".join([*lines, f"s:{TOTAL} tel:{VAL[-1]:.4f}"]) + "\n").encode()


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def proto(field, value):
    """A field of a protocol buffer: int, float (32 bits), or bytes."""
    if isinstance(value, float):
        return varint(field << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, bytes):
        return varint(field << 3 | 2) + varint(len(value)) + value
    return varint(field << 3) + varint(value)


def proto_double(field, value):
    """A field of a protocol buffer: a double."""
    return varint(field << 3 | 1) + struct.pack("<d", value)


def record(data):
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def tensorboard(shift=0, tensors=False):
    """Events as torch writes them: a version, then one scalar each; `tensors`: as TensorFlow 2 does."""
    wall = varint(1 << 3 | 1) + struct.pack("<d", 1e9)
    out = record(wall + proto(3, b"brain.Event:2"))
    for t in UPDATES.tolist():
        for tag, value in (("train/loss", LOSS[t - 1]), ("train/learning_rate", SCHEDULE.lr[t - 1]), ("train/epoch", t / 100)):
            number = proto(8, proto(1, 2) + proto(2, b"") + proto(4, struct.pack("<d", value))) if tensors else proto(2, float(value))
            out += record(wall + proto(2, t - shift) + proto(5, proto(1, proto(1, tag.encode()) + number)))
    return out


def table_rows(run=None, start=1):
    own = {} if run is None else {"run_id": run}
    return [own | {"step": t + start - 1, "lr": SCHEDULE.lr[t - 1], "loss": LOSS[t - 1]} for t in range(1, TOTAL + 1)]


COLUMNS = {"step": list(range(1, TOTAL + 1)), "lr": SCHEDULE.lr.tolist(), "loss": LOSS.tolist(), "grad_norm": NORM.tolist()}
PLAIN = csv_bytes(list(COLUMNS), zip(*COLUMNS.values(), strict=True))

# format, content: the formats' keys, each recognised by content alone (the file is called "log")
RECOGNISED = [
    ("hugging_face", trainer_state()),
    ("lightning", lightning()),
    ("lightning", lightning(every=1)),
    ("wandb_chart", wandb_chart()),
    ("wandb_runs", wandb_runs()),
    ("wandb_history", wandb_history()),
    ("wandb_history", csv_bytes(["", "_step", "train/loss"], [[0, 0, 3.0], [1, 1, 2.0]])),
    ("text", nanogpt()),
    ("text", modded()),
    ("text", llm_c()),
    ("tensorboard", tensorboard()),
    ("epfml", json.dumps(made_up.log()).encode()),
    ("epfml", json.dumps(made_up.log(), indent=4).encode()),
    ("table", PLAIN),
    ("table", b"\xef\xbb\xbf" + PLAIN),
    ("table", csv_bytes(["step", "loss"], [[1, 3.0]], delimiter="\t")),
    ("table", csv_bytes(["step", "loss"], [[1, 3.0]], delimiter=";")),
    ("table", b"\n\nstep,grad_norm\n1,1.0\n2,2.0\n"),
    ("table", jsonl_bytes(table_rows())),
    ("table", json.dumps(table_rows(), indent=1).encode()),
    ("table", parquet_bytes(COLUMNS)),
]


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
    np.testing.assert_array_equal(steps, list(updates))
    np.testing.assert_allclose(found, values, **{"rtol": 1e-12, **tolerance})


def table(header, *rows, delimiter=","):
    """A table as CSV, from its header in one string."""
    return csv_bytes(header.split(","), rows, delimiter)


def events(rows, wall=1e9, tags=("train/loss", "train/learning_rate")):
    """An event file of rows (step, value of each tag)."""
    out = record(proto_double(1, wall) + proto(3, b"brain.Event:2"))
    for step, *values in rows:
        for tag, value in zip(tags, values, strict=True):
            summary = proto(5, proto(1, proto(1, tag.encode()) + proto(2, float(value))))
            out += record(proto_double(1, wall) + proto(2, step) + summary)
    return out
