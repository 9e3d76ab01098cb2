"""two_dimensional: the law (5.1) over horizon and peak learning rate on sweeps at several horizons, and its transfer rule.

With gamma = eta_ref/sqrt(T) the last-iterate law reads ``L = Linf(eta_ref) + Q(eta_ref)/sqrt(T)``: a straight line in
1/sqrt(T) for each eta_ref, and a best peak gamma* ~ T^-1/2. Runs that differ in horizon and peak alone are a group; at each
horizon the loss between the swept peaks is a parabola in log LR, whose minimum is the measured gamma*.
"""

import numpy as np
import pandas as pd

from lastiterate.bound import tuned
from lastiterate.figures.runs import load_runs, select
from lastiterate.fits import at_parabola, held_out, line, nonnegative, parabola, r_squared
from lastiterate.schedules import Schedule
from lastiterate.transfer import transfer_base_lr
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError

GROUP = ["dataset", "n_params", "schedule_name", "decay_shape", "cooldown"]
RULES = ("inverse square root", "bound", "same")


class Sweep:
    """Final losses over peaks at one horizon (runs of equal peak averaged): measured gamma*, and the bound's."""

    def __init__(self, rows: pd.DataFrame, reach: float):
        losses = rows.groupby("base_lr").final_val_loss.mean()
        self.base_lr, self.loss = losses.index.to_numpy(), losses.to_numpy()
        self.total_steps = int(rows.total_steps.iloc[0])
        self.log_lr = np.log(self.base_lr)
        self.coefficients = parabola(self.log_lr, self.loss)
        _, slope, bend = self.coefficients
        vertex = self.log_lr.mean() - slope / (2 * bend) if bend > 0 else np.nan
        inside = self.log_lr[0] - np.log(reach) <= vertex <= self.log_lr[-1] + np.log(reach)
        self.best = float(np.exp(vertex)) if inside else np.nan
        self.schedule = Schedule.from_json(rows.schedule.iloc[0]).with_peak_lr(1.0)
        self.theory = tuned(self.schedule).base_lr

    def at(self, base_lr: float) -> float:
        """Loss at a peak, by the parabola; nan outside the swept range."""
        if not self.base_lr[0] * (1 - 1e-9) <= base_lr <= self.base_lr[-1] * (1 + 1e-9):
            return np.nan
        return float(at_parabola(self.coefficients, np.log(base_lr), self.log_lr))


def compute(parameters, inputs):
    """Tables sweeps, best (per group and horizon), points and lines (per eta_ref), joint (4.1), transfer, exponents, summary."""
    runs = select(load_runs(inputs), parameters["select"], one_per=["run_id"])
    tables = {name: Rows() for name in ("sweeps", "best", "points", "lines", "joint", "transfer", "exponents", "summary")}
    for number, (key, rows) in enumerate(runs.groupby(GROUP, dropna=False)):
        labels = {"group": number, **dict(zip(GROUP, key, strict=True))}
        sweeps = [Sweep(part, parameters["reach"]) for _, part in rows.groupby("total_steps") if part.base_lr.nunique() >= 3]
        if len(sweeps) < 3:
            raise StepError(
                f"{labels} has {len(sweeps)} horizons with at least 3 peak learning rates, but a line needs 3: select more runs"
            )
        for sweep in sweeps:
            tables["sweeps"].add(**labels, total_steps=sweep.total_steps, base_lr=sweep.base_lr, loss=sweep.loss)
            best = {"best_base_lr": sweep.best, "best_loss": sweep.at(sweep.best), "theory_base_lr": sweep.theory}
            tables["best"].add(**labels, total_steps=sweep.total_steps, **best)
        for eta_ref in parameters["eta_ref"]:
            horizon, loss = along(sweeps, eta_ref)
            tables["points"].add(**labels, eta_ref=eta_ref, total_steps=horizon, loss=loss)
            tables["lines"].add(**labels, eta_ref=eta_ref, **fit_line(horizon, loss))
        tables["joint"].add(**labels, **fit_joint(sweeps))
        add_transfers(tables["transfer"], labels, sweeps)
    add_exponents(tables["exponents"], pd.DataFrame(tables["best"].columns))
    if not tables["transfer"].columns:
        raise StepError("no group has a best peak inside the swept range at two horizons: widen the sweep, or raise reach")
    add_summary(tables["summary"], pd.DataFrame(tables["transfer"].columns))
    return tables


def along(sweeps: list[Sweep], eta_ref: float) -> tuple[np.ndarray, np.ndarray]:
    """Horizons whose sweep holds the peak eta_ref/sqrt(T), and the losses there."""
    horizon = np.array([sweep.total_steps for sweep in sweeps])
    loss = np.array([sweep.at(eta_ref * sweep.total_steps**-0.5) for sweep in sweeps])
    held = np.isfinite(loss)
    if held.sum() < 3:
        raise StepError(f"eta_ref={eta_ref}: only {held.sum()} horizons have swept the peak eta_ref/sqrt(T), but a line needs 3")
    return horizon[held], loss[held]


def fit_line(horizon, loss) -> dict:
    """Straight line in 1/sqrt(T), and its error at the longest horizon, left out."""
    slope, floor = line(horizon**-0.5, loss)
    fitted = floor + slope * horizon**-0.5
    return {"horizons": horizon.size, "slope": slope, "linf": floor, "r2": r_squared(loss, fitted)} | held_out(horizon, loss)


def fit_joint(sweeps: list[Sweep]) -> dict:
    """(4.1) over all horizons and peaks at once, and its mean absolute error at the longest horizon, left out."""
    horizon = np.concatenate([np.full(s.base_lr.size, s.total_steps) for s in sweeps])
    base_lr, loss = (np.concatenate([getattr(s, name) for s in sweeps]) for name in ("base_lr", "loss"))
    design = np.column_stack([1 / (horizon * base_lr), base_lr, np.ones_like(base_lr)])
    kept = horizon < horizon.max()
    q1, q2, floor = fit = nonnegative(design, loss)
    error = np.abs(design[~kept] @ nonnegative(design[kept], loss[kept]) - loss[~kept]).mean()
    return {"runs": loss.size, "q1_squared": q1, "q2_squared": q2, "linf": floor, "r2": r_squared(loss, design @ fit), "held_out": error}


def add_transfers(table: Rows, labels: dict, sweeps: list[Sweep]) -> None:
    """From the shortest horizon with a measured gamma* to each longer one: the peak by each rule, its error and its price."""
    measured = [sweep for sweep in sweeps if np.isfinite(sweep.best)]
    for target in measured[1:]:
        start = measured[0]
        by_bound = transfer_base_lr(start.schedule, target.schedule).factor
        factors = ((target.total_steps / start.total_steps) ** -0.5, by_bound, 1.0)
        for rule, factor in zip(RULES, factors, strict=True):
            predicted = start.best * factor
            regret = target.at(predicted) - target.at(target.best) if np.isfinite(target.at(target.best)) else np.nan
            steps = {"from_steps": start.total_steps, "total_steps": target.total_steps}
            table.add(**labels, **steps, rule=rule, base_lr=predicted, log_error=np.log(predicted / target.best), regret=regret)


def add_exponents(table: Rows, best: pd.DataFrame) -> None:
    """Exponents of gamma* ~ T^b per group, and over all with one level per group; measured, and the bound's."""
    for what, column in (("measured", "best_base_lr"), ("bound", "theory_base_lr")):
        known = best.dropna(subset=column)
        x, y = np.log(known.total_steps), np.log(known[column])
        for group, rows in known.groupby("group"):
            if len(rows) >= 3:
                slope = line(x[rows.index], y[rows.index])[0]
                table.add(what=what, group=group, cooldown=rows.cooldown.iloc[0], exponent=slope, error=np.nan, points=len(rows))
        dx, dy = (values - values.groupby(known.group).transform("mean") for values in (x, y))
        slope = float(dx @ dy / (dx @ dx))
        freedom = max(len(known) - known.group.nunique() - 1, 1)
        error = float(np.sqrt(np.sum((dy - slope * dx) ** 2) / freedom / (dx @ dx)))
        table.add(what=what, group="all", cooldown=np.nan, exponent=slope, error=error, points=len(known))


def add_summary(table: Rows, transfer: pd.DataFrame) -> None:
    """Per rule: mean absolute log error of the transferred peak, and the mean loss it costs (where the sweep reaches it)."""
    for rule, rows in transfer.groupby("rule", sort=False):
        table.add(
            rule=rule, transfers=len(rows), log_error=rows.log_error.abs().mean(), bias=rows.log_error.mean(), regret=rows.regret.mean()
        )
