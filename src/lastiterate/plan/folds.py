"""What is left out to judge a law at a distance: the longest pilots, those at an end of the learning rates, those of one shape."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lastiterate.laws import Curve
from lastiterate.laws.fitting import SAME_PEAK

LONGER = 1.2  # horizons further apart than this factor count as two
PLACES = 16
SAME_SHAPE = 0.05  # root-mean-square difference of learning rates, as fractions of their peaks, up to which shapes are one
MOST_SHAPES = 3  # shapes left out in turn, those of the most curves


@dataclass(frozen=True)
class Fold:
    """Positions of the curves `left` out together; `name` is what they are further out in: "horizon", "high", "low", "shape", "one"."""

    name: str
    left: tuple[int, ...]


def folds(curves: Sequence[Curve]) -> list[Fold]:
    """Every way to leave out curves at a distance that leaves two or more others; each curve in turn if there is none."""
    totals, peaks = np.array([len(curve.lr) for curve in curves]), np.array([curve.lr.max() for curve in curves])
    masks = [("horizon", totals > cut * LONGER) for cut in _steps(totals, LONGER)[:-1]]
    if len(_steps(peaks, SAME_PEAK)) > 2:
        masks += [("high", peaks * SAME_PEAK > peaks.max()), ("low", peaks < peaks.min() * SAME_PEAK)]
    alike = _same_shape([shape(curve.lr) for curve in curves])
    groups = sorted({one: alike.count(one) for one in alike}.items(), key=lambda item: (-item[1], item[0]))
    masks += [("shape", np.array(alike) == group) for group, _ in groups[:MOST_SHAPES] if len(groups) > 1]
    found = [Fold(name, tuple(np.flatnonzero(mask).tolist())) for name, mask in masks if 0 < mask.sum() <= len(curves) - 2]
    if not found:
        found = [Fold("one", (i,)) for i in range(len(curves))]
    return list({fold.left: fold for fold in reversed(found)}.values())


def shape(lr: np.ndarray) -> np.ndarray:
    """The learning rate at 16 places after the warmup as a fraction of its peak, shape (16,).

    Nearly equal for schedules that differ in length, warmup and peak only.
    """
    first = int(np.argmax(lr >= lr.max() * (1 - 1e-6)))
    return np.interp(np.linspace(first, len(lr) - 1, PLACES + 1)[1:], np.arange(len(lr)), lr) / lr.max()


def _same_shape(shapes: Sequence[np.ndarray]) -> list[int]:
    """For each shape, the position of the first that it is nearly equal to."""
    return [next(j for j, other in enumerate(shapes) if np.sqrt(np.mean((one - other) ** 2)) <= SAME_SHAPE) for one in shapes]


def _steps(values: np.ndarray, factor: float) -> list[float]:
    """The distinct values, those within `factor` of the one before left out, increasing."""
    found: list[float] = []
    for value in np.unique(values).tolist():
        if not found or value > found[-1] * factor:
            found.append(value)
    return found
