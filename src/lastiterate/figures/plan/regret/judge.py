"""What a plan says in a case of `regret`, and what that loses: the one place where the planner is asked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lastiterate.laws import Curve
from lastiterate.plan.choose import choose
from lastiterate.plan.plausible import WORST, Plausible, plausible

LEAST_CURVES = 2


@dataclass(frozen=True)
class Told:
    """The candidate that is chosen, by which law or fit; its predicted loss with the ends of an interval.

    `costs` is its true loss where what is chosen lies between the candidates, of which `index` is the nearest.
    """

    index: int
    by: str
    predicted: float
    low: float
    high: float
    costs: float | None = None


def laws_of(curves: Sequence[Curve]) -> Plausible | None:
    """The laws of a plan from these curves; None where the planner refuses them."""
    if len(curves) < LEAST_CURVES:
        return None
    try:
        laws = plausible(curves)
    except ValueError:
        return None
    return None if laws.error > WORST else laws


def ask(laws: Plausible | None, lrs: Sequence[np.ndarray], last: Sequence[int], level: float) -> Told | None:
    """What the plan chooses among runs that execute `lrs`, with its loss after update `last` of each; None where it refuses."""
    if laws is None:
        return None
    try:
        index = choose(laws, lrs).index
    except ValueError:
        return None
    draws = laws.along(lrs[index], [int(last[index])])
    low, high = laws.interval(draws, level)
    return Told(index, laws.members[0].name, float(laws.predicted(draws)[0]), float(low[0]), float(high[0]))


def interval_score(loss, low, high, level):
    """(high - low) + 2/(1 - level) (what the loss lies outside by): least in expectation for the central interval of that probability.

    Source: Gneiting and Raftery, JASA 102 (2007), eq. 43.
    """
    outside = np.maximum(low - loss, 0) + np.maximum(loss - high, 0)
    return (high - low) + 2 / (1 - level) * outside


def row(losses: np.ndarray, told: Told | None, names: Sequence[str], loss: float, references: dict[str, float], level: float) -> dict:
    """A case as a row of the table.

    Parameters
    ----------
    losses : ndarray, shape (n,)
        True final losses of the candidates, called `names`.
    told : Told or None
        What was chosen; None: refused.
    loss : float
        What the prediction is judged on: that loss as the laws see it (a subset's), or nan.
    references : dict of str to float
        Losses of rules that fit nothing, by column; nan where a rule has no such run.
    """
    least, choice = float(losses.min()), len(losses) > 1
    found = {"refused": int(told is None), "best": names[int(losses.argmin())]}
    found |= {"range": float(losses.max()) - least if choice else np.nan, "law": "", "chosen": ""}
    found |= dict.fromkeys(("right", "regret", "error", "low", "high", "loss", "inside", "interval_score"), np.nan)
    if told is not None:
        found |= {"law": told.by, "chosen": names[told.index], "error": told.predicted - loss, "low": told.low, "high": told.high}
        found |= {"loss": loss, "inside": float(told.low <= loss <= told.high)}
        found["interval_score"] = float(interval_score(loss, told.low, told.high, level))
        if choice:
            chosen = losses[told.index] if told.costs is None else told.costs
            found |= {"right": float(told.index == losses.argmin()), "regret": float(chosen - least)}
    return found | {name: value - least if choice else np.nan for name, value in references.items()}
