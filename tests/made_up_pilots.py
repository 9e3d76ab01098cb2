"""Made-up pilot runs whose law is known, and what each tool would have written of them.

Losses follow the law `convex-power` (TRUTH), by which plans rank settings, times noise of one in a thousand from a seeded
generator. Two horizons, three peak learning rates, wsd and cosine; training losses every 10 updates, validation losses every 20.
"""

import json
import struct
from dataclasses import dataclass
from functools import cache

import numpy as np

import made_up
from lastiterate.laws import LAWS
from lastiterate.laws.path import Path as LawPath
from lastiterate.schedules import Schedule, cosine, wsd
from made_up_logs import csv_bytes, jsonl_bytes, parquet_bytes, proto, record, varint

LAW, UNIT = LAWS["convex-power"], 1e-3
TRUTH = {"coefficients": np.array([2.0, 3.0, 0.05]), "shapes": [0.45]}
NOISE, EVERY, EVERY_VAL = 1e-3, 10, 20
VAL = 0.05  # what a validation loss is above the training loss


def true_loss(lr, step):
    path = LawPath.of([(np.asarray(lr), np.asarray(step), None, None)], UNIT)
    return LAW.matrix(path, TRUTH["shapes"]) @ TRUTH["coefficients"]


@dataclass(frozen=True)
class Run:
    """A pilot: its LR is `lr` (T,), its losses are at `step` and `val_step`."""

    name: str
    schedule: Schedule
    step: np.ndarray
    loss: np.ndarray
    val_step: np.ndarray
    val: np.ndarray

    @property
    def lr(self):
        return self.schedule.lr

    @property
    def total(self):
        return self.schedule.total_steps

    def rows(self):
        """(update, train loss or None, val loss or None), in order."""
        val = dict(zip(self.val_step.tolist(), self.val.tolist(), strict=True))
        return [(t, v, val.get(t)) for t, v in zip(self.step.tolist(), self.loss.tolist(), strict=True)]


def run_of(name, schedule, seed):
    rng = np.random.default_rng(seed)
    step = np.arange(EVERY, schedule.total_steps + 1, EVERY)
    exact, noise = true_loss(schedule.lr, step), np.exp(NOISE * rng.standard_normal((2, len(step))))
    own = step % EVERY_VAL == 0
    return Run(name, schedule, step, exact * noise[0], step[own], ((exact + VAL) * noise[1])[own])


@cache
def pilots():
    """Six runs; their warmups and cooldowns begin between logged updates, as they would."""
    chosen = [(wsd, 600, 5e-4), (wsd, 600, 1e-3), (wsd, 600, 2e-3), (wsd, 1200, 1e-3), (cosine, 1200, 1e-3), (cosine, 1200, 2e-3)]
    return [
        run_of(f"{family.__name__}-{total}-{lr:g}", family(total, warmup_steps=25, peak_lr=lr), seed)
        for seed, (family, total, lr) in enumerate(chosen)
    ]


def save(folder, files):
    """Write files by name below the folder; their paths."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def each(write, name):
    """A writer of one file per run; `name` has the run's in it."""
    return lambda runs: {name.format(run.name): write(run) for run in runs}


def _wandb_rows(run):
    """What Hugging Face's callback logs to W&B: `_step` counts its calls, train/global_step the updates."""
    rows, common = [], lambda: {"_step": len(rows), "_runtime": 2.0 * len(rows), "_timestamp": 1.7e9 + len(rows)}
    for t, loss, val in run.rows():
        own = {"train/loss": loss, "train/learning_rate": run.lr[t - 1], "train/epoch": t / 300, "train/global_step": t}
        rows.append(common() | own)
        if val is not None:
            rows.append(common() | {"eval/loss": val, "eval/runtime": 1.5, "train/global_step": t})
    return rows


def _table(rows):
    """Header and rows of dicts, empty where a key is missing."""
    header = list(dict.fromkeys(key for row in rows for key in row))
    return header, [[row.get(key, "") for key in header] for row in rows]


def wandb_history_csv(run):
    """`run.history().to_csv()`: pandas' index first."""
    header, rows = _table(_wandb_rows(run))
    return csv_bytes(["", *header], [[i, *row] for i, row in enumerate(rows)])


def wandb_jsonl(run):
    """`run.scan_history()`, a row a line, with what else W&B keeps in it."""
    return jsonl_bytes([row | {"gradients/h.0": {"_type": "histogram", "values": [1, 2]}} for row in _wandb_rows(run)])


def wandb_parquet(run):
    """The run's history artifact."""
    rows = _wandb_rows(run)
    return parquet_bytes({key: [row.get(key) for row in rows] for key in dict.fromkeys(key for row in rows for key in row)})


def quoted(header, rows):
    """CSV as the site writes it: every cell in quotes, no newline at the end."""
    return "\n".join(",".join(f'"{cell}"' for cell in row) for row in [header, *rows]).encode()


def chart(runs, metric, values, axis="Step", prefix=""):
    """The CSV of one chart: rows for the union of the runs' steps, empty where a run has none; `values(run)` is (steps, values)."""
    found = {run.name: dict(zip(*(part.tolist() for part in values(run)), strict=True)) for run in runs}
    columns = (metric,) if axis == "Step" else ("_step", metric)  # the site adds the step where it is not the axis
    header = [axis, *(f"{prefix}{run} - {column}{end}" for run in found for column in columns for end in ("", "__MIN", "__MAX"))]
    rows = []
    for t in sorted(set().union(*found.values())):
        cells = [[t, found[run].get(t, "")][-len(columns) :] if t in found[run] else [""] * len(columns) for run in found]
        rows.append([t / 7 if "Time" in axis else t, *(cell for own in cells for cell in own for _ in range(3))])
    return quoted(header, rows)


LOSS, LR = (lambda run: (run.step, run.loss)), (lambda run: (run.step, run.lr[run.step - 1]))
VALIDATION = lambda run: (run.val_step, run.val)


def wandb_charts(runs, **options):
    """Three charts, each with every run: as W&B names the files."""
    stamp = "wandb_export_2025-03-0{}T11_24_12.761+01_00.csv"
    metrics = {"train/loss": LOSS, "train/learning_rate": LR, "eval/loss": VALIDATION}
    return {stamp.format(i): chart(runs, metric, values, **options) for i, (metric, values) in enumerate(metrics.items())}


def wandb_run_table(runs):
    """The project's table of runs: the site's columns, the configuration, the last values."""
    header = ["Name", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep", "learning_rate", "model.n_layer", "optimizer.betas"]
    header += ["_step", "eval/loss", "train/global_step", "train/loss"]
    rows = [
        [run.name, "finished", "-", "me", "", "2025-03-01T10:00:00.000Z", "421", "", run.schedule.peak_lr, 12, "[0.9,0.95]",
         len(_wandb_rows(run)) - 1, run.val[-1], run.total, run.loss[-1]]
        for run in runs
    ]  # fmt: skip
    return quoted(header, rows)


def trainer_state(run, old=False, planned=None):
    """trainer_state.json; `old`: before transformers 4.51, with the next update's learning rate."""
    lr, history = np.append(run.lr, 0.0), []
    for t, loss, val in run.rows():
        history.append({"epoch": t / 300, "grad_norm": 1.0, "learning_rate": float(lr[t - 1 + old]), "loss": loss, "step": t})
        if val is not None:
            history.append({"epoch": t / 300, "eval_loss": val, "eval_runtime": 1.0, "step": t})
    history.append({"epoch": run.total / 300, "step": run.total, "total_flos": 1e15, "train_loss": 3.5, "train_runtime": 9.0})
    state = {"best_global_step": None, "epoch": run.total / 300, "global_step": run.total, "log_history": history}
    return json.dumps(state | {"max_steps": planned or run.total, "logging_steps": EVERY}, indent=2).encode()


def tensorboard(run):
    """An event file as torch's SummaryWriter leaves it, with steps that are the updates done."""
    wall = varint(1 << 3 | 1) + struct.pack("<d", 1e9)
    out = [record(wall + proto(3, b"brain.Event:2"))]
    for t, loss, val in run.rows():
        for tag, value in (("train/loss", loss), ("train/learning_rate", run.lr[t - 1]), ("eval/loss", val)):
            if value is not None:
                out.append(record(wall + proto(2, t) + proto(5, proto(1, proto(1, tag.encode()) + proto(2, float(value))))))
    return b"".join(out)


def lightning(run):
    """metrics.csv of the CSVLogger with a LearningRateMonitor: steps count from 0."""
    rows = []
    for t, loss, val in run.rows():
        rows += [[0, run.lr[t - 1], t - 1, "", ""], [0, "", t - 1, loss, ""]]
        if val is not None:
            rows.append([0, "", t - 1, "", val])
    return csv_bytes(["epoch", "lr-AdamW", "step", "train_loss", "val_loss"], rows)


def nanogpt(run):
    """What train.py prints: evaluation before update step + 1, `iter` after it; max_iters = T makes T + 1 updates.

    Cosine runs have the whole configuration in the file that overrides the defaults; nanoGPT has no wsd, so for those
    runs the configuration says no more than the learning rate.
    """
    lines = ["Overriding config with config/train.py:", f"learning_rate = {run.schedule.peak_lr} # max learning rate"]
    if run.schedule.name == "cosine":
        lines += [f"max_iters = {run.total}", f"lr_decay_iters = {run.total} # should be ~= max_iters", "min_lr = 0.0", "warmup_iters = 25"]
    lines += ["", "Overriding: device = cuda", "tokens per iteration will be: 491,520", "number of parameters: 123.59M"]
    lines += ["step 0: train loss 10.9861, val loss 10.9862", "iter 0: loss 10.9860, time 31211.73ms, mfu -100.00%"]
    for t, loss, val in run.rows():
        if val is not None:
            lines.append(f"step {t}: train loss {loss:.4f}, val loss {val:.4f}")
            lines.append("saving checkpoint to out")
        lines.append(f"iter {t}: loss {loss:.4f}, time 251.21ms, mfu 42.10%")
    return "\n".join([*lines, ""]).encode()


def modded(run):
    """A log of modded-nanogpt, which begins with its own source."""
    lines = ["import os", "print0(f'step:{step}/{train_steps} val_loss:{val_loss:.4f}')", "=" * 100]
    lines.append(f"step:0/{run.total} val_loss:10.8258 train_time:0ms step_avg:nanms")
    for t, loss, val in run.rows():
        lines.append(f"step:{t}/{run.total} train_loss:{loss:.4f} train_time:{90 * t}ms step_avg:90.00ms")
        if val is not None:
            lines.append(f"step:{t}/{run.total} val_loss:{val:.4f} train_time:{90 * t}ms step_avg:90.00ms")
    return "\n".join([*lines, "peak memory allocated: 39 GiB", ""]).encode()


def llm_c(run):
    """main.log of llm.c: six decimals for learning rates."""
    lines = ["s:0 tel:11.0000"]
    for t, loss, val in run.rows():
        lines.append(f"s:{t - 1} trl:{loss:.4f} lr:{run.lr[t - 1]:.6f} norm:1.20")
        if val is not None:
            lines.append(f"s:{t} tel:{val:.4f}")
    return "\n".join([*lines, ""]).encode()


def table_rows(run, name=None):
    """Rows of a plain table; `name`: with the run's in a column."""
    own = {} if name is None else {"run_id": run.name}
    return [own | {"step": t, "lr": run.lr[t - 1], "train_loss": loss, "val_loss": val} for t, loss, val in run.rows()]


def table_csv(run, delimiter=","):
    header, rows = _table(table_rows(run))
    return csv_bytes(header, [["" if cell is None else cell for cell in row] for row in rows], delimiter)


def table_jsonl(run):
    return jsonl_bytes(table_rows(run))


def one_table(runs, kind):
    """All runs in one file, told apart by a column."""
    rows = [row for run in runs for row in table_rows(run, run.name)]
    header, cells = _table(rows)
    if kind == "csv":
        return csv_bytes(header, [["" if cell is None else cell for cell in row] for row in cells])
    if kind == "json":
        return json.dumps(rows).encode()
    return jsonl_bytes(rows) if kind == "jsonl" else parquet_bytes({key: [row.get(key) for row in rows] for key in header})


def epfml(run):
    """epfml's JSON, whose trainer has a warmup and a cosine of its own: losses by the same law at what that executes."""
    scheduler = "wsd" if run.schedule.name == "wsd" else "cos"
    log = made_up.log(run.schedule.peak_lr, run.total, 0.2, scheduler=scheduler, every=EVERY, warmup=25)
    lr, history = made_up.executed(run.schedule.peak_lr, run.total, 0.2, scheduler, 25, "linear"), log["history"]
    at = np.array(history["train"]["iter"])
    history["train"]["train_loss"] = true_loss(lr, at).tolist()
    history["val"] = {"iter": run.val_step.tolist(), "val_loss": (true_loss(lr, run.val_step) + VAL).tolist(), "val_acc": [0.5]}
    return json.dumps(log).encode()
