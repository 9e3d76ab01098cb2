"""peak_lr: the last-iterate law (4.1) over peak learning rates (Figure 6), with a parabola in log LR as baseline.

In a group of runs that differ in the peak learning rate gamma alone, ``L = Linf + q1^2/(T gamma) + q2^2 gamma`` is linear in
(1/gamma, gamma, 1) with coefficients >= 0. A run has diverged if its loss is more than `divergence` above its group's best.
"""

import numpy as np
import pandas as pd

from lastiterate.figures.runs import load_results
from lastiterate.fits import at_parabola, bound_form, parabola, r_squared
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError

GROUP = ["source", "model", "n_params", "tokens", "batch_size"]


def compute(parameters, inputs):
    """Tables fits (per group, with all runs and without diverged ones), points, and summary (over the groups of each source)."""
    runs = load_results(inputs).dropna(subset="base_lr")
    runs = runs.assign(diverged=runs.loss > runs.groupby(GROUP).loss.transform("min") + parameters["divergence"])
    fits, points = Rows(), Rows()
    for number, (key, rows) in enumerate(runs.groupby(GROUP)):
        labels = {"group": number, **dict(zip(GROUP, key, strict=True))}
        points.add(group=number, base_lr=rows.base_lr.to_numpy(), loss=rows.loss.to_numpy(), diverged=rows.diverged.to_numpy())
        for kind, chosen in (("all", rows), ("without_diverged", rows[~rows.diverged])):
            if chosen.base_lr.nunique() >= parameters["min_base_lrs"]:
                result = fit_group(chosen.base_lr.to_numpy(), chosen.loss.to_numpy())
                fits.add(**labels, runs=kind, diverged=int(rows.diverged.sum()), **result)
    if not fits.columns:
        raise StepError(f"no group of runs has {parameters['min_base_lrs']} peak learning rates: lower min_base_lrs")
    return {"fits": fits, "points": points, "summary": summary(pd.DataFrame(fits.columns))}


def fit_group(base_lr, loss) -> dict:
    """Both fits of a group, in sample and at each learning rate left out (with every run that has it)."""
    inverse, linear, floor = bound_form(base_lr, loss)
    in_sample = floor + inverse / base_lr + linear * base_lr
    log_lr = np.log(base_lr)
    curve = at_parabola(parabola(log_lr, loss), log_lr, log_lr)
    errors = np.array([left_out(base_lr, loss, base_lr == value) for value in np.unique(base_lr)])
    observed = base_lr[np.argmin(loss)]
    return {
        "count": base_lr.size,
        "inverse": inverse,
        "linear": linear,
        "linf": floor,
        "best_base_lr": np.sqrt(inverse / linear) if linear > 0 else np.inf,
        "observed_best_base_lr": observed,
        "r2": r_squared(loss, in_sample),
        "r2_parabola": r_squared(loss, curve),
        "left_out": errors[:, 0].mean(),
        "left_out_parabola": errors[:, 1].mean(),
        "left_out_inside": errors[1:-1, 0].mean(),
        "left_out_inside_parabola": errors[1:-1, 1].mean(),
    }


def left_out(base_lr, loss, chosen) -> tuple[float, float]:
    """Mean absolute errors of law and parabola on the chosen runs, from the others."""
    x, kept = base_lr[chosen], ~chosen
    inverse, linear, floor = bound_form(base_lr[kept], loss[kept])
    log_lr = np.log(base_lr[kept])
    curve = at_parabola(parabola(log_lr, loss[kept]), np.log(x), log_lr)
    return np.abs(floor + inverse / x + linear * x - loss[chosen]).mean(), np.abs(curve - loss[chosen]).mean()


def summary(fits: pd.DataFrame) -> Rows:
    """Over the groups of a source: medians of R2, the share of groups with R2 >= .95, and mean errors at learning rates left out."""
    rows = Rows()
    for (source, kind), chosen in fits.groupby(["source", "runs"]):
        rows.add(
            source=source,
            runs=kind,
            groups=len(chosen),
            diverged=int(chosen.diverged.sum()),
            median_r2=chosen.r2.median(),
            median_r2_parabola=chosen.r2_parabola.median(),
            share_r2_95=(chosen.r2 >= 0.95).mean(),
            share_r2_95_parabola=(chosen.r2_parabola >= 0.95).mean(),
            **{key: chosen[key].mean() for key in chosen if key.startswith("left_out")},
        )
    return rows
