"""Reader of loss curves as CSV (step, lr, loss), as published with arXiv:2503.12811.

The file's name is the publisher's name of the schedule, which the reader rebuilds and compares with every logged learning
rate. All runs warm up linearly over the first 2160 updates to 3e-4, end point included, then: `constant_T`; `cosine_T` to a
tenth; `wsd_S_T` and `wsdld_S_T`, exponential and linear decay to a tenth from step S on; `wsdcon_X`, X e-5 from step 8000
to 16000. `step` is the 0-based index of the update whose loss was logged: row k becomes step k + 1, and a row past the
last update is left out. The folder's number is the model's size in millions of parameters. Which loss it is, of training
or of validation, is not told; it is kept as `val_loss`.
"""

import csv
import re
from pathlib import Path

import numpy as np

from lastiterate.logs.run_log import LogError, RunLog
from lastiterate.schedules import Phase, Schedule

PEAK_LR, WARMUP_STEPS, FINAL_RATIO = 3e-4, 2160, 0.1
SWITCH_STEP, TWO_STAGE_STEPS = 8000, 16000
LR_TOLERANCE = 1.5e-6  # the files round some learning rates to 1e-6
_NAMES = re.compile(r"(constant|cosine)_(\d+)|(wsd|wsdld)_(\d+)_(\d+)|(wsdcon)_(\d+)")


def read(path: Path, file: str) -> RunLog:
    """Read one curve. `file` is its name in messages. Raises LogError for anything that makes the run unusable."""
    schedule, cooldown = _schedule(file)
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        steps, lr, loss = (np.array([float(row[key]) for row in rows]) for key in ("step", "lr", "loss"))
    except (UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise LogError(file, "content", f"is no table of numbers step, lr, loss ({error!r:.60})") from None
    if not len(steps) or (steps != np.floor(steps)).any() or steps[0] < 0 or (np.diff(steps) <= 0).any():
        raise LogError(file, "step", "must be non-negative integers that increase")
    if not (np.isfinite(loss).all() and loss.min() > 0):
        raise LogError(file, "loss", "must be positive and finite")
    run = RunLog(
        run_id=file.removesuffix(".csv"), file=file, name=Path(file).stem, series={}, model="llama", n_params=_n_params(file),
        optimizer="adamw", schedule=schedule, cooldown=cooldown, base_lr=PEAK_LR, log_start=WARMUP_STEPS,
    )  # fmt: skip
    inside = steps < schedule.total_steps
    if not inside.all():
        run.note("step", f"{int((~inside).sum())} rows past the last update of {schedule.total_steps}: left out")
    steps = steps[inside].astype(np.int64)
    off = np.abs(schedule.lr[steps] - lr[inside]) > LR_TOLERANCE
    if off.any():
        raise LogError(file, "lr", f"{int(off.sum())} learning rates are not those of the schedule, the first at step {steps[off][0]}")
    run.series["val_loss"] = steps + 1, loss[inside]
    return run


def _schedule(file: str) -> tuple[Schedule, float]:
    """The schedule that the file's name stands for, and its cooldown fraction."""
    match = _NAMES.fullmatch(Path(file).stem)
    if match is None:
        raise LogError(file, "name", "is none of constant_T, cosine_T, wsd_S_T, wsdld_S_T and wsdcon_X")
    warmup = Phase("warmup", WARMUP_STEPS, "linear", 0.0, 1.0, WARMUP_STEPS - 1)
    if match[1]:
        rest = int(match[2]) - WARMUP_STEPS
        shape = Phase("stable", rest) if match[1] == "constant" else Phase("decay", rest, "cosine", 1.0, FINAL_RATIO, rest)
        return Schedule(match[1], (warmup, shape), PEAK_LR), 0.0
    if match[3]:
        start, total = int(match[4]), int(match[5])
        shape = "exponential" if match[3] == "wsd" else "linear"
        decay = Phase("decay", total - start, shape, 1.0, FINAL_RATIO, total - start)
        return Schedule("wsd", (warmup, Phase("stable", start - WARMUP_STEPS), decay), PEAK_LR), (total - start) / total
    second = Phase("stable", TWO_STAGE_STEPS - SWITCH_STEP, start=int(match[7]) * 1e-5 / PEAK_LR)
    return Schedule("two_stage", (warmup, Phase("stable", SWITCH_STEP - WARMUP_STEPS), second), PEAK_LR), 0.0


def _n_params(file: str) -> int:
    match = re.fullmatch(r"\D*(\d+)", Path(file).parent.name)
    if match is None:
        raise LogError(file, "folder", "does not end in the model's size in millions of parameters")
    return int(match[1]) * 10**6
