"""Own runs by model, schedule and seed: best base learning rates, and differences paired by seed with t intervals."""

import math

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from lastiterate.bound import tuned
from lastiterate.figures.runs import fitting
from lastiterate.schedules import Schedule
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError


def chosen_runs(runs: pd.DataFrame, models: dict) -> pd.DataFrame:
    """The runs of each model (its clause `select`) under each of its schedules (a clause by label), with columns model_name and label."""
    found = [
        _pick(runs, {**entry["select"], **clause}).assign(model_name=name, label=label)
        for name, entry in models.items()
        for label, clause in entry["schedules"].items()
    ]
    return pd.concat(found, ignore_index=True)


def _pick(runs: pd.DataFrame, clause: dict) -> pd.DataFrame:
    fits = fitting(runs, clause)
    if not fits.any():
        raise StepError(f"the selection {clause} matches no run: correct it in config.yaml, or collect the runs again")
    return runs[fits]


def best_base_lrs(chosen: pd.DataFrame) -> Rows:
    """For each model, schedule, horizon and seed: the base learning rate of the lowest loss, from a parabola in its logarithm.

    The parabola goes through the lowest loss of the grid and its two neighbours. `inside` is 0 where the lowest loss lies at
    an end of the grid; then that end is given, which bounds the best value from one side only. `bound_lr` is the bound's
    best base learning rate (D = G = 1) for the same schedule.
    """
    rows = Rows()
    theory = {}
    for (model, label, steps, seed), group in chosen[~chosen.diverged].groupby(["model_name", "label", "total_steps", "seed"]):
        group = group.sort_values("base_lr")
        x, y = np.log(group.base_lr.to_numpy()), group.final_val_loss.to_numpy()
        if len(x) < 3:
            continue
        at = int(np.argmin(y))
        inside = 0 < at < len(x) - 1
        log_lr, loss = x[at], y[at]
        if inside:
            curvature, slope, level = np.polyfit(x[at - 1 : at + 2] - x[at], y[at - 1 : at + 2], 2)
            log_lr, loss = x[at] - slope / (2 * curvature), level - slope**2 / (4 * curvature)
        if (key := (label, steps)) not in theory:
            theory[key] = tuned(Schedule.from_json(group.schedule.iloc[0]).with_peak_lr(1.0)).base_lr
        rows.add(
            model_name=model, label=label, total_steps=steps, seed=seed, inside=int(inside), best_base_lr=math.exp(log_lr),
            best_loss=loss, bound_lr=theory[key],
        )  # fmt: skip
    return rows


def interval(values) -> tuple[float, float]:
    """Mean and half width of its 95 % t interval; NaN for a single value."""
    values = np.asarray(values, dtype=float)
    if values.size < 2:
        return float(values.mean()), math.nan
    return float(values.mean()), float(stdtrit(values.size - 1, 0.975) * values.std(ddof=1) / math.sqrt(values.size))


def differences(chosen: pd.DataFrame, best: pd.DataFrame, total_steps: int, reference: str) -> Rows:
    """Final loss minus the reference schedule's in the same seed at `total_steps`: at equal base LRs, and each at its best.

    base_lr is 0 in the rows at the best base learning rates (that of each schedule and seed, by parabola).
    """
    rows = Rows()
    at = chosen[(chosen.total_steps == total_steps) & ~chosen.diverged]
    add_paired(rows, at[at.label != reference], at[at.label == reference], ["model_name", "base_lr"], "final_val_loss")
    best = best[best.total_steps == total_steps].assign(base_lr=0.0)
    add_paired(rows, best[best.label != reference], best[best.label == reference], ["model_name"], "best_loss")
    return rows


def add_paired(rows: Rows, table: pd.DataFrame, base: pd.DataFrame, keys: list[str], loss: str) -> None:
    """Add, for each model, label and base LR of `table`, the mean over seeds of its loss minus that of `base` at equal `keys` and seed."""
    joined = table.merge(base[[*keys, "seed", loss]], on=[*keys, "seed"], suffixes=("", "_reference"))
    joined["difference"] = joined[loss] - joined[f"{loss}_reference"]
    for (model, label, base_lr), group in joined.groupby(["model_name", "label", "base_lr"]):
        mean, half = interval(group.difference)
        rows.add(model_name=model, label=label, base_lr=base_lr, seeds=len(group), difference=mean, half_width=half)
