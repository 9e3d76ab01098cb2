"""The causal Cauchy transform by direct evaluation, O(T^2) time and O(T) memory: the quicker way for short runs."""

import numpy as np

from lastiterate.bound.blocks import ahead_of_edge, behind_edge, triangle_block
from lastiterate.bound.sums import cumulative

_LEAF = 32
_SOURCES = 4096  # sources seen by a leaf of targets at once: 1 MiB of gaps


class DirectTransform:
    """The transform for positive learning rates `lr`, shape (T,); interface of `fast.FastTransform`."""

    def __init__(self, lr: np.ndarray) -> None:
        self.size = lr.size
        self.lr = np.append(lr, np.full(-lr.size % _LEAF, lr[-1])).reshape(-1, _LEAF)

    def apply(self, charges: np.ndarray, power: int = 1, transpose: bool = False) -> np.ndarray:
        """``sum_{k<t} charges_k / (S_t - S_k)^power`` for every t, or its transpose, the sums over t > k; shape (T,)."""
        charges = np.append(charges, np.zeros(-self.size % _LEAF))
        steps = np.ascontiguousarray(self.lr.T)
        result = np.ascontiguousarray(triangle_block(steps, charges.reshape(self.lr.shape).T, power, transpose).T).reshape(-1)
        behind = np.ascontiguousarray(behind_edge(steps).T).reshape(-1)  # from each point to the last before the targets
        ahead = ahead_of_edge(steps).T + self.lr[:, :1]
        total = ahead[:, -1]
        for leaf in range(1, self.lr.shape[0]):
            first = leaf * _LEAF
            behind[: first - _LEAF] += total[leaf - 1]
            targets = slice(first, first + _LEAF)
            for begin in range(0, first, _SOURCES):
                sources = slice(begin, min(begin + _SOURCES, first))
                gaps = ahead[leaf][:, None] + behind[sources]
                if power == 2:
                    gaps *= gaps
                if transpose:
                    result[sources] += np.sum(np.divide(charges[targets, None], gaps, out=gaps), axis=0)
                else:
                    result[targets] += np.sum(np.divide(charges[sources], gaps, out=gaps), axis=1)
        return result[: self.size]


def last_sum(lr: np.ndarray, charges: np.ndarray) -> float:
    """``sum_{k<T} charges_k / (S_T - S_k)`` for the last T only, in O(T)."""
    return float(np.sum(charges[:-1] / cumulative(lr[:0:-1])[::-1]))
