"""The next learning rates to try: the group of runs, at most a share of the real run's cost, that lowers the uncertainty most."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from lastiterate.transfer.scaling import Scaling

RATES = 3  # learning rates of a group: the predicted best, half and double
FARTHER = 2.0  # than what was run: how far a candidate goes beyond
MOST = 7  # levels of a setting that are tried


@dataclass(frozen=True)
class NextGroup:
    """A group to run: its setting and learning rates, its cost (6 N D) over the real run's, the variance of ln LR before and after."""

    n_params: float
    tokens: float
    batch: float | None
    lr: tuple[float, ...]
    cost: float
    before: float
    after: float


def next_group(
    fit: Scaling,
    target: np.ndarray,
    budget: float,
    done: np.ndarray,
    exponent: str | None = None,
    variance: float | None = None,
    diverged: Sequence[tuple[float, float]] = (),
) -> NextGroup | None:
    """The group whose optimum would lower the variance at `target` (or of an exponent) most; None if none is within `budget`.

    Parameters
    ----------
    fit : Scaling
    target : array, shape (d,)
        ln of the setting asked for.
    budget : float
        Share of the real run's 6 N D that the group may cost.
    done : array, shape (n, d)
        ln of the settings that were run.
    exponent : str, optional
        "N", "D" or "B".
    variance : float, optional
        That of the exponent.
    diverged : sequence of (n_params, LR)
        Runs that diverged: no learning rate is advised at which a model of that size or a smaller one did (else the smallest that did).
    """
    levels = []
    for j, name in enumerate(fit.names):
        had = np.unique(done[:, j])
        beyond = np.log(FARTHER)
        if name == "W":
            levels.append(np.array([target[j]]))
        else:
            picked = had[np.unique(np.linspace(0, len(had) - 1, MOST).round().astype(int))]
            levels.append(np.unique([*picked, had[0] - beyond, had[-1] + beyond, target[j]]))
    candidates = np.array(list(product(*levels)))
    cost = RATES * np.exp(candidates[:, :2].sum(axis=1) - target[:2].sum())
    usable = (cost <= budget) & (np.abs(candidates[:, None] - done[None]).max(axis=2).min(axis=1) > 0.05)
    for other in (0, 2)[: len(target) - 1]:  # tokens per parameter, and updates: no fewer than anything that was run or is asked for
        each: Callable[..., Any] = lambda points, other=other: points[:, 1] - points[:, other]
        usable &= each(candidates) >= min(each(done).min(), each(target[None])[0]) - np.log(FARTHER)
    candidates, cost = candidates[usable], cost[usable]
    if not len(candidates):
        return None
    gains = fit.gains(candidates, target, exponent)
    best = int(np.argmax(gains * (1 - 0.1 * cost / budget)))  # of nearly equal ones, the cheaper
    before = float(fit.predict(target)[1][0] ** 2) if variance is None else variance
    center = float(np.exp(fit.predict(candidates[best])[0][0]))
    at = dict(zip(fit.names, np.exp(candidates[best]), strict=True))
    largest = 1.01 * max(at["N"], min((size for size, _ in diverged), default=0))
    limit = min((lr for size, lr in diverged if size <= largest), default=np.inf)
    return NextGroup(
        float(at["N"]), float(at["D"]), float(at["B"]) if "B" in at else None, _rates(center, limit), float(cost[best]), before,
        max(before - float(gains[best]), 0.0),
    )  # fmt: skip


def _rates(center: float, limit: float) -> tuple[float, float, float]:
    """Half, once and twice the predicted best learning rate; below one that diverged, the highest between the two, or all of them lower.

    >>> [tuple(round(lr, 2) for lr in _rates(1.0, limit)) for limit in (4.0, 1.5, 0.9)]
    [(0.5, 1.0, 2.0), (0.5, 1.0, 1.22), (0.18, 0.36, 0.72)]
    """
    if 2 * center < limit:
        return center / 2, center, 2 * center
    if 1.2 * center < limit:
        return center / 2, center, (center * limit) ** 0.5
    return 0.2 * limit, 0.4 * limit, 0.8 * limit
