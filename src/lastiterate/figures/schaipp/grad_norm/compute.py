"""grad_norm: how gradient norms depend on the base learning rate, on the step, and on the sum of learning rates so far."""

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from lastiterate.figures.runs import load_history, load_runs, select
from lastiterate.fits import fit_power, log_slope, rmse
from lastiterate.schedules import Schedule
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError

SHOWN = 300  # points of a smoothed curve that are kept


def compute(parameters, inputs):
    """Tables mean (norm per run), mean_fits (power law per schedule), curves (smoothed), time_fits (per run), losses (smoothed)."""
    runs = select(load_runs(inputs), parameters["select"], one_per=["schedule_name", "base_lr"])
    history = load_history(inputs, runs.run_id.tolist(), ["grad_norm", "train_loss"])
    mean, curves, time_fits, losses = Rows(), Rows(), Rows(), Rows()
    for run in runs.itertuples():
        logged = history[history.run_id == run.run_id].sort_values("step")
        rows = logged.dropna(subset="grad_norm")
        if rows.empty:
            raise StepError(f"run {run.run_id} has no gradient norms: select runs whose history has grad_norm")
        label = {"schedule": run.schedule_name, "base_lr": run.base_lr}
        steps, norms = rows.step.to_numpy(), rows.grad_norm.to_numpy()
        mean.add(**label, mean_grad_norm=norms.mean(), logged=norms.size)
        shape = fit_over_time(steps / run.total_steps, norms)
        time_fits.add(**label, **shape.parameters, log_rmse=shape.log_rmse)
        lr = Schedule.from_json(run.schedule).lr
        smooth = rows.grad_norm.rolling(parameters["smoothing_rows"], center=True).median().to_numpy()
        kept = shown_rows(smooth)
        curves.add(
            **label, step=steps[kept], lr=lr[steps[kept] - 1], lr_sum=np.cumsum(lr)[steps[kept] - 1],
            grad_norm=smooth[kept], fitted=shape(steps[kept] / run.total_steps),
        )  # fmt: skip
        losses.add(**label, **smoothed_loss(logged, lr, parameters["smoothing_rows"]))
    return {"mean": mean, "mean_fits": fit_means(mean), "curves": curves, "time_fits": time_fits, "losses": losses}


def smoothed_loss(logged: pd.DataFrame, lr: np.ndarray, window: int) -> dict[str, np.ndarray]:
    """Step, learning rate, and training loss (running means of `window` rows, each at the middle of its rows) where they are shown."""
    rows = logged.dropna(subset="train_loss")
    means = rows.train_loss.rolling(window, center=True).mean().to_numpy()
    kept, steps = shown_rows(means), rows.step.to_numpy()
    return {"step": steps[kept], "lr": lr[np.maximum(steps[kept], 1) - 1], "train_loss": means[kept]}


def shown_rows(values: np.ndarray) -> np.ndarray:
    """Indices of the values that are drawn: equally spaced ones, and as many equally spaced in the logarithm, where they are finite."""
    early = np.unique(np.geomspace(1, values.size, SHOWN).astype(int)) - 1
    kept = np.unique(np.concatenate([early, np.linspace(0, values.size - 1, SHOWN).astype(int)]))
    return kept[np.isfinite(values[kept])]


def fit_means(mean: Rows) -> Rows:
    """``B gamma^-beta`` for each schedule, by least squares in the mean norm, and by least squares in its logarithm."""
    fits = Rows()
    for schedule, rows in pd.DataFrame(mean.columns).groupby("schedule"):
        factor, exponent = fit_power(rows.base_lr, rows.mean_grad_norm)
        fits.add(schedule=schedule, factor=factor, beta=-exponent, beta_log=-log_slope(rows.base_lr, rows.mean_grad_norm))
    return fits


class fit_over_time:
    """``G(s) = a s^-q + b s^p + c`` with s = t/T and non-negative parameters, by least squares in log G from four starts.

    Deviation: the paper's script has ``a exp(-(s/d)^q)`` for the first term, whose d runs to 0 on these logs; a power is
    what remains of it, and fits as well with one parameter less. Residuals are in log G because the norms span decades.
    """

    def __init__(self, s: np.ndarray, norms: np.ndarray):
        target, typical = np.log(norms), float(np.median(norms))
        limit = 30.0  # of |log parameter|: a term that is absent has a finite logarithm
        best = None
        for falling, rising in ((0.3, 0.5), (0.3, 2.0), (1.0, 0.5), (1.0, 2.0)):
            start = np.log([typical / 10, falling, typical / 3, rising, typical / 3])
            found = least_squares(
                lambda z: np.log(self._parts(s, z).sum(axis=0)) - target, start, lambda z: self._jacobian(s, z), (-limit, limit)
            )
            best = found if best is None or found.cost < best.cost else best
        self.logs, self.log_rmse = best.x, rmse(best.fun)

    def __call__(self, s: np.ndarray) -> np.ndarray:
        """The fitted norm at s = t/T."""
        return self._parts(s, self.logs).sum(axis=0)

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters by name."""
        return dict(zip("aqbpc", np.exp(self.logs).tolist(), strict=True))

    @staticmethod
    def _parts(s, logs):
        a, q, b, p, c = np.exp(logs)
        return np.stack([a * s**-q, b * s**p, np.full_like(s, c)])

    @classmethod
    def _jacobian(cls, s, logs):
        """Derivatives of log G by the logarithms of the parameters."""
        falling, rising, floor = parts = cls._parts(s, logs)
        columns = (falling, -falling * np.exp(logs[1]) * np.log(s), rising, rising * np.exp(logs[3]) * np.log(s), floor)
        return np.stack(columns, axis=1) / parts.sum(axis=0)[:, None]
