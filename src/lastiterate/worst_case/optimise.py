"""The learning rates that minimise the exact worst case, found by descent and certified by what no method can beat."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_number, check_steps
from lastiterate.schedules import check_lr
from lastiterate.worst_case.recursion import potential, slopes
from lastiterate.worst_case.value import lower_bound, tuned_worst_case, units, value, worst_case


class OptimisedWorstCase(NamedTuple):
    """Result of `optimise_worst_case`."""

    lr: np.ndarray  # learning rates executed by updates 1..T; the last one, which does not enter, is 0
    value: float  # worst_case(lr)
    gap: float  # certified: the minimum is at least (1 - gap) * value
    history: np.ndarray  # the value after each iteration; history[0] is the start's
    reason: str  # why the search ended: "certified", "stalled" or "max_iterations"


def optimise_worst_case(
    total_steps: int,
    grad_norm: ArrayLike = 1.0,
    distance: float = 1.0,
    *,
    start: ArrayLike | None = None,
    rtol: float = 1e-6,
    max_iterations: int = 2000,
) -> OptimisedWorstCase:
    """Learning rates that minimise `worst_case`, by L-BFGS on the logarithms of the first T - 1, which alone enter.

    The value is convex in the steps, with the derivative -G^2 c_k of `worst_instance`; ``lower_bound(T)`` certifies the end.
    Every start ends at ``eta_k = D/(G sqrt(T)) (1 - k/T)``, linear decay, which is the only minimiser (docs/worst_case.md).

    Parameters
    ----------
    total_steps : int
        T >= 2, the number of the iterate that is judged.
    grad_norm, distance : float
        As in `worst_case`.
    start : Schedule or array-like, shape (T,), optional
        Where the descent starts, > 0 but for its last entry; its base learning rate is tuned first. Default: constant.
    rtol : float
        Relative distance to the minimum to certify, in (0, 1].
    max_iterations : int
        At least 1.

    Returns
    -------
    OptimisedWorstCase
        ``(lr, value, gap, history, reason)``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Source: this project's own; the minimiser is that of arXiv:2307.11134.

    >>> best = optimise_worst_case(5)
    >>> (best.lr * 5**1.5).round(2).tolist(), best.reason
    ([4.0, 3.0, 2.0, 1.0, 0.0], 'certified')
    """
    total_steps = check_steps("total_steps", total_steps, 2, "x_1 is given, so the first learning rate to choose leads to x_2")
    check_number("rtol", rtol, "it is the relative distance to the minimum", high=1.0, open_low=True)
    check_steps("max_iterations", max_iterations, 1, "it counts the iterations of the search")
    unit, scale = units(grad_norm, distance)
    start = np.ones(total_steps) if start is None else check_lr(start, "start")
    if start.size != total_steps or not (start[:-1] > 0).all():
        raise ValueError(
            f"start must have {total_steps} entries, all but the last positive (a step of 0 stays 0): use a small step instead"
        )
    first = np.log(start[:-1] / unit) + np.log(tuned_worst_case(start / unit).base_lr)
    bound = lower_bound(total_steps)
    best, history = first, [objective(first)[0]]

    def note(intermediate_result: Any) -> None:
        nonlocal best
        best = intermediate_result.x.copy()
        history.append(float(intermediate_result.fun))
        if history[-1] <= bound / (1 - rtol):
            raise StopIteration

    if history[0] > bound / (1 - rtol):
        from scipy.optimize import minimize  # here: its import takes longer than the values of a long schedule

        options = {"maxiter": max_iterations, "maxfun": 20 * max_iterations, "maxcor": 20, "ftol": 0.0, "gtol": 0.0}
        minimize(objective, first, jac=True, method="L-BFGS-B", callback=note, options=options)  # type: ignore[call-overload]  # a callback of its result
    lr = unit * np.append(np.exp(best), 0.0)
    final = worst_case(lr, grad_norm, distance)
    gap = max(0.0, 1 - lower_bound(total_steps, grad_norm, distance) / final)
    reason = "certified" if gap <= rtol else "max_iterations" if len(history) > max_iterations else "stalled"
    return OptimisedWorstCase(lr, final, gap, scale * np.array(history), reason)


def objective(log_steps: np.ndarray) -> tuple[float, np.ndarray]:
    """The worst case for D = G = 1 and its gradient with respect to the logarithms of the steps."""
    steps = np.exp(np.minimum(log_steps, 200.0))  # a trial step that far out is refused by the line search
    ratios: list[float] = []
    u, v = potential(steps, ratios)
    return float(value(u, v, 1.0, 1.0)), -steps * slopes(ratios, 1.0, max(u, 1.0))
