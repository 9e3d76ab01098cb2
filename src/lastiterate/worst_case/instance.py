"""The function that is worst for given steps: explicit subgradients whose inner products the recursion's ratios determine.

With r_k = x/u of the k-th positive step (u after the maximum with x), p_1 = 1 - (D/(G u))^2 for the final u, and
``p_{k+1} = p_k (1 - r_k^2)``, the subgradients of ``f(x) = max(0, max_k <g_k, x - x*>)`` have norm G and

    <g_k, g_l> = G^2 c_k for l > k,  c_k = 1 - p_k (1 + r_k);  <g_k, x_1 - x*> = D^2/u.

-G^2 c_k is also the derivative of the worst case by the k-th step: at the best schedule all g_k are orthogonal.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lastiterate.schedules.schedule import LearningRates
from lastiterate.worst_case.recursion import potential
from lastiterate.worst_case.value import problem, value


@dataclass(frozen=True)
class WorstInstance:
    """``f(x) = max(0, max_k <g_k, x>)``, its minimiser x* = 0, and where to start; see `worst_instance`."""

    subgradients: np.ndarray  # shape (T, n): row k-1 is g_k, of norm G, active at x_k
    start: np.ndarray  # shape (n,): x_1, of norm D
    value: float  # f(x_T), the worst case

    def __call__(self, x: Any) -> float:
        """f(x) for x of shape (n,)."""
        return max(0.0, float(np.max(self.subgradients @ x)))


def worst_instance(lr: LearningRates, grad_norm: ArrayLike = 1.0, distance: float = 1.0) -> WorstInstance:
    """The convex function on which these learning rates do worst (formula in the module's head).

    Run ``x_{k+1} = x_k - lr[k-1] * subgradients[k-1]`` from ``start``: row k-1 is a subgradient at x_k (several pieces of f are
    active there, and an adversary returns this one), and ``f(x_T)`` is `worst_case` of the same arguments.

    Arguments and errors as `worst_case`. Takes n <= T dimensions, and so 8 T^2 bytes.

    Source: this project's own; proof in docs/worst_case.md.

    >>> f = worst_instance([1.0, 0.5])
    >>> f.subgradients.round(3).tolist(), f.start.round(3).tolist()
    ([[1.0, 0.0], [-0.875, 0.484]], [0.25, 0.968])
    >>> f(f.start - 1.0 * f.subgradients[0]), f.value
    (1.125, 1.125)
    """
    steps, unit, scale = problem(lr, grad_norm, distance)
    ratios: list[float] = []
    u, v = potential(steps, ratios)
    cosine = min(1.0, unit / u) if u else 1.0
    axes = _axes(ratios[::-1], cosine)
    distinct = np.tril(np.broadcast_to([axis.shared for axis in axes], (len(axes),) * 2), -1) + np.diag([axis.own for axis in axes])
    number = np.minimum(np.append(0, np.cumsum(steps > 0)), len(axes) - 1)
    start = np.array([axis.start for axis in axes])
    return WorstInstance(float(np.asarray(grad_norm)) * distinct[number], float(distance) * start, float(value(u, v, unit, scale)))


class _Axis(NamedTuple):
    """One orthonormal direction: its share in every later subgradient, in its own one, and in x_1 - x*, for G = D = 1."""

    shared: float
    own: float
    start: float


def _axes(ratios: Any, cosine: Any) -> list[_Axis]:
    """Gram-Schmidt in closed form: of g_k, `square` is what is left of its squared norm, `inner` of its product with x_1 - x*.

    s, the squared cosine between those rests, is 1 - p/square; kept apart because both differences cancel.
    """
    axes = []
    square, inner, s, p = 1.0, cosine, cosine * cosine, (1 - cosine) * (1 + cosine)
    for r in ratios:
        if p <= 0:  # all further subgradients are equal
            break
        own = sqrt(square)
        axes.append(_Axis(own * (s * (1 + r) - r), own, inner / own))
        rest = 1 - r + s * (1 + r)
        square, inner = p * (1 + r) * rest, inner * (1 - s) * (1 + r)
        s, p = s * (1 + r) / rest, p * (1 - r) * (1 + r)
    return [*axes, _Axis(0.0, sqrt(square), inner / sqrt(square))]
