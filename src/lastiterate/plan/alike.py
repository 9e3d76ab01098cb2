"""How alike two settings are: what a law missed of one is expected to be missed of another that is like it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lastiterate.plan.folds import shape

LR_SCALE = 0.7  # of the natural logarithm of the peak learning rate: an octave
SHAPE_SCALE = 0.25  # of the root-mean-square difference of learning rates over the run, as fractions of their peaks


@dataclass(frozen=True, eq=False)
class Settings:
    """Logarithms of peak learning rate (n,) and length (n,), and shapes (n, 16) of n schedules."""

    peak: np.ndarray
    shape: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, vectors: Sequence[np.ndarray]) -> "Settings":
        """From the learning rates of updates 1..T of each."""
        return cls(
            np.log([lr.max() for lr in vectors]), np.array([shape(lr) for lr in vectors]), np.log([float(len(lr)) for lr in vectors])
        )

    def __getitem__(self, at) -> "Settings":
        return Settings(self.peak[at], self.shape[at], self.total[at])


def alike(a: Settings, b: Settings) -> np.ndarray:
    """exp(-d^2/2), d^2 the squared distance in the logarithm of the peak plus that in the shape, each in its scale; shape (n, m)."""
    peak = (a.peak[:, None] - b.peak) / LR_SCALE
    apart = ((a.shape[:, None] - b.shape) ** 2).mean(axis=-1) / SHAPE_SCALE**2
    return np.exp(-0.5 * (peak**2 + apart))
