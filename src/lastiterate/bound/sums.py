"""Prefix sums that keep every digit: the gaps S_T - S_k decide the bound, and subtraction would lose them."""

import numpy as np


def prefix_sums(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Prefix sums of non-negative `values` as unevaluated pairs: ``S_j = high[j-1] + low[j-1]``.

    Relative to the total, the pairs are good to about 1e-29, so that ``gap`` is accurate to a few ulp even where
    it is a 1e-10 of the total. Shapes: (n,) in, two times (n,) out.

    The values are split into two fixed-point parts, whose cumulative sums are exact in float64 because every
    partial sum is a multiple of the part's unit below 2^53 units, and a remainder whose sum may round.
    """
    total = float(np.sum(values))
    first, rest = _fixed_point(values, total)
    second, rest = _fixed_point(rest, float(np.sum(np.abs(rest))))
    sums = np.cumsum(first)
    small = np.cumsum(second)
    high = sums + small
    low = (sums - (high - (high - sums))) + (small - (high - sums)) + np.cumsum(rest)
    return high, low


def gap(high_to, low_to, high_from, low_from):
    """``S_to - S_from`` from the pairs of `prefix_sums`, broadcast."""
    return (high_to - high_from) + (low_to - low_from)


def _fixed_point(values, bound):
    """Split values into multiples of a unit for which sums up to 4 `bound` are exact, and what remains."""
    if bound == 0:
        return np.zeros_like(values), values
    unit = np.ldexp(1.0, int(np.frexp(bound)[1]) + 2 - 53)
    part = np.rint(values / unit) * unit if unit > 1e-290 else values
    return part, values - part
