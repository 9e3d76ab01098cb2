"""Which candidate: the one of lowest predicted final loss, or what it cannot be told from and the pilots know better."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lastiterate.laws import FittedLaw

WIDTHS = (0.5, 0.15, 1.0)  # of the weights of pilots: octaves of the peak, mean over peak learning rate, octaves of the horizon
TIE = 5e-4  # nats: predictions closer than this are taken for equal
REACH = 2.0


@dataclass(frozen=True, eq=False)
class Choice:
    """`index` of the chosen candidate, and the predicted final loss of each, shape (number of candidates,); NaN if out of reach."""

    index: int
    predicted: np.ndarray


def choose(fitted: FittedLaw, schedules: Sequence, tie: float = TIE, anchor: bool = True) -> Choice:
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
    anchor : bool
        Add what the law misses at the ends of the training curves that decay to its predictions: the mean of these errors with
        weights ``exp(-d^2 / 2)``, d the distance in octaves of the peak (over .5), mean learning rate over the peak (over .15) and
        octaves of the horizon. A candidate that was a pilot is so ranked by what it reached, not by what the law says of it.

    Raises
    ------
    ValueError
        If every schedule is out of reach.
    """
    peaks = np.array([curve.lr.max() for curve in fitted.curves])
    reach = REACH if peaks.max() > 1.25 * peaks.min() else 1.25
    vectors = [np.asarray(getattr(schedule, "lr", schedule)) for schedule in schedules]
    known = [curve for curve in fitted.curves if curve.lr[-1] <= curve.lr.max() / 2] if anchor else []
    missed = np.array([curve.loss[-1] - fitted.predict(curve.lr, curve.step[-1:])[0] for curve in known])
    away = np.array([_features(curve.lr) for curve in known])
    predicted = np.full(len(vectors), np.nan)
    for i, lr in enumerate(vectors):
        if _reached(lr.max(), peaks, reach):
            predicted[i] = fitted.predict(lr, [len(lr)])[0] + (_anchored(_features(lr), away, missed) if known else 0.0)
    if np.isnan(predicted).all():
        found = f"{peaks.min():g} to {peaks.max():g}"
        raise ValueError(f"no candidate has a base learning rate within a factor {reach:g} of the pilots', {found}")
    near = np.flatnonzero(predicted <= np.nanmin(predicted) + tie)
    far = [np.abs(np.log(vectors[i].max() / peaks)).min().round(6) for i in near]
    index = min(zip(far, predicted[near], near.tolist(), strict=True))[2]
    return Choice(int(index), predicted)


def _reached(peak, peaks, reach) -> bool:
    return peaks.min() / reach * (1 - 1e-6) <= peak <= peaks.max() * reach * (1 + 1e-6)


def _features(lr: np.ndarray) -> np.ndarray:
    """Where a schedule is: peak, mean over peak, horizon, in the widths of the weights."""
    return np.array([np.log2(lr.max()), lr.mean() / lr.max(), np.log2(len(lr))]) / WIDTHS


def _anchored(at: np.ndarray, away: np.ndarray, missed: np.ndarray) -> float:
    """Mean of the errors `missed` (n,) of pilots at `away` (n, 3), weighted by nearness to `at` (3,)."""
    square = np.sum((away - at) ** 2, axis=1) / 2
    weight = np.exp(square.min() - square)
    return float(weight @ missed / weight.sum())
