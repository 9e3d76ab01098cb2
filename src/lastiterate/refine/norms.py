"""Gradient norms as logged, to one smooth norm for each update: checked, interpolated, median-filtered."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import median_filter

from lastiterate._checks import check_counts, check_number, check_reals, check_steps
from lastiterate.bound.problem import check_memory


def clean_norms(grad_norm: ArrayLike, step: ArrayLike | None = None, *, drop_invalid: bool = False) -> tuple[np.ndarray, np.ndarray, int]:
    """Check norms and their updates: (step, grad_norm, dropped), shapes (n,), (n,), int.

    Parameters
    ----------
    grad_norm : array-like, shape (m,)
        Norms as logged.
    step : array-like of int, shape (m,), optional
        The update (1-based) that each norm belongs to, strictly increasing; 1..m if not given.
    drop_invalid : bool
        Leave out norms that are zero, negative, NaN or infinite, and count them.

    Raises
    ------
    ValueError
        For an invalid norm (its index and update are named), steps that do not increase from 1 on, or no valid norm.

    >>> clean_norms([2.0, float("nan"), 1.0], [10, 20, 30], drop_invalid=True)
    (array([10, 30]), array([2., 1.]), 1)
    """
    norm = check_reals("grad_norm", grad_norm)
    if norm.ndim != 1 or norm.size == 0:
        raise ValueError(f"grad_norm has shape {norm.shape}, expected (n,) with n >= 1: one norm for each logged update")
    step = np.arange(1, norm.size + 1) if step is None else check_counts("step", step, "updates count 1, 2, ...")
    if step.shape != norm.shape:
        raise ValueError(f"step has shape {step.shape}, expected {norm.shape}: one update for each norm")
    if step[0] < 1 or (np.diff(step) <= 0).any():
        at = 0 if step[0] < 1 else int(np.argmax(np.diff(step) <= 0)) + 1
        raise ValueError(
            f"step[{at}]={step[at]} must be larger than {step[at - 1] if at else 0}: updates count from 1 and increase strictly"
        )
    valid = np.isfinite(norm) & (norm > 0)
    dropped = norm.size - int(valid.sum())
    if dropped and not (drop_invalid and dropped < norm.size):
        at = int(np.argmin(valid))
        advice = "all are: log them again" if dropped == norm.size else "pass drop_invalid=True to leave such norms out"
        raise ValueError(
            f"grad_norm[{at}]={norm[at]:g} (update {step[at]}) must be finite and > 0; {dropped} of {norm.size} are not: {advice}"
        )
    return (step[valid], norm[valid], dropped) if dropped else (step, norm, 0)


def norms_at_updates(step: Any, grad_norm: Any, total_steps: int) -> np.ndarray:
    """Norms of updates 1..T, shape (total_steps,): linear between logged updates, constant before the first and after the last.

    `step` and `grad_norm`, shape (n,), are those of `clean_norms`. Raises ValueError if total_steps is below the last step.

    >>> norms_at_updates([2, 4], [1.0, 3.0], 5).tolist()
    [1.0, 1.0, 2.0, 3.0, 3.0]
    """
    total_steps = check_steps("total_steps", total_steps, 1, "it counts the updates of the run")
    if total_steps < step[-1]:
        raise ValueError(f"total_steps={total_steps} is below step {step[-1]}, the last with a norm: cut the norms or raise total_steps")
    if len(step) == total_steps:
        return np.array(grad_norm, dtype=np.float64)
    check_memory(np.broadcast_to(0.0, total_steps))
    return np.interp(np.arange(1, total_steps + 1), step, grad_norm)


def median_smooth(grad_norm: ArrayLike, width: int) -> np.ndarray:
    """Running median over `width` (odd) values, reflected at the end (the last value once), the first one repeated before the start.

    ``result[i]`` is the median of values i-h..i+h, h = (width-1)/2, which must be below the length n. Time O(n log width),
    memory linear in n. Raises ValueError for a width that is even or too large.

    Source: arXiv:2310.07831, section 3 and its published code, which pads more than the filter sees.

    >>> median_smooth([5.0, 1.0, 2.0, 9.0, 3.0], 3).tolist()
    [5.0, 2.0, 2.0, 3.0, 9.0]
    """
    values = check_reals("grad_norm", grad_norm)
    width = check_steps("width", width, 1, "it counts the values that a median is taken over")
    half = width // 2
    if width % 2 == 0 or half >= values.size:
        raise ValueError(f"width={width} must be odd and at most {2 * values.size - 1} for {values.size} values: it is centred on each")
    if width == 1:
        return values.copy()
    return median_filter(np.pad(values, (0, half), mode="reflect"), width, mode="nearest")[: values.size]


def window(smoothing: float, total_steps: int) -> int:
    """Odd width of the median for `smoothing` = tau: ``2 floor(int(tau T)/2) + 1`` updates."""
    check_number("smoothing", smoothing, "it is the width of the running median as a fraction of total_steps", 0.0, 1.0)
    return 2 * (int(smoothing * total_steps) // 2) + 1
