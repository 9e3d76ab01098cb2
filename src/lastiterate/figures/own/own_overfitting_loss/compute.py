"""own_overfitting_loss: training and validation loss of runs that overfit, and the any-iterate law fitted to either (Figure 12)."""

import numpy as np

from lastiterate.figures.bu.any_iterate_law import regressors
from lastiterate.figures.runs import load_history, load_runs, select
from lastiterate.fits import nonnegative, r_squared
from lastiterate.schedules import Schedule
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError

LOSSES = ("train_loss", "val_loss")


def compute(parameters, inputs):
    """Tables curves (schedule, kind of loss, step, loss, fitted) and fits (coefficients, R2, and the least validation loss)."""
    runs = select(load_runs(inputs), parameters["select"], one_per=["schedule_name"])
    history = load_history(inputs, runs.run_id.tolist(), LOSSES)
    curves, fits = Rows(), Rows()
    for run in runs.itertuples():
        logged = history[(history.run_id == run.run_id) & (history.step >= 1) & (history.step <= run.total_steps)].sort_values("step")
        for kind in LOSSES:
            rows = logged.dropna(subset=kind)
            if rows.empty:
                raise StepError(f"run {run.run_id} has no {kind}: select runs that logged both losses")
            steps, loss = rows.step.to_numpy(), rows[kind].to_numpy()
            design = regressors(Schedule.from_json(run.schedule), steps)
            late = (steps > parameters["burn_in"] * run.total_steps) & np.isfinite(design).all(axis=1)
            coefficients = nonnegative(design[late], loss[late])
            fitted = np.full(loss.size, np.nan)
            fitted[late] = design[late] @ coefficients
            labels = {"schedule": run.schedule_name, "loss_kind": kind}
            curves.add(**labels, step=steps, loss=loss, fitted=fitted)
            fits.add(
                **labels,
                **dict(zip(("linf", "distance2", "grad_norm2"), coefficients, strict=True)),
                r2=r_squared(loss[late], fitted[late]),
                least=loss.min(),
                least_step=steps[loss.argmin()],
                final=loss[-1],
            )
    return {"curves": curves, "fits": fits}
