"""The causal Cauchy transform by direct evaluation: O(T^2) time, O(T) memory, no Python loop over t."""

import numpy as np

from lastiterate.bound.sums import gap

_BLOCK_ELEMENTS = 1 << 17  # 1 MiB of doubles: the block stays in the cache


def noise_sums(high: np.ndarray, low: np.ndarray, charges: np.ndarray) -> np.ndarray:
    """``F_T = sum_{k<T} charges_k / (S_T - S_k)`` for every T, shape (n,).

    `high`, `low` are the pairs of `prefix_sums` of positive steps (strictly increasing S), `charges` is
    ``q_k = eta_k^2 G_k^2``, all of shape (n,).
    """
    n = charges.size
    result = np.empty(n)
    begin = 0
    while begin < n:
        end = min(n, begin + max(1, _BLOCK_ELEMENTS // (begin + 64)))
        result[begin:end] = _block(high, low, charges, begin, end)
        begin = end
    return result


def last_noise_sum(high: np.ndarray, low: np.ndarray, charges: np.ndarray) -> float:
    """``F_T`` for the last T only, in O(n)."""
    gaps = gap(high[-1], low[-1], high[:-1], low[:-1])
    return float(np.sum(charges[:-1] / gaps))


def _block(high, low, charges, begin, end):
    targets = slice(begin, end)
    sources = slice(0, end)
    gaps = gap(high[targets, None], low[targets, None], high[None, sources], low[None, sources])
    future = np.arange(end)[None, :] >= np.arange(begin, end)[:, None]
    gaps[future] = np.inf
    return np.sum(charges[sources] / gaps, axis=1)
