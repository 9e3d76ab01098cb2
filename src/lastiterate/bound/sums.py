"""Prefix sums of non-negative numbers in which nothing cancels: the gaps S_T - S_k decide the bound."""

import numpy as np

_BLOCK = 32


def cumulative(values: np.ndarray) -> np.ndarray:
    """Prefix sums of non-negative `values`, shape (n,), each good to about 32 log_32(n) ulp at worst, 1 ulp typically.

    The sums are blocked (inside blocks of 32, then recursively over the blocks' totals): a plain cumulative sum
    makes up to n errors of one ulp. Suffix sums, ``cumulative(values[::-1])[::-1]``, are gaps without subtraction.
    """
    rows = values.size // _BLOCK
    split = rows * _BLOCK
    result = np.empty(values.size)
    body = result[:split].reshape(rows, _BLOCK)
    np.cumsum(values[:split].reshape(rows, _BLOCK), axis=1, out=body)
    np.cumsum(values[split:], out=result[split:])
    if rows:
        before = cumulative(body[:, -1])
        body[1:] += before[:-1, None]
        result[split:] += before[-1]
    return result
