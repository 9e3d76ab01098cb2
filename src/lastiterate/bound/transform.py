"""Which way to evaluate the causal Cauchy transform: directly or fast, and with how many proxy points."""

import numpy as np

from lastiterate._checks import check_number
from lastiterate.bound.direct import DirectTransform
from lastiterate.bound.fast import FastTransform
from lastiterate.bound.skeleton import zolotarev

RTOL = 1e-12
CROSSOVER = 1800  # updates up to which direct evaluation is quicker, as measured
SMALLEST_RTOL = 1e-13  # rounding alone was measured up to 2e-14 (T = 1e7)

# How often the skeleton's error enters: it adds up over both sides and all levels (measured up to 11 times at T = 2e4), and the
# squared kernel, its derivative, pays the slope of the oscillating error (measured up to 500 times).
_MARGINS = {1: 50.0, 2: 2000.0}


def cauchy_transform(lr: np.ndarray, rtol: float, power: int = 1) -> DirectTransform | FastTransform:
    """The transform of positive learning rates `lr`, shape (T,), for kernels up to `power`.

    Sums of charges of one sign have a relative error of at most `rtol`. ValueError unless rtol lies in [1e-13, 1].
    """
    order = _order(rtol, power)
    return DirectTransform(lr) if lr.size <= CROSSOVER else FastTransform(lr, zolotarev(order))


def _order(rtol: float, power: int) -> int:
    rtol = check_number("rtol", rtol, "it is the relative error allowed", high=1.0, open_low=True)
    if rtol < SMALLEST_RTOL:
        raise ValueError(
            f"rtol={rtol:g} is below {SMALLEST_RTOL:g}, the least that sums in float64 can promise: ask for {SMALLEST_RTOL:g} or more"
        )
    return next(order for order in range(2, 40) if _MARGINS[power] * zolotarev(order).error <= rtol)
