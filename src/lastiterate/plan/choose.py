"""Which candidate: the one of lowest predicted final loss, or what it cannot be told from and is nearest to a pilot."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lastiterate.laws import FittedLaw
from lastiterate.laws.fitting import SAME_PEAK
from lastiterate.plan.candidates import REACH

TIE = 5e-4  # nats: predictions closer than this are taken for equal


@dataclass(frozen=True, eq=False)
class Choice:
    """`index` of the chosen candidate, and the predicted final loss of each, shape (number of candidates,); NaN if out of reach."""

    index: int
    predicted: np.ndarray


def choose(fitted: FittedLaw, schedules: Sequence, tie: float = TIE) -> Choice:
    """The schedule of lowest predicted final loss; among those within `tie` of it, the one nearest to the training curves.

    Nearest: its peak learning rate is least far (in its logarithm) from that of a training curve. Schedules whose peak is more
    than a factor of 2 (1.25 if the training curves share one peak) outside the training curves' are out of reach.

    Parameters
    ----------
    fitted : FittedLaw
    schedules : sequence of Schedule or array_like, shape (T,)
        Learning rates of updates 1..T.
    tie : float
        Nats.

    Raises
    ------
    ValueError
        If every schedule is out of reach.
    """
    peaks = np.array([curve.lr.max() for curve in fitted.curves])
    reach = REACH if peaks.max() > SAME_PEAK * peaks.min() else SAME_PEAK
    vectors = [np.asarray(getattr(schedule, "lr", schedule)) for schedule in schedules]
    predicted = np.full(len(vectors), np.nan)
    for i, lr in enumerate(vectors):
        if _reached(lr.max(), peaks, reach):
            predicted[i] = fitted.predict(lr, [len(lr)])[0]
    if np.isnan(predicted).all():
        found = f"{peaks.min():g} to {peaks.max():g}"
        raise ValueError(f"no candidate has a base learning rate within a factor {reach:g} of the pilots', {found}")
    near = np.flatnonzero(predicted <= np.nanmin(predicted) + tie)
    far = [np.abs(np.log(vectors[i].max() / peaks)).min().round(6) for i in near]
    index = min(zip(far, predicted[near], near.tolist(), strict=True))[2]
    return Choice(int(index), predicted)


def _reached(peak, peaks, reach) -> bool:
    return peaks.min() / reach * (1 - 1e-6) <= peak <= peaks.max() * reach * (1 + 1e-6)
