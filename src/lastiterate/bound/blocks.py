"""Blocks of Cauchy sums with the batch on the contiguous axis: ``out_j = sum_i charges_i / (behind_i + ahead_j)^power``.

A gap is the sum of two positive distances to a common edge, `behind` the edge for sources and `ahead` of it for
targets: no gap is a difference. Arrays have shape (points, batch); loops run over the few points, never over the batch.
"""

import numpy as np


def cauchy_block(behind: np.ndarray, charges: np.ndarray, ahead: np.ndarray, power: int) -> np.ndarray:
    """Sums at every row of `ahead`, shape (m, batch), from sources of shape (n, batch)."""
    result = np.empty_like(ahead)
    work = np.empty_like(behind)
    for j in range(ahead.shape[0]):
        _quotient(charges, np.add(behind, ahead[j], out=work), power, work)
        np.sum(work, axis=0, out=result[j])
    return result


def triangle_block(steps: np.ndarray, charges: np.ndarray, power: int, transpose: bool) -> np.ndarray:
    """Sums over the earlier points of the same leaf (the later ones with `transpose`), all of shape (n, batch).

    Row j of `steps` is the gap between points j-1 and j; row 0 plays no part.
    """
    result = np.zeros_like(steps)
    gaps, work = np.zeros_like(steps), np.empty_like(steps)
    for j in range(1, steps.shape[0]):
        gaps[:j] += steps[j]
        _quotient(charges[j] if transpose else charges[:j], gaps[:j], power, work[:j])
        if transpose:
            result[:j] += work[:j]
        else:
            np.sum(work[:j], axis=0, out=result[j])
    return result


def behind_edge(steps: np.ndarray) -> np.ndarray:
    """Distances S_last - S_i from each point of a leaf to its last, from the steps of shape (n, batch)."""
    result = np.zeros_like(steps)
    for i in range(steps.shape[0] - 2, -1, -1):
        np.add(result[i + 1], steps[i + 1], out=result[i])
    return result


def ahead_of_edge(steps: np.ndarray) -> np.ndarray:
    """Distances S_j - S_first from a leaf's first point to each, from the steps of shape (n, batch)."""
    result = np.zeros_like(steps)
    for j in range(1, steps.shape[0]):
        np.add(result[j - 1], steps[j], out=result[j])
    return result


def _quotient(charges: np.ndarray, gaps: np.ndarray, power: int, out: np.ndarray) -> None:
    if power == 1:
        np.divide(charges, gaps, out=out)
    else:
        np.divide(charges, gaps * gaps, out=out)
