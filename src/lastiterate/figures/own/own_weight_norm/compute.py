"""own_weight_norm: the squared weight norm that was logged, over the random walk with decay that the norm-aware law assumes.

    n_t = n_{t-1} (1 - 2 lambda eta_t) + s^2 eta_t^2,    n_0 = 1,    u_t = eta_t / sqrt(n_t)

n is the squared norm of all weight matrices relative to its start, lambda the weight decay, and s^2 the squared root mean
square step in units of the initial weights. An update of AdamW with uncorrelated coordinates of size 1 has s = 1/sigma_0
with the initialisation's standard deviation sigma_0; the value that fits a run best (least squares in n) is its true s.
"""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from lastiterate.figures.runs import load_history, load_runs, select
from lastiterate.schedules import Schedule
from lastiterate.workflow.files import Rows


def compute(parameters, inputs):
    """Tables curves (logged and modelled n, relative updates) and fits (s of each run, and the error with 1/sigma_0)."""
    runs = select(load_runs(inputs), parameters["select"], one_per=["schedule_name", "base_lr"])
    history = load_history(inputs, runs.run_id.tolist(), ["weight_norm_sq", "relative_update"]).dropna()
    curves, fits = Rows(), Rows()
    for run in runs.itertuples():
        rows = history[history.run_id == run.run_id].sort_values("step")
        lr, steps = Schedule.from_json(run.schedule).lr, rows.step.to_numpy()
        logged = rows.weight_norm_sq.to_numpy()
        walk = lambda scale, lr=lr, steps=steps: weight_norm(lr, parameters["weight_decay"], scale)[steps - 1]
        error = lambda log_scale, walk=walk, logged=logged: float(np.square(walk(np.exp(log_scale)) - logged).mean())
        assumed = 1 / parameters["initial_deviation"]
        fitted = float(np.exp(minimize_scalar(error, bounds=(np.log(assumed) - 6, np.log(assumed) + 3), method="bounded").x))
        label = {"schedule": run.schedule_name, "base_lr": run.base_lr}
        fits.add(
            **label, fitted=fitted, assumed=assumed, rmse_fitted=error(np.log(fitted)) ** 0.5, rmse_assumed=error(np.log(assumed)) ** 0.5
        )
        curves.add(
            **label, step=steps, lr=lr[steps - 1], logged=logged, fitted=walk(fitted), relative_update=rows.relative_update.to_numpy()
        )
    return {"curves": pd.DataFrame(curves.columns).to_dict("list"), "fits": fits}


def weight_norm(lr: np.ndarray, weight_decay: float, scale: float) -> np.ndarray:
    """n_1..n_T of the module's head, shape (T,)."""
    norm, out = 1.0, np.empty(lr.size)
    for t, eta in enumerate(lr.tolist()):
        norm = norm * (1 - 2 * weight_decay * eta) + (scale * eta) ** 2
        out[t] = norm
    return out
