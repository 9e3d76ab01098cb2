"""What a phase looks like: each shape maps positions to factors of the peak learning rate.

With x = position / span, and s, e the phase's start and end:

    constant      s
    linear        s + x (e - s)
    1-sqrt        e + (s - e) (1 - sqrt(x))
    cosine        e + (s - e) (1 + cos(pi x)) / 2
    exponential   s (e/s)^x
    power         e + (s - e) (1 - x)^power
    inverse_sqrt  s / sqrt(position)            (positions count from 1; no end)
    table         values[position]              (any learning rates; no start, no end)

The order of the floating-point operations is part of the definition: it gives the very doubles of the arrays
published with arXiv:2501.18965, not only numbers near them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lastiterate.schedules.schedule import Phase


def _constant(position: np.ndarray, phase: "Phase") -> np.ndarray:
    return np.full(position.shape, float(phase.start))


def _linear(position: np.ndarray, phase: "Phase") -> np.ndarray:
    if phase.end > phase.start:
        return phase.start + (position / phase.span) * (phase.end - phase.start)
    return phase.start - position * (phase.start - phase.end) / phase.span


def _one_minus_sqrt(position: np.ndarray, phase: "Phase") -> np.ndarray:
    return phase.end + (phase.start - phase.end) * (1.0 - np.sqrt(position / phase.span))


def _cosine(position: np.ndarray, phase: "Phase") -> np.ndarray:
    return phase.end + 0.5 * (phase.start - phase.end) * (1 + np.cos(position / phase.span * np.pi))


def _exponential(position: np.ndarray, phase: "Phase") -> np.ndarray:
    return phase.start * (phase.end / phase.start) ** (position / phase.span)


def _power(position: np.ndarray, phase: "Phase") -> np.ndarray:
    return phase.end + (phase.start - phase.end) * (1.0 - position / phase.span) ** phase.power


def _inverse_sqrt(position: np.ndarray, phase: "Phase") -> np.ndarray:
    return phase.start / np.sqrt(position)


def _table(position: np.ndarray, phase: "Phase") -> np.ndarray:
    return np.asarray(phase.values, dtype=np.float64)[position]


SHAPES: dict[str, Callable[[np.ndarray, "Phase"], np.ndarray]] = {
    "constant": _constant,
    "linear": _linear,
    "1-sqrt": _one_minus_sqrt,
    "cosine": _cosine,
    "exponential": _exponential,
    "power": _power,
    "inverse_sqrt": _inverse_sqrt,
    "table": _table,
}

DECAY_SHAPES = ("linear", "1-sqrt", "cosine", "exponential", "power")
