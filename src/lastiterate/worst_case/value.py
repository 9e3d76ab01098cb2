"""The exact worst case of ``f(x_T) - f*``, of which Omega_T is an upper bound: its value, and the base learning rate that is best.

Over all convex f with subgradient norms <= G and ||x_1 - x*|| <= D, updates ``x_{k+1} = x_k - eta_k g_k`` have

    max f(x_T) - f* = D^2/(2u) + G^2 v/2,  (u, v) from eta_1, ..., eta_{T-1} as in `recursion`, then raised to u >= D/G.

It is convex in the learning rates. With the base learning rate free, ``gamma* = (D/G)/sqrt(u v)`` and the value there is
``D G sqrt(v/u)``, (u, v) not raised. eta_T does not enter: it leads from x_T to x_{T+1}. With noise, E||g_t||^2 <= G^2, the
value is the same. Norms that vary with t are not covered. Proofs: docs/worst_case.md.

Source: the recursion telescopes the certificate of arXiv:2307.11134; that it is exact for all steps is shown there.
"""

from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_number, check_steps
from lastiterate.bound.omega import Tuned
from lastiterate.bound.problem import check_finite
from lastiterate.schedules import check_lr
from lastiterate.schedules.schedule import LearningRates
from lastiterate.worst_case.recursion import at_least, potential, potentials


def worst_case(lr: LearningRates, grad_norm: ArrayLike = 1.0, distance: float = 1.0) -> float:
    """Exact worst case of ``f(x_T) - f*`` (formula in the module's head); never more than `omega` of the same arguments.

    Parameters
    ----------
    lr : Schedule or array-like, shape (T,)
        Learning rates executed by updates 1..T (``lr[0]`` is update 1's), >= 0; 0 is no step. ``lr[T-1]`` does not enter.
    grad_norm : float
        G > 0, the largest norm of a subgradient, one number.
    distance : float
        D = ||x_1 - x*|| > 0. Units: lr in that of D/G, the value in that of D G.

    Returns
    -------
    float
        In time O(T); D G if no step before x_T is positive.

    Raises
    ------
    ValueError
        For a negative, NaN or infinite learning rate, an all-zero schedule, or sums beyond float64.

    Source: arXiv:2307.11134, telescoped. Deviation: for any steps instead of the optimal ones, and exact.

    >>> worst_case([1.0, 0.5])
    1.125
    >>> from lastiterate.schedules import wsd
    >>> round(worst_case(wsd(60, cooldown=0.2, peak_lr=0.1)), 6)
    0.157113
    """
    steps, unit, scale = problem(lr, grad_norm, distance)
    return float(value(*potential(steps), unit, scale))


def worst_case_trajectory(lr: LearningRates, grad_norm: ArrayLike = 1.0, distance: float = 1.0) -> np.ndarray:
    """`worst_case` at every t = 1..T, shape (T,): ``result[t-1]`` is ``worst_case(lr[:t])``, and result[0] is D G.

    Arguments and errors as `worst_case`. Time O(T^2) in T passes over vectors (0.13 s for T = 4000), memory O(T).

    Source: as `worst_case`.

    >>> worst_case_trajectory([1.0, 0.5, 0.5]).round(6).tolist()
    [1.0, 1.125, 0.861111]
    """
    steps, unit, scale = problem(lr, grad_norm, distance)
    return value(*potentials(steps), unit, scale)


@overload
def tuned_worst_case(
    lr: LearningRates, grad_norm: ArrayLike = ..., distance: float = ..., *, every_t: Literal[False] = ...
) -> Tuned[float]: ...
@overload
def tuned_worst_case(
    lr: LearningRates, grad_norm: ArrayLike = ..., distance: float = ..., *, every_t: Literal[True]
) -> Tuned[np.ndarray]: ...
def tuned_worst_case(
    lr: LearningRates, grad_norm: ArrayLike = 1.0, distance: float = 1.0, *, every_t: bool = False
) -> Tuned[float] | Tuned[np.ndarray]:
    """The base learning rate that minimises the exact worst case, and the value there, in closed form (module's head).

    Arguments and errors as `worst_case`; ValueError too if no step before x_T is positive, where every base learning rate
    is as good. With ``every_t=True`` the result holds arrays of shape (T,), tuned for each t, with base_lr = nan at such t
    (t = 1 at least).

    Source: as `worst_case`.

    >>> from lastiterate.schedules import linear
    >>> base_lr, value = tuned_worst_case(linear(60))
    >>> round(base_lr, 6), round(value, 6)
    (0.124591, 0.129444)
    """
    steps, unit, scale = problem(lr, grad_norm, distance)
    u, v = potentials(steps) if every_t else map(np.asarray, potential(steps))
    moved = u > 0
    if not every_t and not moved:
        raise ValueError(f"lr has no positive step before x_{steps.size + 1}: every base LR is as good there, so give more updates")
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        base_lr = np.where(moved, unit / np.sqrt(u) / np.sqrt(v), np.nan)
        best = Tuned(base_lr, scale * np.sqrt(np.where(moved, v / u, 1.0)))
    check_finite(np.nan_to_num(best.base_lr, nan=0.0, posinf=np.inf).max(), "the tuned base learning rate")
    return best if every_t else Tuned(float(best.base_lr), float(best.value))


def lower_bound(total_steps: int, grad_norm: ArrayLike = 1.0, distance: float = 1.0) -> float:
    """``D G / sqrt(T)``: no method that has seen T - 1 subgradients guarantees a smaller ``f(x_T) - f*``.

    total_steps : T >= 1; grad_norm : G > 0; distance : D > 0; ValueError otherwise. Among all learning rates only linear
    decay, ``eta_k = D/(G sqrt(T)) (1 - k/T)``, attains it.

    Source: Drori and Teboulle, An optimal variant of Kelley's cutting-plane method (2016); docs/worst_case.md.

    >>> eta = [(1 - k / 60) / 60**0.5 for k in range(1, 61)]
    >>> round(lower_bound(60), 9), round(worst_case(eta), 9)
    (0.129099445, 0.129099445)
    """
    total_steps = check_steps("total_steps", total_steps, 1, "it is the number of the iterate that is judged")
    return units(grad_norm, distance)[1] / float(np.sqrt(total_steps))


def value(u: Any, v: Any, unit: float, scale: float) -> Any:
    """The worst case from (u, v), with unit D/G and scale D G; raises ValueError if it overflows."""
    u, v = at_least(u, v, unit)
    with np.errstate(over="ignore"):
        result = scale / 2 * (unit / u + v / unit)
    check_finite(np.max(result), "the worst case")
    return result


def problem(lr: LearningRates, grad_norm: ArrayLike, distance: float) -> tuple[np.ndarray, float, float]:
    """The checked steps before x_T, the unit D/G of u and v, and the scale D G of the value."""
    steps = check_lr(lr)[:-1]
    with np.errstate(over="ignore"):
        check_finite(4 * float(np.sum(steps)), "four times the sum of the learning rates")  # u is never larger
    return steps, *units(grad_norm, distance)


def units(grad_norm: ArrayLike, distance: float) -> tuple[float, float]:
    """D/G and D G."""
    norm = check_number("grad_norm", grad_norm, "it is the largest subgradient norm, one number", open_low=True)
    distance = check_number("distance", distance, "it is ||x_1 - x*||", open_low=True)
    unit, scale = distance / norm, distance * norm
    for name, number in (("distance / grad_norm", unit), ("distance * grad_norm", scale)):
        if not 0 < number < np.inf:
            raise ValueError(f"{name}={number:g} left the range of float64: express lr, grad_norm and distance in units nearer to 1")
    return unit, scale
