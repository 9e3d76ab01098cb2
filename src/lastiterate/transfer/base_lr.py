"""The optimal base learning rate of one schedule from that of another."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_number, check_reals
from lastiterate.bound import Tuned, tuned
from lastiterate.schedules import Schedule
from lastiterate.schedules.schedule import LearningRates


class TransferredLR(NamedTuple):
    """Result of `transfer_base_lr`."""

    factor: float  # gamma*(to) / gamma*(from)
    base_lr: float  # factor * base_lr of the first schedule


def transfer_base_lr(
    from_schedule: LearningRates, to_schedule: LearningRates, base_lr: float | None = None, *, grad_norm: ArrayLike = 1.0
) -> TransferredLR:
    """Base learning rate for `to_schedule` that is as good as `base_lr` is for `from_schedule`.

    ``factor = gamma*(to) / gamma*(from)``, gamma* the base learning rate that minimises Omega_T of the schedule with peak 1.
    Cooldown fraction, shape, warmup and horizon may all differ; D cancels, and so does a constant G.

    Parameters
    ----------
    from_schedule, to_schedule : Schedule or array-like, shape (T,)
        Shapes; the peak learning rate of a Schedule does not matter to the factor.
    base_lr : float, optional
        Best base learning rate measured for `from_schedule`, > 0; by default its peak_lr (1 for an array).
    grad_norm : float or array-like, shape (longer of both T,)
        G or G_t as in `lastiterate.bound`; the shorter run uses the beginning.

    Returns
    -------
    TransferredLR
        ``(factor, base_lr)``, the second in the unit of `base_lr`.

    Raises
    ------
    ValueError
        If base_lr is not positive, or the bound refuses a schedule.

    Source: arXiv:2501.18965, section 5.2.

    >>> from lastiterate.schedules import linear, wsd
    >>> factor, base_lr = transfer_base_lr(wsd(50_000, cooldown=0.2), linear(50_000), base_lr=1e-3)
    >>> round(factor, 3), round(base_lr, 6)
    (1.944, 0.001944)
    """
    if base_lr is None:
        base_lr = getattr(from_schedule, "peak_lr", 1.0)
    base_lr = check_number("base_lr", base_lr, "it is the best base learning rate of from_schedule", open_low=True)
    factor = tuned_shape(to_schedule, grad_norm).base_lr / tuned_shape(from_schedule, grad_norm).base_lr
    return TransferredLR(factor, factor * base_lr)


def tuned_shape(schedule: LearningRates, grad_norm: ArrayLike = 1.0, distance: float = 1.0) -> Tuned[float]:
    """Tuned bound of a schedule with its peak set to 1; of a longer vector of gradient norms the beginning is used."""
    if isinstance(schedule, Schedule):
        schedule = schedule.with_peak_lr(1.0)
    grad_norm = check_reals("grad_norm", grad_norm)
    if grad_norm.ndim == 1:
        grad_norm = grad_norm[: np.size(schedule.lr if isinstance(schedule, Schedule) else schedule)]
    return tuned(schedule, grad_norm, distance)
