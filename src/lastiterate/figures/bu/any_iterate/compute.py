"""any_iterate: the any-iterate law (3.1) on whole training runs (Figures 2-5), in sample and from the first half to the second.

    L(t) = Linf + D^2 p_t + G^2 n_t,    p_t = 1/(2 S_t),    n_t = the noise terms of Omega_t with G = 1,

is linear in (Linf, D^2, G^2) >= 0. Whether a window of a run determines G^2 is a property of its learning rates alone: n_t
splits into what (1, p_t) explains there and a rest. `amplification` is the root mean square of that rest over the steps to
be predicted, relative to the window's: an error that fits a fraction of the scatter comes back so many times larger.
"""

import sys

import numpy as np
import pandas as pd

from lastiterate.figures.bu.any_iterate_law import regressors
from lastiterate.figures.runs import load_history, load_runs
from lastiterate.fits import nonnegative, r_squared
from lastiterate.schedules import Schedule
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError

LOSSES = ("val_loss", "train_loss")  # the first that a run has logged


def compute(parameters, inputs):
    """Tables fits (per run and burn-in), curves (of a typical run per class) and summary (per class and burn-in)."""
    runs = load_runs(inputs)
    histories = dict(list(load_history(inputs, runs.run_id.tolist(), LOSSES).groupby("run_id")))
    fits, kept = Rows(), {}
    for run in runs.itertuples():
        steps, loss = logged(histories[run.run_id], run.total_steps)
        design = regressors(Schedule.from_json(run.schedule), steps)
        finite = np.isfinite(design).all(axis=1)
        steps, loss, design = steps[finite], loss[finite], design[finite]
        kept[run.run_id] = steps, loss, design
        for burn_in in parameters["burn_in"]:
            late = steps > burn_in * run.total_steps
            first = late & (steps <= parameters["split"] * run.total_steps)
            second = steps > parameters["split"] * run.total_steps
            if min(first.sum(), second.sum()) >= parameters["min_points"]:
                labels = {"run_id": run.run_id, "source": run.source, "n_params": run.n_params, "class": class_of(run)}
                labels |= {"cooldown": run.cooldown, "base_lr": run.base_lr, "total_steps": run.total_steps, "burn_in": burn_in}
                fits.add(**labels, **fit_run(design, loss, late, first, second, parameters["max_amplification"]))
    if not fits.columns:
        raise StepError(f"no run has {parameters['min_points']} logged losses on both sides of the split: lower min_points")
    table = pd.DataFrame(fits.columns)
    late = table[table.burn_in == parameters["burn_in"][-1]]
    print(f"any_iterate: {(~late.identified).sum()} of {len(late)} first halves do not identify the noise coefficient", file=sys.stderr)
    return {"fits": fits, "curves": curves(table, kept, parameters), "summary": summary(table)}


def logged(history: pd.DataFrame, total_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps 1..T and losses of the first of LOSSES that the run has."""
    column = next((name for name in LOSSES if history[name].notna().any()), None)
    if column is None:
        raise StepError(f"run {history.run_id.iloc[0]} has logged none of {', '.join(LOSSES)}: leave it out of the source")
    rows = history[(history.step >= 1) & (history.step <= total_steps)].dropna(subset=column)
    return rows.step.to_numpy(), rows[column].to_numpy()


def class_of(run) -> str:
    """Schedules by what the first half shows: a wsd run's cooldown begins in it, or not."""
    if run.schedule_name != "wsd":
        return run.schedule_name
    return "wsd, c > 0.5" if run.cooldown > 0.5 else "wsd, c <= 0.5"


def fit_run(design, loss, late, first, second, max_amplification) -> dict:
    """In-sample fit over `late`, fit over `first`, its prediction of `second`, and whether `first` identifies G^2."""
    whole, window = nonnegative(design[late], loss[late]), nonnegative(design[first], loss[first])
    predicted = design[second] @ window
    free = unconstrained(design[first], loss[first])
    amplification = identification(design, first, second)
    return {
        "points": int(late.sum()),
        **dict(zip(("linf", "distance2", "grad_norm2"), whole, strict=True)),
        "window_grad_norm2": window[2],
        "window_grad_norm2_free": free[2],
        "r2": r_squared(loss[late], design[late] @ whole),
        "r2_window": r_squared(loss[first], design[first] @ window),
        "r2_second": r_squared(loss[second], predicted),
        "mae_second": np.abs(loss[second] - predicted).mean(),
        "final_error": predicted[-1] - loss[second][-1],
        "final_error_free": design[second][-1] @ free - loss[second][-1],
        "amplification": amplification,
        "identified": bool(free[2] > 0 and amplification <= max_amplification),
    }


def identification(design, first, second) -> float:
    """Amplification (module's head): root mean square of n's unexplained part over `second`, relative to `first`."""
    others = design[:, :2] / np.abs(design[first][:, :2]).max(axis=0)
    coefficients = np.linalg.lstsq(others[first], design[first, 2], rcond=None)[0]
    rest = design[:, 2] - others @ coefficients
    size = lambda rows: np.sqrt(np.mean(rest[rows] ** 2))
    return float(size(second) / size(first))


def unconstrained(design, loss) -> np.ndarray:
    """Least squares without signs, columns scaled."""
    scale = np.abs(design).max(axis=0)
    return np.linalg.lstsq(design / scale, loss, rcond=None)[0] / scale


def curves(fits: pd.DataFrame, kept: dict, parameters) -> Rows:
    """Of each class the run of median second-half R2 (at the last burn-in): loss, in-sample fit, fit of the first half."""
    rows, burn_in = Rows(), parameters["burn_in"][-1]
    for name, chosen in fits[fits.burn_in == burn_in].groupby("class", sort=False):
        run = chosen.sort_values("r2_second").iloc[len(chosen) // 2]
        steps, loss, design = kept[run.run_id]
        late = steps > burn_in * run.total_steps
        first = late & (steps <= parameters["split"] * run.total_steps)
        fitted = {"in_sample": design @ nonnegative(design[late], loss[late])}
        fitted["predicted"] = design @ nonnegative(design[first], loss[first])
        labels = {"class": name, "run_id": run.run_id, "total_steps": run.total_steps}
        rows.add(**labels, step=steps[late], loss=loss[late], **{key: values[late] for key, values in fitted.items()})
    return rows


def summary(fits: pd.DataFrame) -> Rows:
    """Per class (and for all, and for those that the check lets pass) and burn-in: medians, and shares of R2 >= .95."""
    rows = Rows()
    groups = [*fits.groupby("class", sort=False), ("all", fits), ("identified", fits[fits.identified])]
    for name, group in groups:
        for burn_in, chosen in group.groupby("burn_in"):
            rows.add(
                **{"class": name, "burn_in": burn_in, "runs": len(chosen), "identified": int(chosen.identified.sum())},
                median_r2=chosen.r2.median(),
                share_r2_95=(chosen.r2 >= 0.95).mean(),
                median_r2_second=chosen.r2_second.median(),
                share_r2_second_95=(chosen.r2_second >= 0.95).mean(),
                median_final_error=chosen.final_error.median(),
                median_final_error_free=chosen.final_error_free.median(),
            )
    return rows
