"""The causal Cauchy transform at every t in near-linear time: a one-dimensional fast multipole method in plain NumPy.

``F_T = sum_{k<T} q_k / (S_T - S_k)``: leaves of 32 updates interact with their neighbours point by point, everything
else through p proxy charges per box (`skeleton`), over a tree balanced in the index (`tree`). All blocks of one kind
are one batch. Source: Greengard and Rokhlin's algorithm with rational interpolation in place of expansions; the mirror
symmetry of sources and targets makes the transposed transform the same code with the sides exchanged.
"""

from typing import Any, NamedTuple

import numpy as np

from lastiterate.bound.blocks import ahead_of_edge, behind_edge, cauchy_block, triangle_block
from lastiterate.bound.skeleton import Skeleton, gather, spread
from lastiterate.bound.tree import LEAF, Pairs, build_tree, interactions

_BATCH = 1024  # leaves or pairs worked on at once: 256 KiB for each array of points, a few of which fit the L2 cache


class _Side(NamedTuple):
    """How a role measures distances: to the box's last point (sources) or from its first (targets)."""

    distances: object  # of a leaf's points
    shift: np.ndarray  # of a box's edge from its parent's


class FastTransform:
    """The transform for positive learning rates `lr`, shape (T,), with proxy points from `skeleton`."""

    def __init__(self, lr: np.ndarray, skeleton: Skeleton) -> None:
        self.size = lr.size
        self.skeleton = skeleton
        self.offsets = (1 - skeleton.nodes)[:, None] / 2  # of the nodes from the facing edge, in widths
        self.lr = _leaves(lr, lr[-1])
        self.tree = build_tree(self.lr)
        self.pairs = interactions(self.tree)
        before, after = np.zeros_like(self.tree.width), np.zeros_like(self.tree.width)
        left, right = (child[self.tree.right >= 0] for child in (self.tree.left, self.tree.right))
        before[left] = self.tree.first[right] + self.tree.width[right]
        after[right] = self.tree.first[right] + self.tree.width[left]
        self.sides = _Side(behind_edge, before), _Side(ahead_of_edge, after)

    def apply(self, charges: np.ndarray, power: int = 1, transpose: bool = False) -> np.ndarray:
        """``sum_{k<t} charges_k / (S_t - S_k)^power`` for every t, or its transpose, the sums over t > k; shape (T,)."""
        charges = _leaves(charges, 0.0)
        source, target = reversed(self.sides) if transpose else self.sides
        kinds = ("box_box", "leaf_box", "box_leaf") if transpose else ("box_box", "box_leaf", "leaf_box")
        far, to_points, from_points = (_directed(self.pairs[kind], transpose) for kind in kinds)
        result = np.empty_like(charges)
        boxes = self._upward(source, charges)
        local = np.zeros_like(boxes)
        self._interact(far, (source, boxes, False), (target, local, False), power)
        self._interact(from_points, (source, charges, True), (target, local, False), power)
        self._downward(target, local, result)
        for begin in range(0, result.shape[0], _BATCH):
            rows = slice(begin, begin + _BATCH)
            result[rows] += triangle_block(_columns(self.lr[rows]), _columns(charges[rows]), power, transpose).T
        self._interact(to_points, (source, boxes, False), (target, result, True), power)
        self._interact(_directed(self.pairs["leaf_leaf"], transpose), (source, charges, True), (target, result, True), power)
        return result.reshape(-1)[: self.size]

    def _upward(self, side: Any, charges: np.ndarray) -> Any:
        """Charges at the nodes of every box, shape (boxes, p)."""
        levels = self.tree.levels
        boxes = np.empty((levels[-1], self.skeleton.nodes.size))
        for begin in range(0, levels[1], _BATCH):
            rows = slice(begin, min(begin + _BATCH, levels[1]))
            boxes[rows] = gather(self.skeleton, self._leaf_points(side, rows), _columns(charges[rows])).T
        for height in range(1, len(levels) - 1):
            for begin in range(levels[height], levels[height + 1], _BATCH):
                parents, children = self._family(height, begin)
                moved = gather(self.skeleton, self._child_points(side, parents, children), _columns(boxes[children])).T
                boxes[parents] = moved[::2]
                boxes[parents][: moved.shape[0] // 2] += moved[1::2]
        return boxes

    def _downward(self, side: Any, local: Any, result: np.ndarray) -> Any:
        """Hand the boxes' far fields (shape (boxes, p), changed) down to the points of the leaves."""
        levels = self.tree.levels
        for height in range(len(levels) - 2, 0, -1):
            for begin in range(levels[height], levels[height + 1], _BATCH):
                parents, children = self._family(height, begin)
                field = np.repeat(_columns(local[parents]), 2, axis=1)[:, : children.stop - children.start]
                local[children] += spread(self.skeleton, self._child_points(side, parents, children), field).T
        for begin in range(0, levels[1], _BATCH):
            rows = slice(begin, min(begin + _BATCH, levels[1]))
            result[rows] = spread(self.skeleton, self._leaf_points(side, rows), _columns(local[rows])).T

    def _family(self, height: int, begin: int) -> Any:
        """Rows of up to a batch of boxes of one height, and of their children."""
        below, level, above = self.tree.levels[height - 1 : height + 2]
        end = min(begin + _BATCH, above)
        return slice(begin, end), slice(below + 2 * (begin - level), min(below + 2 * (end - level), level))

    def _leaf_points(self, side: Any, rows: Any) -> Any:
        return 1 - side.distances(_columns(self.lr[rows])) * (2 / self.tree.width[rows])

    def _child_points(self, side: Any, parents: Any, children: Any) -> Any:
        count = children.stop - children.start
        width = np.repeat(self.tree.width[parents], 2)[:count]
        return 1 - (self.offsets * self.tree.width[children] + side.shift[children]) * (2 / width)

    def _interact(self, pairs: Any, source: Any, target: Any, power: int) -> Any:
        """Add what each source box or leaf does to each target to the target's values."""
        (side, charges, from_points), (other, values, at_points) = source, target
        for begin in range(0, pairs.gap.size, _BATCH):
            here = pairs.select(slice(begin, begin + _BATCH))
            behind = self._distances(side, here.source, from_points)
            ahead = self._distances(other, here.target, at_points)
            ahead += here.gap
            sums = cauchy_block(behind, _columns(charges[here.source]), ahead, power)
            starts = np.flatnonzero(np.diff(here.target, prepend=-1))
            if starts.size < here.target.size:
                sums = np.add.reduceat(sums, starts, axis=1)
            values[here.target[starts]] += sums.T

    def _distances(self, side: Any, boxes: Any, points: Any) -> Any:
        return side.distances(_columns(self.lr[boxes])) if points else self.offsets * self.tree.width[boxes]


def _directed(pairs: Pairs, transpose: bool) -> Pairs:
    """Pairs in the direction of the transform, sorted by where the sums go."""
    if transpose:
        pairs = Pairs(pairs.target, pairs.source, pairs.gap)
    return pairs.select(np.argsort(pairs.target, kind="stable"))


def _leaves(values: np.ndarray, fill: float) -> np.ndarray:
    """Values as rows of LEAF, filled up at the end."""
    missing = -values.size % LEAF
    if missing:
        values = np.concatenate([values, np.full(missing, fill)])
    return values.reshape(-1, LEAF)


def _columns(rows: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(rows.T)
