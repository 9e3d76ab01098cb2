"""Memory kernels: what earlier updates leave behind at the logged steps, in Abel form.

``sum_k w_k K(X(t) - X(k))`` over updates equals ``sum_j (v_j - v_{j-1}) G(X(t) - X_start(j))`` over changes of the
learning rate, with G the integral of K and v = w per unit of the clock X. Rows go in blocks, so memory stays linear.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import digamma

from lastiterate.laws.path import Path

_ASYMPTOTIC = 8.0  # from here on the expansion of digamma holds to 1e-9


def power_kernel(scale: float, power: float) -> Callable[[np.ndarray], np.ndarray]:
    """G(x) = 1 - (1 + scale x)^-power."""
    return lambda x: -np.expm1(-power * np.log1p(scale * x))


def abel_sum(path: Path, clock: np.ndarray, jumps: np.ndarray, kernel: Callable[..., Any], stretch: np.ndarray | None = None) -> np.ndarray:
    """sum_j jumps_j kernel(stretch_j (clock(t) - clock at the start of cell j)) over the cells up to t, shape (m,).

    `clock`, `jumps` and `stretch` have shape (J,); `clock` holds values at the cells' ends.
    """
    start = path.before(clock)
    out = np.empty(len(path.at))
    for rows, low, high in path.rows():
        cells = low + np.flatnonzero(jumps[low:high])
        lag = np.maximum(clock[path.at[rows], None] - start[cells], 0.0)
        out[rows] = kernel(lag if stretch is None else lag * stretch[cells]) @ jumps[cells]
    return out


def inverse_sum(path: Path, lr: np.ndarray) -> np.ndarray:
    """lr_t + sum_{k<t} lr_k^2 / (S_t - S_k), the noise terms of the last-iterate bound doubled, shape (m,).

    Exact for cells of constant learning rate: inside one, the sum over updates is a difference of digamma functions. Updates
    of learning rate 0 change nothing, where the formula divides by 0: after them it has the value that it had before.
    """
    moving = np.maximum(np.maximum.accumulate(np.where(lr > 0, np.arange(len(lr)), 0)), path.first[:-1][path.curve])[path.at]
    clock = path.total(lr)
    start = path.before(clock)
    out = np.empty(len(path.at))
    for rows, low, high in path.rows():
        cells = low + np.flatnonzero(lr[low:high])
        at = moving[rows, None]
        seen = cells <= at
        far = np.where(seen, (clock[at] - start[cells]) / lr[cells], 1.0)
        near = np.where(seen & (cells < at), np.maximum(far - path.count[cells], 1e-12), 1.0)  # the cell of t leaves out k = t
        out[rows] = np.where(seen, _digamma(far) - _digamma(near), 0.0) @ lr[cells]
    return out + lr[moving]


def _digamma(x: np.ndarray) -> np.ndarray:
    """Digamma of x > 0, by its expansion where that is exact enough (scipy's takes ten times as long)."""
    shifted = np.maximum(x - 0.5, 1.0)
    half = 1 / shifted**2
    value = np.log(shifted) + half / 24 - 7 * half**2 / 960 + 31 * half**3 / 8064
    small = x < _ASYMPTOTIC
    value[small] = digamma(x[small])
    return value
