"""The refined schedule beside others for the same norms: linear and cosine decay, its resembling form, and the bound's minimiser."""

from typing import NamedTuple

import numpy as np

from lastiterate.bound import optimise_schedule, tuned
from lastiterate.refine.schedule import Refined
from lastiterate.schedules import cosine, linear


class Alternative(NamedTuple):
    """A schedule under given gradient norms."""

    lr: np.ndarray  # factors of base_lr executed by updates 1..T, the largest 1
    base_lr: float  # gamma*, for D = 1
    omega: float  # Omega_T at gamma*, for D = 1


def alternatives(refined: Refined, *, distance: float = 1.0, rtol: float = 1e-5) -> dict[str, Alternative]:
    """Tuned bounds of schedules under the smoothed norms that `refined` was made from, by name.

    linear, cosine : decay without warmup.
    resembling : ``refined.schedule``, warmup and polynomial decay.
    refined : the closed form, in O(T).
    optimised : the minimiser of Omega_T itself, certified within `rtol` (see `lastiterate.bound.optimise_schedule`).

    The norms enter as G_t = Ghat_t for power=-2; for power=-1 as G_t = sqrt(Ghat_t), which has the same weights G_t^-2.
    `distance` is D > 0. Raises ValueError as the functions of `lastiterate.bound` do.

    Source: arXiv:2310.07831, section 3, which optimises the bound numerically as the alternative to refinement.

    >>> from lastiterate.refine import refine
    >>> found = alternatives(refine([3.0] * 50 + [1.0] * 50, smoothing=0))
    >>> {name: round(a.omega, 4) for name, a in found.items()}
    {'linear': 0.4495, 'cosine': 0.5059, 'resembling': 0.3597, 'refined': 0.2753, 'optimised': 0.267}
    """
    norm = refined.grad_norm ** (-refined.power / 2)
    best = optimise_schedule(norm.size, norm, distance, rtol=rtol)
    lrs = {
        "linear": linear(norm.size).lr,
        "cosine": cosine(norm.size).lr,
        "resembling": refined.schedule.lr,
        "refined": refined.lr,
        "optimised": best.lr / best.lr.max(),
    }
    return {name: Alternative(lr, *tuned(lr, norm, distance)) for name, lr in lrs.items()}
