"""optax's schedule pieces in NumPy, in the arithmetic of their counts: float32 is what JAX does with int32 counts.

A count s is an array of dtype float64 or float32; Python's numbers are weak in NumPy as in JAX, so that the operations and their
order are optax's own in either precision. Source: google-deepmind/optax, optax/schedules/_schedule.py and _join.py (0.2.8).
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

Piece: TypeAlias = Callable[[np.ndarray], np.ndarray]  # learning rates at counts of updates already made


def counts(steps: int | np.ndarray, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Updates already made: 0, 1, ..., steps - 1, or `steps` itself if it is an array of them."""
    return (steps if isinstance(steps, np.ndarray) else np.arange(steps)).astype(dtype)


def constant(value: float) -> Piece:
    """``value``."""
    return lambda count: np.full_like(count, value)


def polynomial(init: float, end: float, power: float, steps: int) -> Piece:
    """``(init - end) (1 - count/steps)^power + end``; `init` if there are no steps."""
    if steps <= 0:
        return constant(init)
    return lambda count: (init - end) * (1 - np.clip(count, 0, steps) / steps) ** power + end


def linear(init: float, end: float, steps: int) -> Piece:
    """`polynomial` of power 1."""
    return polynomial(init, end, 1, steps)


def cosine(init: float, steps: int, alpha: float) -> Piece:
    """``init ((1 - alpha) (1 + cos(pi count/steps))/2 + alpha)``."""
    return lambda count: init * ((1 - alpha) * (0.5 * (1 + np.cos(np.pi * np.minimum(count, steps) / steps))) + alpha)


def exponential(init: float, steps: int, rate: float) -> Piece:
    """``init rate^(count/steps)``."""
    return lambda count: np.where(count <= 0, init, init * np.power(rate, np.maximum(count, 0) / steps)).astype(count.dtype)


def join(pieces: list[Any], boundaries: list[int]) -> Piece:
    """Each piece from its boundary on, with the count since then; the first from 0."""

    def schedule(count: np.ndarray) -> np.ndarray:
        output = np.broadcast_to(pieces[0](count), count.shape).copy()
        for boundary, piece in zip(boundaries, pieces[1:], strict=False):
            later = count >= boundary
            output[later] = piece(count[later] - boundary)
        return output

    return schedule
