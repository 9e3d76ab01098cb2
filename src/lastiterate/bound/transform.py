"""Which way to evaluate the causal Cauchy transform: directly or fast, and with how many proxy points."""

import numpy as np

from lastiterate._checks import check_number
from lastiterate.bound.direct import DirectTransform
from lastiterate.bound.fast import FastTransform
from lastiterate.bound.skeleton import zolotarev

RTOL = 1e-12
CROSSOVER = 1024  # updates up to which direct evaluation is quicker
_SMALLEST_RTOL = 1e-13
_MARGIN = 20.0  # every level of the tree adds the skeleton's error


def cauchy_transform(lr: np.ndarray, rtol: float) -> DirectTransform | FastTransform:
    """The transform of positive learning rates `lr`, shape (T,), with every sum of one sign good to `rtol`."""
    order = _order(rtol)
    return DirectTransform(lr) if lr.size <= CROSSOVER else FastTransform(lr, zolotarev(order))


def _order(rtol):
    rtol = check_number("rtol", rtol, "it is the relative error allowed", high=1.0, open_low=True)
    if rtol < _SMALLEST_RTOL:
        raise ValueError(f"rtol={rtol:g} is below {_SMALLEST_RTOL:g}, what sums in float64 can promise: ask for {_SMALLEST_RTOL:g} or more")
    return next(p for p in range(2, 40) if _MARGIN * zolotarev(p).error <= rtol)
