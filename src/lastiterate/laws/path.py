"""Schedules as few cells of nearly constant learning rate: what laws are evaluated on, many curves at once.

A cell is a run of updates within which the learning rate varies by at most about 1 %; it ends at a logged step at the
latest. Inside a cell the learning rate is its mean, an error of second order. So an evaluation costs as much as there
are logged losses and changes of the learning rate, not as there are updates.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

RELATIVE, ABSOLUTE = 0.01, 0.002  # most variation inside a cell: relative to its learning rate, plus relative to the peak
SHORTEST_SHARE = 256  # a cell has at most 1/256 of the updates, for what moves while the learning rate is constant
MEMO = 8  # intermediate results kept, enough for a search that moves one parameter at a time


@dataclass(frozen=True, eq=False)
class Path:
    """Cells of one or more curves, one curve after the other.

    `count` (J,) updates and `lr` (J,) their mean learning rate in units of `unit`; `first` (c + 1,) where each curve's
    cells begin; `at` (m,) the cell at whose end each loss was logged; `init_std` and `weight_decay` (c,) (nan: unknown).
    """

    count: np.ndarray
    lr: np.ndarray
    first: np.ndarray
    at: np.ndarray
    init_std: np.ndarray
    weight_decay: np.ndarray
    unit: float
    _memo: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, items: Sequence[tuple[Any, ...]], unit: float = 1.0, grain: float = 1.0) -> "Path":
        """From (lr, step, init_std, weight_decay) of each curve, checked by `check_path`; the peak is about `unit`.

        Cells are `grain` times as coarse as said above: faster, and less exact.
        """
        parts = [_cells(lr, step, grain) for lr, step, _, _ in items]
        first = np.concatenate([[0], np.cumsum([len(count) for count, _, _ in parts])])
        at = np.concatenate([ends + start for (_, _, ends), start in zip(parts, first, strict=False)])
        settings = np.array([[np.nan if value is None else value for value in item[2:]] for item in items], dtype=float)
        count, lr = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        return cls(count, lr / unit, first, at, settings[:, 0], settings[:, 1], unit)

    def without(self, *curves: int) -> "Path":
        """The other curves."""
        gone = np.zeros(len(self.first) - 1, dtype=bool)
        gone[list(curves)] = True
        keep = ~gone[self.curve]
        at = self.at[keep[self.at]]
        first = np.concatenate([[0], np.cumsum(np.diff(self.first)[~gone])])
        init_std, weight_decay = (values[~gone] for values in (self.init_std, self.weight_decay))
        return Path(self.count[keep], self.lr[keep], first, (np.cumsum(keep) - 1)[at], init_std, weight_decay, self.unit)

    def in_units(self, unit: float) -> "Path":
        """The same cells, learning rates in units of `unit`."""
        return replace(self, lr=self.lr * (self.unit / unit), unit=unit, _memo={})

    def memo(self, key: Hashable, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """The result of `compute`, remembered under `key` while it is among the last few asked for."""
        if key in self._memo:
            value = self._memo.pop(key)
        else:
            value = compute()
            while len(self._memo) >= MEMO:
                self._memo.pop(next(iter(self._memo)))
        self._memo[key] = value
        return value

    @cached_property
    def curve(self) -> np.ndarray:
        """Number of each cell's curve, shape (J,)."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    @cached_property
    def steps(self) -> np.ndarray:
        """Updates done at each cell's end, shape (J,)."""
        return self.total(np.ones_like(self.lr))

    @cached_property
    def lr_sum(self) -> np.ndarray:
        """Sum of learning rates at each cell's end, shape (J,)."""
        return self.total(self.lr)

    def total(self, rate: np.ndarray) -> np.ndarray:
        """Sum over updates of `rate` (J,), one value for each update of a cell, from the curve's start to each cell's end."""
        running = np.cumsum(self.count * rate)
        before = np.concatenate([[0.0], running])[self.first[:-1]]
        return running - before[self.curve]

    def before(self, values: np.ndarray, start: float = 0.0) -> np.ndarray:
        """Value of the cell before, `start` at each curve's first cell, shape (J,)."""
        shifted = np.concatenate([[start], values[:-1]])
        shifted[self.first[:-1]] = start
        return shifted

    def jumps(self, values: np.ndarray) -> np.ndarray:
        """Change of `values` from cell to cell, from 0 before the first, shape (J,)."""
        return values - self.before(values)

    def relax(self, rate: np.ndarray, target: np.ndarray, start: float = 0.0) -> np.ndarray:
        """Solution of x' = rate (target - x) per update at each cell's end, from `start` at each curve's start.

        A doubling scan: log2(J) passes over the cells, and nothing overflows.
        """
        keep, value = np.exp(-self.count * rate), -np.expm1(-self.count * rate) * target
        begin = self.first[:-1]
        value[begin] += keep[begin] * start
        keep[begin] = 0.0
        width = 1
        while width < len(value) and keep.max() > 1e-20:
            value[width:] += keep[width:] * value[:-width]
            keep[width:] *= keep[:-width]
            width *= 2
        return value

    def rows(self, most: int = 64) -> Iterator[tuple[slice, int, int]]:
        """Blocks of logged rows of one curve: (rows, first cell, past the last cell that they see)."""
        ends = np.searchsorted(self.at, self.first[1:])
        row = 0
        for curve, last in enumerate(ends):
            while row < last:
                stop = min(row + most, last)
                yield slice(row, stop), self.first[curve], self.at[stop - 1] + 1
                row = stop


def _cells(lr: np.ndarray, step: np.ndarray, grain: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts and mean learning rates of the cells up to the last logged step, and the cell that ends at each of them."""
    lr = lr[: step[-1]]
    scale = grain * (np.minimum(lr[1:], lr[:-1]) * RELATIVE + lr.max() * ABSOLUTE)
    moved = np.floor(np.cumsum(np.abs(np.diff(lr)) / scale))
    edge = np.zeros(len(lr) + 1, dtype=bool)
    edge[1:-1] = np.diff(moved, prepend=0.0) > 0
    edge[step] = edge[0] = True
    edges = np.flatnonzero(edge)
    longest = max(1, int(grain * len(lr) / SHORTEST_SHARE))
    pieces = -(-np.diff(edges) // longest)
    if pieces.max() > 1:
        part = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        cuts = np.repeat(edges[:-1], pieces) + part * np.repeat(np.diff(edges) / pieces, pieces)
        edges = np.append(cuts.astype(int), edges[-1])
    count = np.diff(edges)
    return count.astype(float), np.add.reduceat(lr, edges[:-1]) / count, np.searchsorted(edges, step) - 1
