"""Schedules as few cells of nearly constant learning rate: what laws are evaluated on, many curves at once.

A cell is a run of updates within which the learning rate varies by at most about 1 %, and that ends where a loss was
logged at the latest. Inside a cell the learning rate is its mean, an error of second order. So an evaluation costs as
much as there are logged losses and changes of the learning rate, not as there are updates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

MOST_SHARE = 256
RELATIVE, ABSOLUTE = 0.01, 0.002  # most variation inside a cell: relative to its learning rate, plus relative to the peak


@dataclass(frozen=True)
class Path:
    """Cells of one or more curves, one curve after the other.

    `count` (J,) updates and `lr` (J,) their mean learning rate; `first` (c + 1,) where each curve's cells begin;
    `at` (m,) the cell at whose end each loss was logged; `curve` (J,) and `row_curve` (m,) number the curves;
    `settings` (c, 2) are each curve's init_std and weight_decay (nan if unknown).
    """

    count: np.ndarray
    lr: np.ndarray
    first: np.ndarray
    at: np.ndarray
    settings: np.ndarray

    @classmethod
    def of(cls, items: Sequence[tuple], settings: Sequence[tuple] = ()) -> "Path":
        """From (lr, step) pairs that `check_path` has passed."""
        parts = [_cells(lr, step) for lr, step in items]
        first = np.concatenate([[0], np.cumsum([len(count) for count, _, _ in parts])])
        at = np.concatenate([ends + start for (_, _, ends), start in zip(parts, first, strict=False)])
        known = np.array([[np.nan if v is None else v for v in row] for row in settings or [(None, None)] * len(parts)], dtype=float)
        return cls(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]), first, at, known)

    @cached_property
    def curve(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    @cached_property
    def row_curve(self) -> np.ndarray:
        return self.curve[self.at]

    def total(self, increments: np.ndarray) -> np.ndarray:
        """Sum of increments (J,) from each curve's start to each cell's end, shape (J,)."""
        running = np.cumsum(increments)
        before = np.concatenate([[0.0], running])[self.first[:-1]]
        return running - before[self.curve]

    def previous(self, values: np.ndarray, start: float = 0.0) -> np.ndarray:
        """Value of the cell before, `start` at each curve's first cell, shape (J,)."""
        shifted = np.concatenate([[start], values[:-1]])
        shifted[self.first[:-1]] = start
        return shifted

    def relax(self, rate: np.ndarray, target: np.ndarray, start: float = 0.0) -> np.ndarray:
        """Solution of x' = rate (target - x) at each cell's end, from `start` at each curve's start, shape (J,).

        `rate` is integrated over the cell. A doubling scan: log2(J) passes over the cells, and nothing overflows.
        """
        keep = np.exp(-rate)
        value = -np.expm1(-rate) * target
        begin = self.first[:-1]
        value[begin] += keep[begin] * start
        keep[begin] = 0.0
        return _scan(keep, value)


def _scan(keep: np.ndarray, value: np.ndarray) -> np.ndarray:
    """x_j = keep_j x_{j-1} + value_j (keep_0 = 0), overwriting both."""
    width = 1
    while width < len(value) and keep.max() > 1e-20:
        value[width:] += keep[width:] * value[:-width]
        keep[width:] *= keep[:-width]
        keep[:width] = 0.0
        width *= 2
    return value


def _cells(lr: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts and mean learning rates of the cells up to the last logged step, and the cell that ends at each of them."""
    lr = lr[: step[-1]]
    change = np.abs(np.diff(lr))
    scale = np.minimum(lr[1:], lr[:-1]) * RELATIVE + lr.max() * ABSOLUTE
    crossed = np.floor(np.cumsum(change / scale))
    edge = np.zeros(len(lr) + 1, dtype=bool)
    edge[1:-1] = np.diff(crossed, prepend=0.0) > 0
    edge[step] = edge[0] = True
    edges = np.flatnonzero(edge)
    longest = max(1, len(lr) // MOST_SHARE)
    pieces = -(-np.diff(edges) // longest)
    if pieces.max() > 1:
        edges = np.unique(np.concatenate([np.linspace(a, b, k + 1).astype(int) for a, b, k in zip(edges, edges[1:], pieces, strict=False)]))
    count = np.diff(edges)
    mean = np.add.reduceat(lr, edges[:-1]) / count
    return count.astype(float), mean, np.searchsorted(edges, step) - 1
