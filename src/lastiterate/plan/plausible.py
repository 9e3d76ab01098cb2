"""The laws that pilots leave plausible, weighted by what they missed of pilots that were left out at a distance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lastiterate.laws import Curve, FittedLaw, fit
from lastiterate.laws.path import Path
from lastiterate.plan.curves import coarse
from lastiterate.plan.folds import Fold, folds
from lastiterate.plan.weighted import mixture, quantile

WITH_NORM = ("norm-stiff", "norm-power", "convex-power", "convex-effective", "effective-power")
WITHOUT_NORM = ("effective-power", "convex-power", "convex-effective", "forgetting")
POINTS, GRAIN = 33, 3.0  # losses of a curve and coarseness of its learning rates: as exact as choosing needs
LAST = 0.1  # of a curve's losses, which tell its end
OWN = 0.5  # share of a law's weight that its fit to all pilots has; its refits share the rest
POWER = 3.0  # a law's weight falls as this power of its error
WORST = 0.05  # error of the best law above which no law describes the pilots, and a plan is refused
ROUNDING = 1e-9  # nats: schedules that differ by less are the same
NOISE = 5e-4  # least error of a law, in the log-loss


@dataclass(frozen=True, eq=False)
class Member:
    """A plausible law: fitted to all pilots, refitted without each fold, and what the refits missed.

    Attributes
    ----------
    fitted : FittedLaw
    refits : tuple of FittedLaw
        One for each fold.
    difference, level : dict of str to float
        Root-mean-square errors of the log-loss at the ends of left-out pilots, by the kind of fold: of differences between settings, and of
        losses.
    weight : float
        Share of the set.
    """

    fitted: FittedLaw
    refits: tuple[FittedLaw, ...]
    difference: dict[str, float]
    level: dict[str, float]
    weight: float = 0.0

    @property
    def name(self) -> str:
        """Of the law."""
        return self.fitted.law.name


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

    @property
    def draws(self) -> list[tuple[Member, FittedLaw, float]]:
        """(law, one of its fits, weight) for each draw; weights sum to 1."""
        found = []
        for member in self.members:
            own = OWN if member.refits else 1.0
            found.append((member, member.fitted, own * member.weight))
            found += [(member, refit, (1 - own) * member.weight / len(member.refits)) for refit in member.refits]
        return found

    @property
    def weights(self) -> np.ndarray:
        """Weight of each draw, shape (D,)."""
        return np.array([weight for _, _, weight in self.draws])

    @property
    def curves(self) -> tuple[Curve, ...]:
        """The pilots' curves, as they were fitted."""
        return self.members[0].fitted.curves

    def losses(self, schedules: Sequence) -> np.ndarray:
        """Final loss of each schedule (a Schedule, or learning rates (T,)) by each draw, shape (D, number of schedules)."""
        vectors = [np.asarray(getattr(schedule, "lr", schedule), dtype=float) for schedule in schedules]
        curve = self.curves[0]
        path = Path.of([(lr, np.array([len(lr)]), curve.init_std, curve.weight_decay) for lr in vectors], grain=GRAIN)
        return np.array([fitted.on(path) for _, fitted, _ in self.draws])

    def along(self, lr, step) -> np.ndarray:
        """Losses after updates `step` of a run that executes `lr` by each draw, shape (D, m)."""
        return np.array([fitted.predict(lr, step) for _, fitted, _ in self.draws])

    def by_law(self, losses: np.ndarray) -> list[tuple[str, np.ndarray]]:
        """(name, row of its fit to all pilots) for each law, from draws (D, n)."""
        return [(member.name, row) for (member, fitted, _), row in zip(self.draws, losses, strict=True) if fitted is member.fitted]

    @property
    def error(self) -> float:
        """Error of the log-loss at the ends of left-out pilots, of the law that is best at it."""
        return min(_size(member.level) for member in self.members)

    @property
    def predicting(self) -> Member:
        """The law that is best at losses."""
        return min(self.members, key=lambda member: _size(member.level))

    @property
    def errors(self) -> np.ndarray:
        """Nats by which the law of each draw missed differences between pilots that were left out, shape (D,)."""
        return np.array([_size(member.difference) * member.fitted.curves[0].loss[-1] for member, _, _ in self.draws])

    def predicted(self, losses: np.ndarray) -> np.ndarray:
        """One loss for each column of draws (D, n): their mean, weighted by how well the laws predict losses."""
        return np.exp(self._level_weights @ np.log(losses))

    def interval(self, losses: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the interval of a loss, from draws (D, n): a mixture of normal distributions about them, as wide as the law errs."""
        sizes = np.array([_size(member.level) for member, _, _ in self.draws])[:, None]
        ends = (mixture(np.log(losses), sizes, self._level_weights, q) for q in ((1 - level) / 2, (1 + level) / 2))
        return tuple(np.exp(end) for end in ends)

    def difference(self, loses: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Middle and ends of the interval of a difference between losses, from draws (D, n) of it, in nats."""
        ends = (mixture(loses, self.errors[:, None], self.weights, q) for q in ((1 - level) / 2, (1 + level) / 2))
        same = np.abs(loses).max(axis=0) < ROUNDING
        return tuple(np.where(same, 0.0, end) for end in (quantile(loses, self.weights, 0.5), *ends))

    @property
    def _level_weights(self) -> np.ndarray:
        raw = np.array([weight / member.weight * _raw(member.level) for member, _, weight in self.draws])
        return raw / raw.sum()


def plausible(curves: Sequence[Curve], names: Sequence[str] | None = None) -> Plausible:
    """The laws, fitted to the pilots' curves and to those that stay when some are left out at a distance, with their weights.

    Parameters
    ----------
    curves : sequence of Curve
        At least two, of one setting of init_std and weight_decay.
    names : sequence of str, optional
        Laws to take; by default those that the curves can identify.
    """
    norm = all(curve.init_std is not None and curve.weight_decay is not None for curve in curves)
    skipped = {} if norm or names else {"norm-power, norm-stiff": "init_std and weight_decay of the runs are not given"}
    curves = [coarse(curve, POINTS) for curve in curves]
    left_out = folds(curves)
    members = [_member(fit(curves, name, GRAIN), left_out) for name in names or (WITH_NORM if norm else WITHOUT_NORM)]
    raw = [_raw(member.difference) for member in members]
    members = [
        Member(one.fitted, one.refits, one.difference, one.level, float(weight / sum(raw)))
        for one, weight in zip(members, raw, strict=True)
    ]
    noise = NOISE * float(np.median([curve.loss[-1] for curve in curves]))
    return Plausible(tuple(sorted(members, key=lambda one: -one.weight)), skipped, noise)


def _member(fitted: FittedLaw, left_out: Sequence[Fold]) -> Member:
    refits, difference, level = [], {}, {}
    for fold in left_out:
        refit = fitted.without(*fold.left)
        error = np.array([_end(refit, curve) for curve in fitted.curves])
        out = np.array([i in fold.left for i in range(len(error))])
        reference = error[out] if fold.name == "horizon" and out.sum() > 1 else error[~out]
        refits.append(refit)
        difference.setdefault(fold.name, []).append(np.mean((error[out] - np.median(reference)) ** 2))
        level.setdefault(fold.name, []).append(np.mean(error[out] ** 2))
    root = lambda errors: {name: float(np.sqrt(np.mean(values))) for name, values in errors.items()}
    return Member(fitted, tuple(refits), root(difference), root(level))


def _size(errors: dict[str, float]) -> float:
    return float(np.sqrt(NOISE**2 + np.mean([error**2 for error in errors.values()])))


def _raw(errors: dict[str, float]) -> float:
    return _size(errors) ** -POWER


def _end(fitted: FittedLaw, curve: Curve) -> float:
    """Error of the log-loss at the end of a curve."""
    at = slice(-max(1, round(LAST * len(curve.step))), None)
    predicted = fitted.predict(curve.lr, curve.step[at], init_std=curve.init_std, weight_decay=curve.weight_decay)
    return float(np.mean(np.log(predicted / curve.loss[at])))
