"""One plausible law: its fit to all pilots, its refits without those at a distance, and what each missed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lastiterate.laws import Curve, FittedLaw
from lastiterate.laws.path import Path
from lastiterate.plan.alike import Settings, alike
from lastiterate.plan.folds import Fold
from lastiterate.plan.local import LocalFit

LAST = 0.1  # of a curve's losses, which tell its end
CARRIED = 0.5  # share of what a law missed of pilots that is taken off its predictions of settings like them
LEAST_FALL = 0.003  # of the log-loss from shorter to longer pilots: less than this tells nothing of how a law errs in it
SCATTER = 1.0  # variance of what is missed of one pilot alone, in parts of that shared by settings that are alike


@dataclass(frozen=True, eq=False)
class Draw:
    """One fit, with what it missed of the pilots that it was fitted to, which is half taken off its predictions.

    ln L(c) = ln f(c) - sum_i (1 + k(c, i)) w_i / 2,  w = (1 + k + I)^-1 e,  e_i = ln(f(i)/L(i)) at the end of pilot i, k = `alike`

    Attributes
    ----------
    fitted : FittedLaw or LocalFit
    kept : ndarray of int
        Positions of the pilots that it was fitted to.
    error : ndarray, shape (n,)
        Errors of the log-loss at the ends of all pilots, before that.
    """

    fitted: FittedLaw | LocalFit
    kept: np.ndarray
    error: np.ndarray
    seen: Settings

    @property
    def local(self) -> bool:
        """Whether it predicts final losses only."""
        return isinstance(self.fitted, LocalFit)

    def carried(self, asked: Settings) -> np.ndarray:
        """What is taken off the log-losses of settings, shape (n,); 0 for the local fit, which has done so."""
        if self.local:
            return np.zeros(len(asked.peak))
        near = self.seen[self.kept]
        inner = 1 + alike(near, near) + SCATTER * np.eye(len(self.kept))
        return CARRIED * (1 + alike(asked, near)) @ np.linalg.solve(inner, self.error[self.kept])

    def ends(self, path: Path, asked: Settings) -> np.ndarray:
        """Final losses of schedules, given as a path and as settings, shape (n,)."""
        raw = self.fitted.ends(asked) if self.local else np.log(self.fitted.on(path))
        return np.exp(raw - self.carried(asked))


@dataclass(frozen=True, eq=False)
class Member:
    """A plausible law.

    Attributes
    ----------
    draws : tuple of Draw
        The fit to all pilots, then one without each fold.
    difference, level : dict of str to float
        Root-mean-square errors of the log-loss at the ends of left-out pilots, by the kind of fold: of differences between settings, and of
        losses.
    seen : float
        The same of losses, at the ends of the pilots that it was fitted to.
    longer : float or None
        Errors of longer pilots that were left out, in parts of how much lower they ended (of the log-loss); None: no fold has any.
    weight : float
        Share of the set.
    """

    draws: tuple[Draw, ...]
    difference: dict[str, float]
    level: dict[str, float]
    seen: float
    longer: float | None
    weight: float = 0.0

    @property
    def fitted(self) -> FittedLaw | LocalFit:
        """The fit to all pilots."""
        return self.draws[0].fitted

    @property
    def name(self) -> str:
        """Of the law."""
        return self.fitted.law.name


class Ends:
    """The ends of the pilots' curves: what laws are judged on."""

    def __init__(self, curves: Sequence[Curve], grain: float):
        last = [slice(-max(1, round(LAST * len(curve.step))), None) for curve in curves]
        items = [(curve.lr, curve.step[at], curve.init_std, curve.weight_decay) for curve, at in zip(curves, last, strict=True)]
        self.path = Path.of(items, grain=grain)
        self.losses = np.log(np.concatenate([curve.loss[at] for curve, at in zip(curves, last, strict=True)]))
        self.first = np.cumsum([0, *(len(step) for _, step, _, _ in items[:-1])])
        self.counts = np.array([len(step) for _, step, _, _ in items])
        self.final = np.log([curve.loss[-1] for curve in curves])
        self.settings = Settings.of([curve.lr for curve in curves])

    def errors(self, fitted: FittedLaw | LocalFit) -> np.ndarray:
        """Errors of the log-loss, means over the last tenth of each curve's losses, shape (n,)."""
        if isinstance(fitted, LocalFit):
            return fitted.ends(self.settings) - self.final
        return np.add.reduceat(np.log(fitted.on(self.path)) - self.losses, self.first) / self.counts


def member(fitted: FittedLaw | LocalFit, left_out: Sequence[Fold], ends: Ends) -> Member:
    """The law with its refits, and what they missed; a fold whose rest cannot be fitted is left out."""
    everything = np.arange(len(ends.final))
    draws = [Draw(fitted, everything, ends.errors(fitted), ends.settings)]
    difference, level, longer = {}, {}, []
    for fold in left_out:
        left, kept = np.array(fold.left), np.setdiff1d(everything, fold.left)
        try:
            refit = fitted.without(*fold.left)
        except ValueError:
            continue
        draws.append(one := Draw(refit, kept, ends.errors(refit), ends.settings))
        error = one.error - one.carried(ends.settings)
        reference = error[left] if fold.name == "horizon" and len(left) > 1 else error[kept]
        difference.setdefault(fold.name, []).append(np.mean((error[left] - np.median(reference)) ** 2))
        level.setdefault(fold.name, []).append(np.mean(error[left] ** 2))
        if fold.name == "horizon":
            longer.append(np.mean(error[left] ** 2) / max(ends.final[kept].min() - ends.final[left].min(), LEAST_FALL) ** 2)
    root = lambda errors: {name: float(np.sqrt(np.mean(values))) for name, values in errors.items()}
    seen = draws[0].error - draws[0].carried(ends.settings)
    return Member(
        tuple(draws), root(difference), root(level), float(np.sqrt(np.mean(seen**2))),
        float(np.sqrt(np.mean(longer))) if longer else None,
    )  # fmt: skip
