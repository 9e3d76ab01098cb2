"""The laws that pilots leave plausible, weighted by what they missed of pilots that were left out at a distance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lastiterate.laws import Curve, fit
from lastiterate.laws.fitting import SAME_PEAK
from lastiterate.laws.path import Path
from lastiterate.plan.alike import Settings
from lastiterate.plan.curves import coarse
from lastiterate.plan.folds import folds
from lastiterate.plan.local import LOCAL, LocalFit
from lastiterate.plan.member import Draw, Ends, Member, member
from lastiterate.plan.weighted import mixture, quantile

LAWS = ("norm-stiff", "norm-power", "norm-exponential", "convex-power", "convex-effective", "effective-power", "forgetting")
NORM = ("norm-stiff", "norm-power", "norm-exponential")
PREDICTS = ("norm-power",)  # the best at losses where norm-stiff is not identified, and a poor guide to differences: not asked to choose
SEVERAL_PEAKS = ("norm-stiff",)  # one peak does not identify how relaxation depends on the weight norm
POINTS, GRAIN = 25, 3.0  # losses of a curve and coarseness of its learning rates: as exact as choosing needs
OWN = 0.5  # share of a law's weight that its fit to all pilots has; its refits share the rest
POWER = 2.0  # a law's weight falls as this power of its error in differences
NOISE = 5e-4  # least such error, of the log-loss; seeds of a large model differ by as much
OWN_LEVEL, POWER_LEVEL, NOISE_LEVEL = 0.8, 4.0, 1e-3  # the same for losses
LEFT_OUT = 0.1  # share of the squared errors of left-out pilots that an interval adds to those of pilots that were seen
FALL = 0.3  # of a predicted further fall of the log-loss that is not to be relied on, where no longer pilots tell
TYPICAL_FALL = 0.05  # of the log-loss, for which errors of longer pilots count as errors of losses
OFF = 0.3  # of the log-loss: a fit that is further than this from the middle of all counts as this far
WORST = 0.1  # error of the best law at left-out pilots above which none describes them, and a plan is refused
ROUNDING = 1e-9  # nats: schedules that differ by less are the same


@dataclass(frozen=True, eq=False)
class Plausible:
    """A weighted set of laws; every fit of each is a draw of what may be true.

    Attributes
    ----------
    members : tuple of Member
        Of the largest weight first.
    skipped : dict of str to str
        Laws that these pilots cannot identify, and why.
    noise : float
        Nats by which final losses of one setting differ.
    """

    members: tuple[Member, ...]
    skipped: dict[str, str]
    noise: float

    @cached_property
    def draws(self) -> list[tuple[Member, Draw]]:
        """(law, one of its fits) for each draw."""
        return [(member, draw) for member in self.members for draw in member.draws]

    @cached_property
    def weights(self) -> np.ndarray:
        """Weight of each draw in a choice, shape (D,); they sum to 1."""
        return self._spread([member.weight for member in self.members], OWN)

    @property
    def curves(self) -> tuple[Curve, ...]:
        """The pilots' curves, as they were fitted."""
        return self.members[0].fitted.curves

    def losses(self, schedules: Sequence) -> np.ndarray:
        """Final loss of each schedule (a Schedule, or learning rates (T,)) by each draw, shape (D, number of schedules)."""
        vectors = [np.asarray(getattr(schedule, "lr", schedule), dtype=float) for schedule in schedules]
        curve, asked = self.curves[0], Settings.of(vectors)
        path = Path.of([(lr, np.array([len(lr)]), curve.init_std, curve.weight_decay) for lr in vectors], grain=GRAIN)
        return np.array([draw.ends(path, asked) for _, draw in self.draws])

    def along(self, lr, step) -> np.ndarray:
        """Losses after updates `step` of a run that executes `lr` by each draw, shape (D, m); NaN by the local fit, but at its end."""
        lr, step = np.asarray(getattr(lr, "lr", lr), dtype=float), np.asarray(step)
        curve, asked = self.curves[0], Settings.of([lr])
        path = Path.of([(lr, step, curve.init_std, curve.weight_decay)], grain=GRAIN)
        end = np.where(step == len(lr), 1.0, np.nan)
        return np.array(
            [draw.ends(path, asked) * end if draw.local else draw.fitted.on(path) * np.exp(-draw.carried(asked)) for _, draw in self.draws]
        )

    def by_law(self, losses: np.ndarray) -> list[tuple[str, np.ndarray]]:
        """(name, row of its fit to all pilots) for each law, from draws (D, n)."""
        return [(member.name, row) for (member, draw), row in zip(self.draws, losses, strict=True) if draw is member.draws[0]]

    @property
    def error(self) -> float:
        """Error of the log-loss at the ends of left-out pilots, of the law that is best at it."""
        return min(float(np.sqrt(np.mean(np.square(list(one.level.values()) or [one.seen])))) for one in self._levels)

    @property
    def predicting(self) -> Member:
        """The law that is best at losses."""
        return min(self._levels, key=_anywhere)

    @cached_property
    def errors(self) -> np.ndarray:
        """Nats by which the law of each draw missed differences between pilots that were left out, shape (D,)."""
        return np.array([_difference(member) * self._scale for member, _ in self.draws])

    def predicted(self, losses: np.ndarray) -> np.ndarray:
        """One loss for each column of draws (D, n): their mean, weighted by how well the laws predict losses."""
        laws, weights, _ = self._judged(losses)
        return np.exp(weights @ laws)

    def interval(self, losses: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the interval of a loss, from draws (D, n): a mixture of normal distributions about them, as wide as the law errs.

        The variance of a law's log-loss is that of its errors at the pilots, a tenth of that at those which were left out, and the square
        of a share of how much lower than any pilot the run is predicted to end. The share is .3, or half of that and half of what
        longer pilots showed that were left out.
        """
        laws, weights, sizes = self._judged(losses)
        ends = (mixture(laws, sizes, weights, q) for q in ((1 - level) / 2, (1 + level) / 2))
        return tuple(np.exp(end) for end in ends)

    def difference(self, loses: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Middle and ends of the interval of a difference between losses, from draws (D, n) of it, in nats."""
        ends = (mixture(loses, self.errors[:, None], self.weights, q) for q in ((1 - level) / 2, (1 + level) / 2))
        same = np.abs(loses).max(axis=0) < ROUNDING
        return tuple(np.where(same, 0.0, end) for end in (self.middle(loses), *ends))

    def middle(self, loses: np.ndarray) -> np.ndarray:
        """Weighted median of a difference between losses, from draws (D, n) of it, in nats."""
        return quantile(loses, self.weights, 0.5)

    @property
    def _scale(self) -> float:
        """Nats of a log-loss of 1."""
        return float(np.median([curve.loss[-1] for curve in self.curves]))

    @property
    def _levels(self) -> list[Member]:
        """The laws that predict losses: all but the local fit, where there are others."""
        return [member for member in self.members if member.name != LOCAL.name] or list(self.members)

    def _judged(self, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log-losses (d, n) by the draws that predict them, their weights (d,), and standard deviations (d, n)."""
        levels = self._levels
        rows = [i for i, (member, _) in enumerate(self.draws) if any(member is one for one in levels)]
        weights = self._spread([_anywhere(one) ** -POWER_LEVEL if one in levels else 0.0 for one in self.members], OWN_LEVEL)[rows]
        laws = np.log(losses[rows])
        centre = quantile(laws, weights, 0.5)
        laws = np.clip(laws, centre - OFF, centre + OFF)
        fall = np.maximum(0, np.log(min(curve.loss[-1] for curve in self.curves)) - laws)
        own = np.array([_level(self.draws[i][0]) for i in rows])[:, None]
        share = np.array([_fall(self.draws[i][0]) for i in rows])[:, None]
        return laws, weights, np.hypot(own, share * fall)

    def _spread(self, weights: Sequence[float], own: float) -> np.ndarray:
        """Weights of laws as weights of their draws, shape (D,); they sum to 1."""
        found = []
        for one, weight in zip(self.members, weights, strict=True):
            refits = len(one.draws) - 1
            found += [weight * own, *[weight * (1 - own) / refits] * refits] if refits else [weight]
        return np.array(found) / np.sum(found)


def plausible(curves: Sequence[Curve], names: Sequence[str] | None = None, noise: float | None = None) -> Plausible:
    """The laws, fitted to the pilots' curves and to those that stay when some are left out at a distance, with their weights.

    Parameters
    ----------
    curves : sequence of Curve
        At least two, of one setting of init_std and weight_decay.
    names : sequence of str, optional
        Laws to take; by default those that the curves can identify.
    noise : float, optional
        Nats by which final losses of one setting differ; by default .0005 of the loss, as for large models.

    Raises
    ------
    ValueError
        If no law can be fitted: fewer losses than parameters.

    Source: this project's own; docs/plan.md has what was measured.
    """
    curves = [coarse(curve, POINTS) for curve in curves]
    wanted, skipped = (list(names), {}) if names else _identified(curves)
    left_out, ends, members = folds(curves), Ends(curves, GRAIN), []
    for name in wanted:
        try:
            members.append(member(fit(curves, name, GRAIN), left_out, ends))
        except ValueError as error:
            if names:
                raise
            skipped[name] = str(error)
    if not names:
        members.append(member(LocalFit(tuple(curves)), left_out, ends))
    choosing = [one.name not in PREDICTS or len(wanted) == 1 for one in members]
    weights = np.array([_difference(one) ** -POWER * chooses for one, chooses in zip(members, choosing, strict=True)])
    members = [replace(one, weight=float(weight)) for one, weight in zip(members, weights / weights.sum(), strict=True)]
    if noise is None:
        noise = NOISE * float(np.median([curve.loss[-1] for curve in curves]))
    return Plausible(tuple(sorted(members, key=lambda one: -one.weight)), skipped, noise)


def _identified(curves: Sequence[Curve]) -> tuple[list[str], dict[str, str]]:
    """Laws that the curves can identify, and why not the others."""
    norm = all(curve.init_std is not None and curve.weight_decay is not None for curve in curves)
    peaks = [curve.lr.max() for curve in curves]
    skipped = {}
    if not norm:
        skipped |= dict.fromkeys(NORM, "init_std and weight_decay of the runs are not given")
    elif max(peaks) <= SAME_PEAK * min(peaks):
        skipped |= dict.fromkeys(SEVERAL_PEAKS, "one peak learning rate does not identify how relaxation depends on the weight norm")
    return [name for name in LAWS if name not in skipped], skipped


def _difference(one: Member) -> float:
    """Error of differences of the log-loss, over the kinds of folds."""
    return float(np.sqrt(NOISE**2 + np.mean([error**2 for error in one.difference.values()]))) if one.difference else 1.0


def _level(one: Member) -> float:
    """Error of the log-loss, at pilots like the one asked for."""
    left = np.mean([error**2 for name, error in one.level.items() if name != "horizon"] or [0.0])
    return float(np.sqrt(NOISE_LEVEL**2 + one.seen**2 + LEFT_OUT * left))


def _anywhere(one: Member) -> float:
    """The same, of longer runs as well: what its weight rests on."""
    return float(np.hypot(_level(one), TYPICAL_FALL * (one.longer or 0.0)))


def _fall(one: Member) -> float:
    """Share of a predicted further fall that is not to be relied on."""
    return FALL if one.longer is None else float(np.sqrt((FALL**2 + min(one.longer, 1.0) ** 2) / 2))
