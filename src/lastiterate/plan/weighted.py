"""Quantiles of weighted draws, and of a mixture of normal distributions about them."""

import numpy as np
from scipy.special import ndtr


def quantile(values: np.ndarray, weights: np.ndarray, level: float) -> np.ndarray:
    """Weighted quantile over the first axis of `values` (D, ...), shape (...): the least value with at least `level` of the weight.

    >>> quantile(np.array([1.0, 3.0, 2.0]), np.array([0.5, 0.2, 0.3]), 0.8)
    np.float64(2.0)
    """
    order = np.argsort(values, axis=0, kind="stable")
    below = np.cumsum(np.take_along_axis(np.broadcast_to(weights.reshape(-1, *(1,) * (values.ndim - 1)), values.shape), order, 0), axis=0)
    at = np.argmax(below >= level * below[-1:] * (1 - 1e-12), axis=0)
    return np.take_along_axis(np.take_along_axis(values, order, 0), at[None], 0)[0]


def tail_mean(values: np.ndarray, weights: np.ndarray, level: float) -> np.ndarray:
    """Mean over the first axis of `values` (D, n) of what lies above the weighted quantile `level`, shape (n,); the mean, at level 0.

    `weights` (..., D) may be many; then the shape is (..., n).

    >>> tail_mean(np.array([[1.0], [3.0], [2.0]]), np.array([0.5, 0.2, 0.3]), 0.5)
    array([2.4])
    """
    order = np.argsort(values, axis=0, kind="stable")
    return sorted_tail_mean(np.take_along_axis(values, order, 0), weights[..., order], level)


def sorted_tail_mean(values: np.ndarray, weights: np.ndarray, level: float) -> np.ndarray:
    """`tail_mean` of columns that are sorted already, `values` (D, n), each with its own weights (..., D, n)."""
    above = np.clip(np.cumsum(weights, axis=-2) - level * weights.sum(axis=-2, keepdims=True), 0.0, weights)
    return (above * values).sum(axis=-2) / above.sum(axis=-2)


def mixture(centres: np.ndarray, sizes: np.ndarray, weights: np.ndarray, level: float) -> np.ndarray:
    """Quantile of the mixture of normal distributions of means `centres` (D, m) and standard deviations `sizes` (D, 1 or m), shape (m,)."""
    sizes = np.broadcast_to(np.maximum(sizes, 1e-300), centres.shape)
    low, high = (centres - 40 * sizes).min(axis=0), (centres + 40 * sizes).max(axis=0)
    for _ in range(60):
        middle = (low + high) / 2
        under = weights @ ndtr((middle - centres) / sizes) < level * weights.sum()
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return (low + high) / 2
