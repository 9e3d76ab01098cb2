"""The exam by numbers: tuned bounds at doubling horizons, and what their growth says about the limit.

With g_j = T_j Omega*_{T_j}^2/(4 D^2 G^2) at T_j = 2^j, a schedule qualifies if g stays bounded. The increments
d_j = g_{j+1} - g_j tell: g_j -> g + C T^-p has d_j ~ T^-p, a logarithm (the constant schedule, 1/sqrt) has equal
increments, p = 0, and a power has p < 0. The verdict rests on p, fitted over the last octaves.
"""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lastiterate._checks import check_counts, check_reals
from lastiterate.bound import tuned

HORIZONS = tuple(2**j for j in range(6, 21))
SURE = 0.975  # confidence below which the verdict is "undecided"

_OCTAVES = 8  # increments that p is fitted to
_ROUNDING = 1e-11  # relative size below which an increment is rounding


@dataclass(frozen=True)
class Exam:
    """What `exam` found.

    Attributes
    ----------
    verdict : {"pass", "fail", "undecided"}
        Whether the tuned bound falls like 1/sqrt(T).
    confidence : float in [0, 1]
        The normal probability that the decay of the increments lies on the verdict's side of what the horizons can
        resolve, given how well it is determined ("undecided": the larger of the two); evidence, not a proof.
    exponent, exponent_error : float
        Of ``Omega*_T ~ T^exponent`` over the last octaves, and its standard error.
    decay : float
        p of the increments; infinite where they have fallen to rounding.
    limit : float
        Extrapolated g, the squared gap to linear decay's bound D G 2/sqrt(T); infinite unless it passes.
    horizons, gap : ndarray
        T_j and g_j.
    """

    verdict: str
    confidence: float
    exponent: float
    exponent_error: float
    decay: float
    limit: float
    horizons: np.ndarray = field(repr=False)
    gap: np.ndarray = field(repr=False)


def exam(schedule: Callable[..., Any], horizons: Sequence[int] = HORIZONS) -> Exam:
    """Whether the tuned bound of a schedule falls like 1/sqrt(T), judged from finite horizons.

    Parameters
    ----------
    schedule : callable
        ``s(x)`` of fractions x = (t - 1/2)/T, or ``s(t, T)`` of the updates t = 1..T and the horizon; both get an array
        of shape (T,) and return learning rates >= 0 of that shape (or one number), of any scale, the last one > 0.
        For a family of `lastiterate.schedules`: ``lambda t, T: cosine(T).lr``.
    horizons : increasing ints, each twice the one before
        T_j; at least 6 of them.

    Returns
    -------
    Exam
        "pass" where p is surely above 1/ln(T) (what even ln ln T would show), "fail" where it is surely below a quarter of
        that, else "undecided": horizons up to T cannot tell a slower decay of the increments from none.

    Raises
    ------
    ValueError
        For horizons that do not double, and for learning rates that `lastiterate.bound.tuned` refuses.

    Source: arXiv:2602.07145, Condition 2.5. Deviation: the sums of eq. (2.4) instead of integrals, the peak tuned at every T.

    >>> linear = exam(lambda x: 1 - x)
    >>> linear.verdict, round(linear.exponent, 3), round(linear.limit, 3)
    ('pass', -0.5, 1.0)
    >>> exam(lambda t, T: t**-0.5).verdict
    'fail'
    """
    steps = check_counts("horizons", horizons, "each is a number of updates")
    if steps.ndim != 1 or steps.size < 6 or steps.min() < 2 or (steps[1:] != 2 * steps[:-1]).any():
        raise ValueError(f"horizons={steps.tolist()} must be at least 6 values that double: the exam compares increments per octave")
    if not callable(schedule):
        raise ValueError(f"schedule is a {type(schedule).__name__}, expected a function s(x) or s(t, T) that returns learning rates")
    arity = len(inspect.signature(schedule).parameters)
    gap = np.array([T * tuned(_executed(schedule, arity, int(T))).value ** 2 / 4 for T in steps])
    late = slice(-min(_OCTAVES, steps.size // 2), None)
    exponent, exponent_error = _slope(np.log(steps[late]), np.log(gap[late] / steps[late]) / 2)
    resolution = 1 / math.log(steps[-1])
    decay, error = _decay(gap, resolution)
    passes, fails = _normal((decay - resolution) / error), _normal((resolution / 4 - decay) / error)
    confidence = max(passes, fails)
    verdict = "undecided" if confidence < SURE else "pass" if passes > fails else "fail"
    limit = float(gap[-1] + (gap[-1] - gap[-2]) / (2**decay - 1)) if verdict == "pass" else math.inf
    return Exam(verdict, confidence, exponent, exponent_error, decay, limit, steps, gap)


def _executed(schedule: Any, arity: int, total_steps: int) -> Any:
    t = np.arange(1, total_steps + 1)
    values = schedule((t - 0.5) / total_steps) if arity == 1 else schedule(t, total_steps)
    return np.broadcast_to(check_reals("schedule(...)", values), t.shape)


def _decay(gap: np.ndarray, resolution: Any) -> Any:
    """Decay p and its error, to which the fit, the drift from the older to the newer increments, and the resolution contribute."""
    increments = np.diff(gap)[-_OCTAVES:]
    falls = (increments <= 0).all()  # g is bounded below by 0: it has a limit
    if falls or abs(increments[-1]) <= _ROUNDING * gap[-1]:
        return math.inf, resolution
    x, y = np.arange(increments.size) * math.log(2), np.log(np.maximum(np.abs(increments), _ROUNDING * gap[-1]))
    slope, fit_error = _slope(x, y)
    half = increments.size // 2
    drift = abs(_slope(x[half:], y[half:])[0] - _slope(x[:half], y[:half])[0]) / 2
    return -slope, math.hypot(fit_error, drift, resolution / 16)


def _normal(z: Any) -> Any:
    """Probability that a standard normal variable is below z."""
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


def _slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Least-squares slope and its standard error."""
    dx, dy = x - x.mean(), y - y.mean()
    slope = float(dx @ dy / (dx @ dx))
    residual = dy - slope * dx
    return slope, math.sqrt(float(residual @ residual) / max(x.size - 2, 1) / float(dx @ dx))
