"""The refinement itself: weights from norms, and the schedule that makes the last iterate as good as a weighted average.

For weights w_t >= 0 the learning rates

    eta_t = w_t (sum_{p>t} w_p) / (sum_p w_p)

give the last iterate the w-weighted average's guarantee, which is best for w_t = G_t^-2. Equal weights give linear decay.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_choice, check_reals
from lastiterate.bound.sums import cumulative
from lastiterate.refine.diagnosis import Diagnosis, diagnose
from lastiterate.refine.norms import clean_norms, median_smooth, norms_at_updates, window
from lastiterate.schedules import Schedule, polynomial

POWERS = (-2, -1)


class Refined(NamedTuple):
    """Result of `refine`; it has an ``.lr``, so that `lastiterate.bound` takes it as it takes a Schedule."""

    lr: np.ndarray  # factors of the base learning rate executed by updates 1..T, the largest 1
    grad_norm: np.ndarray  # the smoothed norms of updates 1..T
    diagnosis: Diagnosis
    power: int  # exponent of the weights, as given
    dropped: int  # invalid norms that were left out

    @property
    def schedule(self) -> Schedule:
        """The warmup and polynomial decay that resemble it, as integer phases (for trainers, which take no vector)."""
        total_steps = self.lr.size
        return polynomial(total_steps, self.diagnosis.decay_power, warmup_steps=round(self.diagnosis.warmup * total_steps))


def refine(
    grad_norm: ArrayLike,
    smoothing: float = 0.1,
    power: int = -2,
    *,
    step: ArrayLike | None = None,
    total_steps: int | None = None,
    drop_invalid: bool = False,
) -> Refined:
    """Schedule for the next run from the gradient norms of the last: ``eta_t = w_t sum_{p>t} w_p / max``, ``w_t = Ghat_t^power``.

    Ghat is a running median of the norms over an odd number of about ``smoothing * T`` updates (see `median_smooth`); the
    sum goes on to p = T + 1, the gradient at the last iterate, whose norm is taken to be Ghat_T. Constant norms
    therefore give linear decay, ``1 - (t-1)/T``: all T updates move.

    Parameters
    ----------
    grad_norm : array-like, shape (n,)
        Norms > 0 from an earlier run (best one with linear decay), in any unit: l2 norms, or l1 norms with power=-1.
    smoothing : float in [0, 1]
        tau, the width of the median as a fraction of T; 0 for none.
    power : {-2, -1}
        -2 for SGD with l2 norms; -1 for Adam and its like with l1 norms.
    step : array-like of int, shape (n,), optional
        The update (1-based) of each norm, where not every update was logged; norms in between are interpolated.
    total_steps : int, optional
        T, the number of updates; the last step if not given.
    drop_invalid : bool
        Leave out zero, negative, NaN or infinite norms (counted in the result) instead of refusing them.

    Returns
    -------
    Refined
        ``(lr, grad_norm, diagnosis, power, dropped)``; ``.schedule`` is the nearest warmup and polynomial decay.

    Raises
    ------
    ValueError
        For an invalid norm (its index is named), a bad step, or an argument out of range.
    MemoryError
        If total_steps is too large for this machine.

    Source: arXiv:2310.07831, section 3. Deviation: there the T-th learning rate is 0 and not executed; here it is that of
    T + 1 gradients, as for every schedule of this package.

    >>> result = refine([2.0, 1.0, 1.0, 1.0, 1.0], smoothing=0)
    >>> result.lr.tolist()
    [0.3125, 1.0, 0.75, 0.5, 0.25]
    >>> result.diagnosis.warmup, round(result.diagnosis.decay_power, 3), result.schedule.warmup_steps
    (0.2, 1.0, 1)
    """
    check_choice("power", power, POWERS)
    step, norm, dropped = clean_norms(grad_norm, step, drop_invalid=drop_invalid)
    norm = norms_at_updates(step, norm, int(step[-1]) if total_steps is None else total_steps)
    smooth = median_smooth(norm, window(smoothing, norm.size))
    lr = weighted_schedule(_weights(smooth, power))
    return Refined(lr, smooth, diagnose(lr), power, dropped)


def _weights(norm: np.ndarray, power: float) -> np.ndarray:
    """Weights of T + 1 gradients, scaled to at most 1 so that no unit overflows."""
    weights = np.empty(norm.size + 1)
    np.divide(norm.min(), norm, out=weights[:-1])
    weights[:-1] **= -power
    weights[-1] = weights[-2]
    return weights


def weighted_schedule(weights: ArrayLike) -> np.ndarray:
    """Learning rates ``eta_t = w_t sum_{p>t} w_p``, t = 1..n-1, for weights of n >= 2 gradients, divided by the largest.

    The n-th would be 0: the last iterate is where the n-th gradient would be taken. Tail sums are accumulated from the
    end, so that the smallest learning rates are as accurate as the largest.

    Raises ValueError for weights that are negative or not finite, or learning rates that are all 0.
    Source: arXiv:2310.07831, Thm 1.

    >>> weighted_schedule([1.0, 1.0, 1.0, 1.0, 1.0]).tolist()
    [1.0, 0.75, 0.5, 0.25]
    """
    weights = check_reals("weights", weights)
    if weights.ndim != 1 or weights.size < 2:
        raise ValueError(f"weights has shape {weights.shape}, expected (n,) with n >= 2: one weight for each gradient")
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(f"weights[{at}]={weights[at]:g} must be finite and >= 0: see the norm there")
    if 0 < weights.max() < 1e-100:  # products of two would lose digits; the result has no unit
        weights = np.asarray(weights / weights.max())
    with np.errstate(over="ignore"):
        lr = cumulative(weights[:0:-1])[::-1]
        lr *= weights[:-1]
    largest = lr.max()
    if not (0 < largest < np.inf):
        raise ValueError(f"weights give a largest learning rate of {largest:g}: their scale leaves float64; divide them by their maximum")
    lr /= largest
    return lr
