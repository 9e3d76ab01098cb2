"""The recursion behind the exact worst case: the pair (u, v) of steps x_1, ..., x_N, by one pass over them, the last first.

(u, v) <- (max(u, x), v + max(u, x) - u), then (u, v) <- ((u + x)^2/u, v + x^2/u), from (0, 0); a step of 0 is skipped.

v is u - 2 sum x, but summed from positive terms: nothing cancels and no square is formed, so steps may span all of float64.
u is convex in the steps, and with r_k = x_k/u, u after the maximum, du/dx_k = 2 (1 + r_k) prod_{l<k} (1 - r_l^2).
"""

from typing import Any

import numpy as np


def potential(steps: np.ndarray, ratios: list[Any] | None = None) -> tuple[float, float]:
    """(u, v) of all `steps`; appends r_k of every positive step to `ratios`, the last step first."""
    u = v = 0.0
    for x in reversed(steps.tolist()):
        if x > 0:
            if x > u:
                v += x - u
                u = x
            ratio = x / u
            square = x * ratio
            v += square
            u += 2 * x + square
            if ratios is not None:
                ratios.append(ratio)
    return u, v


def potentials(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(u, v) of ``steps[:n]`` for every n = 0..N, shape (N+1,) each: every step acts on all n that include it at once."""
    u, v = np.zeros((2, steps.size + 1))
    for k in np.flatnonzero(steps)[::-1].tolist():
        x = steps[k]
        raised = np.maximum(u[k + 1 :], x)
        v[k + 1 :] += raised - u[k + 1 :]
        square = x * (x / raised)
        v[k + 1 :] += square
        np.add(raised, 2 * x + square, out=u[k + 1 :])
    return u, v


def at_least(u: Any, v: Any, unit: float) -> Any:
    """(u, v) raised to u >= `unit`."""
    raised = np.maximum(u, unit)
    return raised, v + (raised - u)


def slopes(ratios: list[Any], unit: float, u: float) -> np.ndarray:
    """-d value/dx_k for G = 1 and D = `unit`, of the positive steps in order: ``c_k = 1 - p_k (1 + r_k)``, `u` at least `unit`.

    ``p_1 = 1 - (unit/u)^2``, ``p_{k+1} = p_k (1 - r_k^2)``.
    """
    r = np.array(ratios[::-1])
    before = (1 - unit / u) * (1 + unit / u) * np.cumprod(np.append(1.0, ((1 - r) * (1 + r))[:-1]))
    return 1 - before * (1 + r)
