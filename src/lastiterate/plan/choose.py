"""Which candidate: the one whose regret in a bad case over the plausible laws is least, or what noise cannot tell it from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lastiterate.laws.fitting import SAME_PEAK
from lastiterate.plan.candidates import REACH
from lastiterate.plan.folds import LONGER
from lastiterate.plan.plausible import Plausible
from lastiterate.plan.weighted import tail_mean

BAD_CASE = 0.3  # quantile of the regrets over the set, above which they count
TIE = 0.1  # of the noise between seeds: regrets closer than this are taken for equal
CAP = 0.3  # nats: larger regrets count as this


@dataclass(frozen=True, eq=False)
class Choice:
    """The chosen candidate.

    Attributes
    ----------
    index : int
        Its place.
    regret : ndarray, shape (number of candidates,)
        Bad-case regret of each (`bad_case`); NaN if out of reach.
    losses : ndarray, shape (D, number of candidates)
        Final loss of each by every draw.
    """

    index: int
    regret: np.ndarray
    losses: np.ndarray


def choose(laws: Plausible, schedules: Sequence, tie: float | None = None) -> Choice:
    """The schedule of least bad-case regret; among those within `tie` of it, the one nearest to the pilots.

    Nearest: its peak learning rate is least far (in its logarithm) from that of a pilot. Schedules whose peak is more than a factor of 2
    (1.25 if the pilots share one peak) outside the pilots' are out of reach; so are those above every pilot's, for a run that is longer
    than every pilot: there no law is checked, and the best learning rate falls with the length if anything.

    Parameters
    ----------
    laws : Plausible
    schedules : sequence of Schedule or array_like, shape (T,)
        Learning rates of updates 1..T.
    tie : float, optional
        Nats; by default a tenth of the noise between seeds, as the set knows it.

    Raises
    ------
    ValueError
        If every schedule is out of reach.
    """
    peaks = np.array([curve.lr.max() for curve in laws.curves])
    reach = REACH if peaks.max() > SAME_PEAK * peaks.min() else SAME_PEAK
    own = np.array([np.max(getattr(schedule, "lr", schedule)) for schedule in schedules])
    reached = (own >= peaks.min() / reach * (1 - 1e-6)) & (own <= peaks.max() * reach * (1 + 1e-6))
    longer = max(len(curve.lr) for curve in laws.curves) * LONGER
    lengths = np.array([len(getattr(schedule, "lr", schedule)) for schedule in schedules])
    known = reached & ((own <= peaks.max() * (1 + 1e-6)) | (lengths <= longer))
    reached = known if known.any() else reached
    if not reached.any():
        found = f"{peaks.min():g} to {peaks.max():g}"
        raise ValueError(f"no candidate has a base learning rate within a factor {reach:g} of the pilots', {found}")
    losses = laws.losses(schedules)
    regret = np.full(len(own), np.nan)
    regret[reached] = bad_case(losses[:, reached], laws.weights)
    near = np.flatnonzero(regret <= np.nanmin(regret) + (TIE * laws.noise if tie is None else tie))
    far = np.abs(np.log(own[near, None] / peaks)).min(axis=1).round(6)
    return Choice(int(min(zip(far, regret[near], near.tolist(), strict=True))[2]), regret, losses)


def bad_case(losses: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Regret of each candidate in the worse part of the cases, from draws (D, n) of final losses, shape (n,).

    A draw's regret is its loss minus its lowest; the mean is over the draws above the 30th percentile of a candidate's regrets.
    """
    return tail_mean(np.minimum(losses - losses.min(axis=1, keepdims=True), CAP), weights, BAD_CASE)
