"""A local fit of final losses: no law of the course, only that settings which are alike end alike."""

from dataclasses import dataclass, field

import numpy as np

from lastiterate.laws import Curve
from lastiterate.laws.law import Law
from lastiterate.plan.alike import Settings, alike

NOISE = 0.1  # variance of what a pilot's end does not say of its setting, in parts of the variance between settings
LONGER = 0.18  # of the natural logarithm: lengths that span less do not tell how the loss falls with them
LOCAL = Law(
    "local", "ln L = c + b ln T + Gaussian process of ln(peak LR) and shape", "this project", ("c", "b"), (), lambda path: []
)  # not a law of curves: compares final losses


@dataclass(frozen=True, eq=False)
class LocalFit:
    """Kriging of the pilots' final losses: ln L = c + b ln T + g(ln peak, shape), g a Gaussian process of covariance `alike`.

    b is left out where the pilots' lengths do not differ. Far from every pilot the prediction is their trend, whatever the setting.

    Attributes
    ----------
    curves : tuple of Curve
        Pilots whose last loss counts.

    Source: universal kriging; the scales are this project's own (docs/plan.md).
    """

    curves: tuple[Curve, ...]
    law: Law = field(default=LOCAL)
    unit: float = 1.0

    def __post_init__(self):
        seen = Settings.of([curve.lr for curve in self.curves])
        y = np.log([curve.loss[-1] for curve in self.curves])
        basis = self._basis(seen.total, seen.total)
        inverse = np.linalg.inv(alike(seen, seen) + NOISE * np.eye(len(y)))
        trend = np.linalg.lstsq(basis.T @ inverse @ basis, basis.T @ inverse @ y, rcond=None)[0]
        object.__setattr__(self, "_seen", seen)
        object.__setattr__(self, "_trend", trend)
        object.__setattr__(self, "_weights", inverse @ (y - basis @ trend))

    def ends(self, asked: Settings) -> np.ndarray:
        """Log final losses of settings, shape (n,)."""
        return self._basis(asked.total, self._seen.total) @ self._trend + alike(asked, self._seen) @ self._weights

    @property
    def parameters(self) -> dict[str, float]:
        """c, and b where there is one."""
        return dict(zip(self.law.coefficients, self._trend.tolist(), strict=False))

    def without(self, *left: int) -> "LocalFit":
        """The fit to the other curves."""
        return LocalFit(tuple(curve for i, curve in enumerate(self.curves) if i not in left))

    def _basis(self, total, seen) -> np.ndarray:
        columns = [np.ones_like(total)] + ([total - seen.mean()] if np.ptp(seen) > LONGER else [])
        return np.column_stack(columns)
