"""What a refined schedule looks like in words: its warmup, its decay, and whether to believe it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from lastiterate.schedules import check_lr
from lastiterate.schedules.schedule import LearningRates

DEGENERATE_HALF = 0.5

_POINTS = 10_000  # the decay is fitted on at most so many
_POWER_RANGE = (0.01, 100.0)


class Diagnosis(NamedTuple):
    """Shape of a schedule; fractions are of total_steps."""

    warmup: float  # fraction of the run before the largest learning rate
    decay_power: float  # p of the (1 - x)^p that best describes what follows, x from 0 at the largest to 1 at the end; 1 if nothing does
    decay_error: float  # root mean square difference between the two, in units of the peak
    half: float  # fraction of the run in which half of the sum of all learning rates is executed
    degenerate: bool  # half > DEGENERATE_HALF


def diagnose(lr: LearningRates) -> Diagnosis:
    """Warmup, decay and soundness of a schedule, learning rates of shape (T,) or a Schedule.

    With W updates before the largest learning rate, p minimises ``sum_t (lr_t/max - (1 - (t-1-W)/(T-W))^p)^2`` over
    t > W, p within [0.01, 100] (of at most 10,000 evenly spaced t).

    A schedule is called degenerate if half of its sum lies in the second half of the run, that is, if on the whole it
    rises: linear decay has spent half after 29 % of the run, a constant learning rate after 50 %. Norms that fall
    towards 0, as they do where a model memorises its data, refine to such schedules (norms ~ 1/t: 66 %), whose early
    updates hardly move; the bound takes norms for given, but a run that does not move early would not have had them.

    Raises ValueError for learning rates that are negative, not finite or all zero.
    Source: the limitation is that of arXiv:2310.07831; the criterion is this project's own.

    >>> from lastiterate.schedules import polynomial
    >>> d = diagnose(polynomial(1000, power=1.5, warmup_steps=100))
    >>> d.warmup, round(d.decay_power, 4), round(d.half, 2), d.degenerate
    (0.1, 1.5, 0.28, False)
    """
    lr = check_lr(lr)
    first = int(np.argmax(lr))
    tail = lr[first:] / lr[first]
    at = np.unique(np.linspace(0, tail.size - 1, min(tail.size, _POINTS)).round().astype(np.int64))
    log_left, wanted = np.log1p(-at / tail.size), tail[at]
    error: Callable[[float], float] = lambda log_power: float(np.mean((np.exp(np.exp(log_power) * log_left) - wanted) ** 2))
    options: dict[str, Any] = {"bounds": np.log(_POWER_RANGE), "method": "bounded", "options": {"xatol": 1e-9}}
    log_power = minimize_scalar(error, **options).x if tail.size > 1 else 0.0
    spent = np.concatenate([[0.0], np.cumsum(lr)])
    half = float(np.interp(spent[-1] / 2, spent, np.arange(spent.size))) / lr.size
    return Diagnosis(first / lr.size, float(np.exp(log_power)), float(np.sqrt(error(log_power))), half, half > DEGENERATE_HALF)
