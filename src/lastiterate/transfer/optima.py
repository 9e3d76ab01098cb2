"""The best learning rate of each group of runs that differ in their learning rate only.

In a group, the losses y_i at x_i = ln LR_i are fitted near their least one by a parabola,

    y = y* + k (x - x*)^2,

weighted so that a loss far above the least counts little (a loss in ln LR is no parabola there). If the least loss was found at an end of
the swept range, the optimum lies beyond the middle of the last two rates: a bound, not a value.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lastiterate._checks import check_number, check_reals

WINDOW = 1.1  # of ln LR on each side of the least loss that the parabola takes: a factor of three
MODEL_ERROR = 0.3  # of the loss above the least: how much the parabola is off there
LEAST_SD = 0.05  # of ln LR: no group tells its optimum better
DIVERGED = 10.0  # times the least loss of its group: beyond it a run diverged
NOISE = 7e-4  # of the loss, where the table does not tell it


@dataclass(frozen=True)
class Optimum:
    """The best learning rate of a group.

    Attributes
    ----------
    x : float
        ln of the best learning rate, or of the bound.
    sd : float
        Its standard deviation; of a bound, how sharp it is.
    side : int
        0 for a value; 1 if the optimum is larger than `x`, -1 if it is smaller.
    loss : float
        The least loss: of the parabola, or of the runs where it is a bound.
    curvature : float
        k, in units of the loss per ln LR squared; nan where it is not told.
    """

    x: float
    sd: float
    side: int
    loss: float
    curvature: float


def merged(lr: np.ndarray, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(ln LR, median loss) of each learning rate, in increasing order; a loss that is not finite counts as infinite."""
    lr, loss = check_reals("lr", lr), usable(loss)
    rates = np.unique(lr)
    return np.log(rates), np.array([np.median(loss[lr == rate]) for rate in rates])


def usable(loss: np.ndarray) -> np.ndarray:
    """The losses, infinite where they are not finite or more than `DIVERGED` times the least."""
    loss = check_reals("loss", loss)
    loss = np.where(np.isfinite(loss), loss, np.inf)
    return np.where(loss > DIVERGED * np.min(loss, initial=np.inf), np.inf, loss)


def find_optimum(lr: np.ndarray, loss: np.ndarray, noise: float) -> Optimum | None:
    """The best learning rate of one group; None for fewer than two learning rates, or if all runs diverged at more than one of them.

    Parameters
    ----------
    lr, loss : array, shape (n,)
        Peak learning rates and final losses; a loss that is not finite is that of a run that diverged.
    noise : float
        Standard deviation of a final loss between seeds.

    >>> rates = np.array([5e-4, 1e-3, 2e-3, 4e-3])
    >>> found = find_optimum(rates, 3 + 0.03 * np.log(rates / 1.5e-3) ** 2, noise=1e-3)
    >>> round(float(np.exp(found.x)), 5), found.side, round(found.curvature, 3)
    (0.0015, 0, 0.03)
    """
    check_number("noise", noise, "it is the standard deviation of a loss between seeds")
    lr, loss = check_reals("lr", lr), check_reals("loss", loss)
    if lr.ndim != 1 or loss.shape != lr.shape:
        raise ValueError(f"lr has shape {lr.shape} and loss {loss.shape}, expected (n,) each: one of both for each run")
    if not (np.isfinite(lr) & (lr > 0)).all():
        raise ValueError("lr must be finite and > 0 in every run: the optimum is sought in its logarithm")
    x, y = merged(lr, loss)
    if len(x) < 2 or not np.isfinite(y).any():
        return None
    i, last = int(np.argmin(y)), len(x) - 1
    if i in (0, last):
        near = 1 if i == 0 else last - 1
        return Optimum((x[i] + x[near]) / 2, abs(x[i] - x[near]) / 2, -1 if i == 0 else 1, float(y[i]), np.nan)
    left, right = x[i - 1] - x[i], x[i + 1] - x[i]
    use = (np.abs(x - x[i]) <= WINDOW) & np.isfinite(y)
    use[i - 1 : i + 2] |= np.isfinite(y[i - 1 : i + 2])
    unknown = Optimum(float(x[i]), (right - left) / 2, 0, float(y[i]), np.nan)
    if use.sum() < 3:
        return unknown
    weight = 1 / np.hypot(noise, MODEL_ERROR * (y[use] - y[i]))
    design = np.vander(x[use] - x[i], 3) * weight[:, None]
    covariance = np.linalg.pinv(design.T @ design)
    k, slope, level = covariance @ (design.T @ (weight * y[use]))
    if k <= 0:
        return unknown
    vertex = -slope / (2 * k)
    gradient = np.array([-vertex / k, -1 / (2 * k), 0])
    sd = np.hypot(np.sqrt(max(gradient @ covariance @ gradient, 0.0)), LEAST_SD)
    at = float(np.clip(vertex, left, right))
    return Optimum(float(x[i]) + at, float(min(sd, right - left)), 0, float(level + slope * at + k * at**2), float(k))


def noise_between_seeds(groups: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, str]:
    """Standard deviation of a final loss, and where it comes from: repeated runs, else how far losses lie off parabolas, else assumed."""
    repeats, off = [], []
    groups = [(lr, usable(loss)) for lr, loss in groups]
    for lr, loss in groups:
        least = np.min(loss, initial=np.inf)
        for rate in np.unique(lr):
            same = loss[(lr == rate) & np.isfinite(loss)]
            if len(same) > 1 and same.max() < 1.1 * least:
                repeats.append((np.var(same, ddof=1), len(same) - 1))
        x, y = merged(lr, loss)
        i = int(np.argmin(y))
        if 2 <= i < len(x) - 2 and np.isfinite(y[i - 2 : i + 3]).all():
            near, values = x[i - 2 : i + 3] - x[i], y[i - 2 : i + 3]
            off.append(np.sum((np.polyval(np.polyfit(near, values, 2), near) - values) ** 2) / 2)
    losses = np.concatenate([loss[np.isfinite(loss)] for _, loss in groups])
    if not losses.size:
        return NOISE, "nothing: all runs diverged"
    least = 1e-5 * float(losses.min())
    variances, freedom = np.array(repeats).reshape(-1, 2).T
    if freedom.sum() >= 5:
        return max(float(np.sqrt(np.average(variances, weights=freedom))), least), "repeated runs"
    if len(off) >= 5:
        return max(float(np.sqrt(np.median(off))), least), "how far the losses of a group lie off a parabola"
    return NOISE * float(np.median(losses)), f"{NOISE:g} of the loss, assumed: the table does not tell it"
