"""cooldown_length_logs: the final loss over cooldown fractions and base learning rates, and fits in the form of the bound."""

import math

import numpy as np
import pandas as pd

from lastiterate.bound import tuned
from lastiterate.figures.runs import labelled, load_runs, loss_curves, select
from lastiterate.fits import bound_form
from lastiterate.schedules import Schedule
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError


def compute(parameters, inputs):
    """Tables final_losses, best (in the sweep, per cooldown), fits and theory (best base LRs), convergence (of the best runs)."""
    runs = select(load_runs(inputs), parameters["select"], one_per=["cooldown", "base_lr"])
    final = runs[["cooldown", "base_lr", "final_val_loss", "source", *labelled(runs)]]
    best = runs.loc[runs.groupby("cooldown").final_val_loss.idxmin()]
    return {
        "final_losses": dict(final.items()),
        "best": dict(best[["cooldown", "base_lr", "final_val_loss"]].items()),
        "fits": fit_sweeps(final),
        "theory": theory(runs),
        "convergence": dict(loss_curves(inputs, best[["run_id", "cooldown", "base_lr"]]).items()),
    }


def fit_sweeps(final: pd.DataFrame) -> Rows:
    """For each cooldown: coefficients of `bound_form`, its minimiser, and the mean absolute error of the fit."""
    fits = Rows()
    for cooldown, rows in final.groupby("cooldown"):
        if len(rows) < 3:
            raise StepError(f"cooldown {cooldown} has {len(rows)} base learning rates, but the fit has 3 coefficients: select more runs")
        base_lr, loss = rows.base_lr.to_numpy(), rows.final_val_loss.to_numpy()
        a, b, floor = bound_form(base_lr, loss)
        error = float(np.abs(a / base_lr + b * base_lr + floor - loss).mean())
        best = math.sqrt(a / b) if b > 0 else math.inf
        fits.add(cooldown=cooldown, inverse=a, linear=b, floor=floor, best_base_lr=best, mean_abs_error=error)
    longest = max(fits.columns["cooldown"])
    reference = fits.columns["best_base_lr"][fits.columns["cooldown"].index(longest)]
    fits.columns["log_ratio"] = [math.log(reference / value) for value in fits.columns["best_base_lr"]]
    return fits


def theory(runs: pd.DataFrame) -> Rows:
    """For the schedule of each cooldown: the bound's best base learning rate, and its log-distance to the longest cooldown's."""
    rows = Rows()
    for run in runs.drop_duplicates("cooldown").sort_values("cooldown", ascending=False).itertuples():
        base_lr = tuned(Schedule.from_json(run.schedule).with_peak_lr(1.0)).base_lr
        longest = rows.columns.get("base_lr", [base_lr])[0]
        rows.add(cooldown=run.cooldown, base_lr=base_lr, log_ratio=math.log(longest / base_lr))
    return rows
