"""Reader of the JSON logs that epfml's trainers export from Weights & Biases, as published with arXiv:2501.18965.

A file holds name, config, summary and history; history has a group for each kind of row (train, val, final-val), each a
table of columns with its own `iter`. Two things about them decide what the numbers mean:

- the logger runs after the LR scheduler has stepped: the LR in the row of iteration k is that of update k + 1. The
  reader rebuilds the schedule from the config, compares it with every logged LR, and refuses the run if one differs.
- two different losses are called final: the last `val_loss` (on a subset) and `final-val/loss` (whole validation set,
  about .035 higher). Only the latter becomes `final_val_loss`; the former stays in the history.
"""

import json
import math
from pathlib import Path

import numpy as np

from lastiterate.logs.run_log import LogError, RunLog
from lastiterate.schedules import Phase, Schedule

WARMUP_START = 1 / 100  # the trainer's initial over peak LR, for wsd and for its one-cycle cosine
COSINE_FINAL = 0.1  # final over peak LR of cosine runs whose config does not give a final LR
LR_RTOL = 1e-6  # logged LRs, relative to the peak
MOST_UPDATES = 20_000_000  # more than any run has

_SERIES = {"train_loss": ("train", "train_loss"), "val_loss": ("val", "val_loss"), "grad_norm": ("train", "grad_norm")}
_OPTIONAL = {"grad_norm"}


def read(path: Path, file: str) -> RunLog:
    """Read one log. `file` is its name in messages. Raises LogError for anything that makes the run unusable."""
    try:
        data = json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise LogError(file, f"byte {error.pos}", f"not valid JSON ({error.msg}): the file is truncated or damaged") from None
    except UnicodeDecodeError as error:
        raise LogError(file, f"byte {error.start}", "not valid UTF-8: the file is damaged") from None
    config, summary, history = (_get(data, key, dict, file) for key in ("config", "summary", "history"))
    setting = lambda key, kind: _get(config, key, kind, file, "config.")
    base_lr = _positive(setting("lr", float), file, "config.lr")
    schedule = _schedule(config, base_lr, file)
    run = RunLog(
        run_id=file.removesuffix(".json"),
        file=file,
        name=_get(data, "name", str, file),
        dataset=setting("dataset", str),
        model=setting("model", str),
        n_params=int(_get(summary, "parameters", float, file, "summary.")),
        optimizer=setting("opt", str),
        schedule=schedule,
        cooldown=float(config.get("wsd_fract_decay") or 0.0) if schedule.name != "cosine" else 0.0,
        base_lr=base_lr,
        tokens_per_step=math.prod(setting(k, int) for k in ("batch_size", "acc_steps", "world_size", "sequence_length")),
        seed=setting("seed", int),
        final_train_loss=_finite(summary, "train/loss", file),
        final_val_loss=_finite(summary, "final-val/loss", file),
        series={},
    )
    for name, (group, column) in _SERIES.items():
        rows = _get(history, group, dict, file, "history.")
        if column in rows or name not in _OPTIONAL:
            run.series[name] = _column(run, rows, group, column)
    _check_lr(run, history["train"], file)
    if config.get("resume_from"):
        run.resumed_from, run.branch_step = _checkpoint(config["resume_from"], file)
    return run


def _get(table: dict, key: str, kind: type, file: str, prefix: str = ""):
    """A field of the wanted type (an int where a float is wanted is fine, a bool never is)."""
    if not isinstance(table, dict) or key not in table:
        raise LogError(file, prefix + key, "missing")
    value = table[key]
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise LogError(file, prefix + key, f"is {value!r:.60}, expected {kind.__name__}")
    return value


def _finite(summary: dict, key: str, file: str) -> float:
    value = float(_get(summary, key, float, file, "summary."))
    if not math.isfinite(value):
        raise LogError(file, f"summary.{key}", f"is {value}, expected a finite loss")
    return value


def _positive(value, file: str, where: str) -> float:
    if not (math.isfinite(value) and value > 0):
        raise LogError(file, where, f"is {value}, expected a positive number")
    return float(value)


def _is_number(value) -> bool:
    """Whether a value is a number that a double can hold, or missing."""
    return value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**1023)


def _column(run: RunLog, rows: dict, group: str, column: str):
    """Steps and values of a history column: sorted, rows of the same step averaged (requeued jobs log twice)."""
    where = f"history.{group}.{column}"
    steps = np.asarray(_get(rows, "iter", list, run.file, f"history.{group}."))
    values = _get(rows, column, list, run.file, f"history.{group}.")
    if len(values) != len(steps):
        raise LogError(run.file, where, f"has {len(values)} rows, but {group}.iter has {len(steps)}")
    if len(steps) == 0:
        raise LogError(run.file, where, "has no rows")
    try:
        values = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        bad = next(i for i, value in enumerate(values) if not _is_number(value))
        raise LogError(run.file, where, f"row {bad} is {values[bad]!r:.60}, expected a number") from None
    if steps.dtype.kind not in "iu" or steps.min() < 0:
        raise LogError(run.file, f"history.{group}.iter", "must be non-negative integers")
    bad = ~np.isfinite(values)
    if bad.any():
        first = int(np.argmax(bad))
        raise LogError(run.file, where, f"{int(bad.sum())} of {len(values)} values are not finite, the first at iter {steps[first]}")
    unique, index, count = np.unique(steps, return_inverse=True, return_counts=True)
    if len(unique) < len(steps):
        run.note(where, f"{len(steps) - len(unique)} rows repeat a step that is already logged: averaged")
    return unique, np.bincount(index, weights=values) / count


def _schedule(config: dict, base_lr: float, file: str) -> Schedule:
    """The schedule that the trainer's config describes, as phases of executed updates."""
    total = _get(config, "iterations", int, file, "config.")
    if total > MOST_UPDATES:
        raise LogError(file, "config.iterations", f"is {total:.6g}, expected a count of updates (at most {MOST_UPDATES})")
    warmup = _get(config, "warmup_steps", int, file, "config.")
    kind = _get(config, "scheduler", str, file, "config.")
    try:
        if kind == "cos":
            return _one_cycle(config, total, warmup, base_lr)
        if kind in ("wsd", "wsd_twostage"):
            return _wsd(config, total, warmup, base_lr, kind == "wsd_twostage")
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise LogError(file, "config", f"describes no schedule: {error}") from None
    raise LogError(file, "config.scheduler", f"is {kind!r}, expected cos, wsd or wsd_twostage")


def _one_cycle(config: dict, total: int, warmup: int, base_lr: float) -> Schedule:
    """Torch's OneCycleLR with cosine annealing: both halves are cosines, the peak is executed by update `warmup`."""
    final = config.get("cos_final_lr")
    if final is not None and type(final) not in (int, float):
        raise ValueError(f"cos_final_lr is {final!r:.40}, expected a number")
    ratio = COSINE_FINAL if final is None or final < 0 else final / base_lr
    phases = (
        Phase("warmup", warmup - 1, "cosine", WARMUP_START, 1.0, warmup - 1),
        Phase("decay", total - warmup + 1, "cosine", 1.0, ratio, total - warmup),
    )
    return Schedule("cosine", phases, base_lr)


def _wsd(config: dict, total: int, warmup: int, base_lr: float, two_stage: bool) -> Schedule:
    """Linear warmup, constant, then a decay over int(fraction * total) updates whose first still executes the plateau."""
    cool = int(config["wsd_fract_decay"] * total)
    shape = {"linear": "linear", "sqrt": "1-sqrt", None: "linear"}[config.get("decay_type")]
    start = Phase("warmup", warmup, "linear", WARMUP_START, 1.0, warmup)
    plateau_end = total - cool + (1 if cool else 0)
    level, middle = 1.0, (Phase("stable", plateau_end - warmup),)
    if two_stage:
        switch, between, level = (config[f"wsd_twostage_{key}"] for key in ("transition_after", "transition_steps", "factor"))
        middle = (
            Phase("stable", switch - warmup),
            Phase("transition", between, "linear", 1.0, level, between),
            Phase("stable", plateau_end - switch - between, start=level),
        )
    decay = (Phase("decay", cool - 1, shape, level, config["wsd_final_lr_scale"], cool, 1),) if cool else ()
    return Schedule("two_stage" if two_stage else "wsd" if cool else "constant", (start, *middle, *decay), base_lr)


def _check_lr(run: RunLog, train: dict, file: str) -> None:
    """Refuse a run whose logged LRs are not those of its schedule: every later analysis relies on the vector."""
    steps = np.asarray(train["iter"])
    values = _get(train, "train_lr", list, file, "history.train.")
    try:
        logged = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise LogError(file, "history.train.train_lr", "holds something other than numbers") from None
    if logged.shape != steps.shape:
        raise LogError(file, "history.train.train_lr", f"has {logged.size} rows, but train.iter has {steps.size}")
    inside = (steps < run.schedule.total_steps) & np.isfinite(logged)  # the row of step T is the LR of update T + 1
    off = np.abs(logged[inside] - run.schedule.lr[steps[inside]]) > LR_RTOL * run.base_lr
    if off.any():
        step = int(steps[inside][np.argmax(off)])
        raise LogError(
            file,
            "history.train.train_lr",
            f"{int(off.sum())} of {steps.size} logged LRs differ from the configured schedule, first at iter {step}: "
            f"logged {logged[inside][np.argmax(off)]:.6g}, expected {run.schedule.lr[step]:.6g}",
        )


def _checkpoint(path: str, file: str) -> tuple[str, int]:
    """Run name and step of a checkpoint path .../<run>/ckpts/<step>."""
    parts = str(path).rstrip("/").split("/")
    if len(parts) < 3 or parts[-2] != "ckpts" or not parts[-1].isdigit():
        raise LogError(file, "config.resume_from", f"is {path!r}, expected .../<run>/ckpts/<step>")
    return parts[-3], int(parts[-1])
