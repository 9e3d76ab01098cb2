"""The tree over updates, balanced in the index, and the list of box pairs that covers every (source before target).

Balancing in the index keeps the depth at log2(T/32) whatever the range of the learning rates. Gaps between boxes are
carried down the traversal as sums of positive learning rates, so that none is ever a difference of prefix sums.
"""

from typing import Any, NamedTuple

import numpy as np

from lastiterate.bound.skeleton import SEPARATION

LEAF = 32


class Tree(NamedTuple):
    """Boxes of all levels, leaves first: box b covers consecutive updates, its points are their prefix sums S.

    levels : ``levels[h]`` to ``levels[h+1]`` are the boxes of height h; there are ``levels[1]`` leaves.
    width : S_last - S_first of each box.  first : the gap between the last point before the box and its first.
    left, right : children (left = -1 for leaves; right = -1 where there is but one child).
    """

    levels: list[int]
    width: np.ndarray
    first: np.ndarray
    left: np.ndarray
    right: np.ndarray


class Pairs(NamedTuple):
    """Interacting boxes (source before target) and the gap from the source's last to the target's first point."""

    source: np.ndarray
    target: np.ndarray
    gap: np.ndarray

    def select(self, chosen: Any) -> Any:
        """Pairs at a mask or at indices."""
        return Pairs(self.source[chosen], self.target[chosen], self.gap[chosen])


def build_tree(lr: np.ndarray) -> Tree:
    """Tree of positive learning rates `lr`, shape (leaves, LEAF)."""
    count = lr.shape[0]
    levels, widths, firsts = [0, count], [lr[:, 1:].sum(axis=1)], [lr[:, 0].copy()]
    lefts, rights = [np.full(count, -1)], [np.full(count, -1)]
    while count > 1:
        pairs = count // 2
        width, first = widths[-1], firsts[-1]
        joined = width[: 2 * pairs : 2] + first[1 : 2 * pairs : 2] + width[1 : 2 * pairs : 2]
        left = np.arange(levels[-2], levels[-1], 2)
        right = left + 1
        if count % 2:
            joined = np.append(joined, width[-1])
            right[-1] = -1
        widths.append(joined)
        firsts.append(first[::2])
        lefts.append(left)
        rights.append(right)
        count = joined.size
        levels.append(levels[-1] + count)
    return Tree(levels, *map(np.concatenate, (widths, firsts, lefts, rights)))


def interactions(tree: Tree) -> dict[str, Pairs]:
    """Pairs by kind, which together with the triangles inside the leaves cover every source before every target once.

    "box_box": both expansions hold. "box_leaf": the source's expansion, seen at the target leaf's points.
    "leaf_box": the source leaf's points, seen by the target's expansion. "leaf_leaf": point by point.
    """
    leaves = tree.levels[1]
    half = tree.width * ((SEPARATION - 1) / 2)
    forks = np.flatnonzero(tree.right >= 0)
    frontier = Pairs(tree.left[forks], tree.right[forks], tree.first[tree.right[forks]])
    found = {kind: [frontier.select(slice(0))] for kind in ("box_box", "box_leaf", "leaf_box", "leaf_leaf")}
    while frontier.gap.size:
        source_half, target_half = half[frontier.source], half[frontier.target]
        source_far, target_far = frontier.gap >= source_half, frontier.gap >= target_half
        source_leaf, target_leaf = frontier.source < leaves, frontier.target < leaves
        kinds = {
            "box_box": source_far & target_far,
            "box_leaf": source_far & ~target_far & target_leaf,
            "leaf_box": ~source_far & target_far & source_leaf,
            "leaf_leaf": ~source_far & ~target_far & source_leaf & target_leaf,
        }
        rest = np.ones(frontier.gap.size, dtype=bool)
        for kind, chosen in kinds.items():
            found[kind].append(frontier.select(chosen))
            rest &= ~chosen
        larger = source_leaf | (~target_leaf & (target_half > source_half))
        split_target = np.where(source_far | target_far, source_far, larger)
        targets, sources = frontier.select(rest & split_target), frontier.select(rest & ~split_target)
        frontier = _concatenate([_split_targets(tree, targets), _split_sources(tree, sources)])
    return {kind: _concatenate(parts) for kind, parts in found.items()}


def _split_targets(tree: Any, pairs: Any) -> Any:
    left, right = tree.left[pairs.target], tree.right[pairs.target]
    two = right >= 0
    gap = pairs.gap + tree.width[left] + tree.first[right]
    return _concatenate([Pairs(pairs.source, left, pairs.gap), Pairs(pairs.source, right, gap).select(two)])


def _split_sources(tree: Any, pairs: Any) -> Any:
    left, right = tree.left[pairs.source], tree.right[pairs.source]
    two = right >= 0
    gap = pairs.gap + np.where(two, tree.width[right] + tree.first[right], 0.0)
    return _concatenate([Pairs(left, pairs.target, gap), Pairs(right, pairs.target, pairs.gap).select(two)])


def _concatenate(parts: Any) -> Any:
    return Pairs(*map(np.concatenate, zip(*parts, strict=True)))
