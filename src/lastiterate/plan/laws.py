"""Which law: fitted to the pilots, judged on each pilot in turn while it is left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lastiterate.laws import LAWS, Curve, FittedLaw, fit
from lastiterate.laws.fitting import default_law

WITH_NORM = ("norm-power", "norm-stiff", "effective-power")
WITHOUT_NORM = ("effective-power", "convex-power")
GOOD = 0.01  # held-out error of the default law up to which no rival is tried
CLEAR = 0.8  # a rival replaces the default law if its held-out error is below this share of the default's
LEAST_CURVES = 4  # and there are at least so many curves
RANKING = "convex-power"  # the bound's own form with a free exponent: compares settings, whatever law predicts the loss
WORST_HELD_OUT = 0.05  # held-out error above which no law describes the pilots, and a plan is refused
END = 0.2  # of each held-out curve that counts, its last part


@dataclass(frozen=True, eq=False)
class Chosen:
    """The law that a plan rests on, and how the laws compared.

    Attributes
    ----------
    fitted : FittedLaw
        Predicts the loss; fitted to all pilots.
    ranking : FittedLaw
        Compares settings: convex-power fitted to the same pilots, or `fitted` itself where the law was given.
    held_out : dict of str to float
        Mean absolute error of the log-loss on the last fifth of each pilot left out, by law.
    skipped : dict of str to str
        Laws that these pilots cannot identify, and why.
    rule : str
        How the law was chosen.
    """

    fitted: FittedLaw
    ranking: FittedLaw
    held_out: dict[str, float]
    skipped: dict[str, str]
    rule: str

    @property
    def error(self) -> float:
        """Held-out error of the law that predicts."""
        return self.held_out[self.fitted.law.name]

    def interval(self, lr, step, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends, shapes (m,), of what the jackknife+ intervals of both laws span (`FittedLaw.interval`).

        Refits of one law say how much the pilots disagree; how far a law may be trusted beyond them, only another law can say.
        """
        ends = [law.interval(lr, step, level) for law in (self.fitted, self.ranking)]
        return np.minimum(ends[0][0], ends[1][0]), np.maximum(ends[0][1], ends[1][1])


def choose_law(curves: Sequence[Curve], law: str | None = None) -> Chosen:
    """The default law of `lastiterate.laws`, unless at least four curves clearly speak for another.

    ``held_out = mean over curves of mean |log(prediction / loss)|`` over the last fifth of the curve's losses, each predicted
    by a fit to the other curves. Rivals are tried if the default's error exceeds .01, and one is taken if its error is below .8 of that.

    Parameters
    ----------
    curves : sequence of Curve
        At least two.
    law : str, optional
        Take this one, whatever the errors.

    Raises
    ------
    ValueError
        For fewer than two curves or too few losses.

    Source: arXiv:1905.02928 for leaving curves out; the threshold is this project's own (docs/plan.md).
    """
    default = law or default_law(curves)
    norm = all(curve.init_std is not None and curve.weight_decay is not None for curve in curves)
    names = [default] if law else list(dict.fromkeys((default, *(WITH_NORM if norm else WITHOUT_NORM))))
    skipped = {} if norm else {"norm-power, norm-stiff": "init_std and weight_decay of the runs are not given"}
    if not law and norm and default == "norm-power":
        names.remove("norm-stiff")
        skipped["norm-stiff"] = "one peak learning rate does not identify how relaxation depends on the weight norm"
    fits, held_out = {}, {}
    for name in names:
        fits[name] = fit(list(curves), name)
        held_out[name] = float(np.mean([np.abs(_end(error)).mean() for _, error in fits[name].leave_one_out()]))
        if name == default and (held_out[name] <= GOOD or len(curves) < LEAST_CURVES):
            break
    best = min(held_out, key=held_out.get)
    if law:
        rule = "the law was given"
    elif len(curves) < LEAST_CURVES:
        best, rule = default, f"the default law of these pilots: {len(curves)} curves are too few to choose by held-out error"
    elif held_out[default] <= GOOD:
        rule = f"the default law of these pilots; its held-out error is {held_out[default]:.4f} (no other was tried)"
    elif held_out[best] < CLEAR * held_out[default]:
        rule = f"held-out error {held_out[best]:.4f}, below {CLEAR:g} of the default law's ({default}, {held_out[default]:.4f})"
    else:
        best, rule = default, f"the default law of these pilots; no other has a held-out error below {CLEAR:g} of its own"
    ranking = fits[law] if law else fits.get(RANKING) or fit(list(curves), RANKING)
    return Chosen(fits[best], ranking, held_out, skipped, f"{LAWS[best].name}: {rule}")


def _end(error: np.ndarray) -> np.ndarray:
    return error[-max(1, int(END * len(error))) :]
