"""The schedule that minimises the bound at the last step, under the constraints a run may impose."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_number, check_steps
from lastiterate.bound.omega import omega
from lastiterate.bound.problem import check_memory
from lastiterate.bound.search import Search, descend, descend_projected

RTOL = 1e-5
MAX_ITERATIONS = 2000

_PATIENCE = 50  # iterations without progress before giving up


class Optimised(NamedTuple):
    """Result of `optimise_schedule`."""

    lr: np.ndarray  # learning rates executed by updates 1..T
    value: float  # Omega_T of lr
    gap: float  # certified: the minimum is at least (1 - gap) * value
    history: np.ndarray  # the value after each iteration; history[0] is the starting schedule's
    reason: str  # why the search ended: "certified", "stalled" or "max_iterations"


def optimise_schedule(
    total_steps: int,
    grad_norm: ArrayLike = 1.0,
    distance: float = 1.0,
    *,
    monotone: bool = False,
    floor: float | None = None,
    warmup: ArrayLike | None = None,
    rtol: float = RTOL,
    max_iterations: int = MAX_ITERATIONS,
    progress: Callable[[int, float, float], None] | bool | None = None,
) -> Optimised:
    """Learning rates that minimise Omega_T, by L-BFGS on their logarithms.

    The search starts from the best multiple of ``eta_t = w_t sum_{p>=t} w_p``, w_t = G_t^-2 (linear decay for constant
    G), made feasible, and ends with the reason

    - "certified": the value is within a factor 1 + `rtol` of the minimum, as the gradient proves;
    - "stalled": in 50 iterations the value fell by less than `rtol`/1000 and `gap` by less than a tenth, or float64
      resolves no further decrease;
    - "max_iterations".

    Parameters
    ----------
    total_steps : int
        T, the number of updates.
    grad_norm : float or array-like, shape (T,)
        G or G_t > 0 (an update with G_t = 0 would be free, and the minimum 0).
    distance : float
        D = ||x_1 - x*|| > 0; with grad_norm it sets the unit of the learning rates, D/G.
    monotone : bool
        Let no learning rate after the warmup be larger than the one before.
    floor : float, optional
        Smallest learning rate allowed after the warmup, > 0, in the unit of lr.
    warmup : array-like, shape (W,), W < T, optional
        The first W updates execute these factors > 0 of update W+1's learning rate.
    rtol : float
        Relative distance to the minimum to certify, in (0, 1].
    max_iterations : int
        At least 1.
    progress : callable or True, optional
        Called as ``progress(iteration, value, gap)`` after each iteration; True writes one line to stderr.

    Returns
    -------
    Optimised
        ``(lr, value, gap, history, reason)``.

    Raises
    ------
    ValueError, MemoryError
        If an argument is out of range.

    Source: the numerical alternative to refinement in arXiv:2310.07831. Deviation: logarithms instead of a box, gradients
    in O(T), and a certificate (see `search`) as the stopping rule.

    >>> best = optimise_schedule(100)
    >>> round(best.value, 6), best.reason
    (0.200114, 'certified')
    """
    total_steps = check_steps("total_steps", total_steps, 1, "it counts the updates of the run")
    check_memory(np.broadcast_to(0.0, total_steps))
    check_number("rtol", rtol, "it is the relative distance to the minimum", high=1.0, open_low=True)
    check_steps("max_iterations", max_iterations, 1, "it counts the iterations of the search")
    search = Search(total_steps, grad_norm, distance, monotone, floor, warmup)
    monitor = _Monitor(search, rtol, max_iterations, _print_line if progress is True else progress or None)
    if not monotone:
        descend(search, monitor)
    descend_projected(search, monitor)
    if progress is True:
        print(file=sys.stderr)
    lr = search.rates(monitor.best)
    return Optimised(lr, float(omega(lr, grad_norm, distance)), monitor.gap, np.array(monitor.history), monitor.reason)


class _Monitor:
    """Keeps the best iterate, its certificate and the history; decides when to stop."""

    def __init__(self, search: Search, rtol: float, max_iterations: int, report: Callable[[int, float, float], None] | None) -> None:
        self.search, self.rtol, self.max_iterations, self.report = search, rtol, max_iterations, report
        self.best = search.first
        value, gradient = search.evaluate(self.best)
        self.history = [value]
        self.gap = search.gap(self.best, value, gradient)
        self.gaps = [self.gap]
        self.reason = "certified" if self.gap <= rtol else "stalled"

    def __call__(self, z: np.ndarray) -> bool:
        """Take note of an iterate; True if the search is over."""
        value, gradient = self.search.evaluate(z)
        gap = self.search.gap(z, value, gradient)
        if value <= self.history[-1]:
            self.best = z.copy()
        self.history.append(min(value, self.history[-1]))
        self.gap = 1 - max((1 - self.gap) * self.history[-2], (1 - gap) * value) / self.history[-1]  # the best lower bound
        self.gaps.append(self.gap)
        iteration = len(self.history) - 1
        if self.report:
            self.report(iteration, self.history[-1], self.gap)
        if self.gap <= self.rtol:
            self.reason = "certified"
        elif iteration >= self.max_iterations:
            self.reason = "max_iterations"
        else:
            then = max(0, iteration - _PATIENCE)
            moving = self.history[then] - self.history[-1] > self.rtol / 1000 * self.history[-1] or self.gap < 0.9 * self.gaps[then]
            return iteration > _PATIENCE and not moving
        return True


def _print_line(iteration: int, value: float, gap: float) -> None:
    print(f"\riteration {iteration}: bound {value:.10g}, certified within {gap:.1e}", end="", file=sys.stderr, flush=True)
