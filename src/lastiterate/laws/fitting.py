"""Fits of loss laws to curves, and what can be asked of a fitted law."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_choice, check_number
from lastiterate.laws.curve import Curve, check_path, check_setting
from lastiterate.laws.families import LAWS
from lastiterate.laws.law import Law
from lastiterate.laws.path import Path
from lastiterate.laws.search import Search
from lastiterate.schedules.schedule import LearningRates

ONE_PEAK, SEVERAL_PEAKS, WITHOUT_NORM = "norm-power", "norm-stiff", "effective-power"
SAME_PEAK = 1.25  # peaks within this factor count as one


@dataclass(eq=False)
class FittedLaw:
    """A law with the parameters that fit its training curves; made by `fit`.

    Attributes
    ----------
    law : Law
        Name, formula and source of the law.
    parameters : dict of str to float
        Fitted parameters by name, coefficients first.
    unit : float
        Learning rate that the law's learning rates are divided by (1 for published laws, else the peak of training).
    curves : tuple of Curve
        Training curves.
    grain : float
        How coarsely the learning rates are taken (`fit`).
    """

    law: Law
    parameters: dict[str, float]
    unit: float
    curves: tuple[Curve, ...]
    _x: np.ndarray = field(repr=False)
    grain: float = 1.0
    _folds: list[Any] | None = field(default=None, repr=False)

    def predict(
        self, lr: LearningRates, step: ArrayLike, *, init_std: float | None = None, weight_decay: float | None = None
    ) -> np.ndarray:
        """Losses after the updates `step` of a run that executes `lr`, shape (m,).

        Parameters
        ----------
        lr : array_like, shape (T,), or Schedule
            Learning rates of updates 1..T.
        step : array_like of int, shape (m,)
            Update counts, increasing, in 1..T.
        init_std, weight_decay : float, optional
            Of that run; by default those of the training curves.

        Raises
        ------
        ValueError
            For bad `lr` or `step`; for a norm law if the training curves' settings differ and none are given.
        """
        return self._evaluate(self.parameters, self._path(lr, step, init_std, weight_decay))

    def on(self, path: Path) -> np.ndarray:
        """Losses at the logged steps of `path`, shape (m,)."""
        return self._evaluate(self.parameters, path.in_units(self.unit))

    def interval(
        self, lr: LearningRates, step: ArrayLike, level: float = 0.9, *, init_std: float | None = None, weight_decay: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of the interval that holds the losses with probability `level`, shapes (m,).

        Jackknife+ over curves (Barber et al., arXiv:1905.02928): the law is refitted without each training curve (once,
        on the first call), which gives its errors there and another prediction here; the ends are quantiles of
        predictions minus and plus the sizes of errors, every curve with the same weight. It widens where the refits disagree.

        Raises
        ------
        ValueError
            With fewer than two training curves, or if `level` is not in (0, 1).
        """
        level = check_number("level", level, "it is the probability that the interval holds a loss", 0.0, 1.0, open_low=True)
        path = self._path(lr, step, init_std, weight_decay)
        low, high = [], []
        for parameters, error in self.leave_one_out():
            prediction = np.log(self._evaluate(parameters, path))
            size = np.quantile(np.abs(error), np.linspace(0, 1, 101))
            low.append(prediction[:, None] - size)
            high.append(prediction[:, None] + size)
        lows, highs = np.concatenate(low, axis=1), np.concatenate(high, axis=1)
        return np.exp(np.quantile(lows, 1 - level, axis=1)), np.exp(np.quantile(highs, level, axis=1))

    def leave_one_out(self) -> list[tuple[dict[str, float], np.ndarray]]:
        """For each training curve: parameters fitted without it, and the errors of the log-loss on it."""
        if len(self.curves) < 2:
            raise ValueError("an interval needs at least two training curves: it comes from fits that leave one out")
        if self._folds is None:
            self._folds = []
            for i, left in enumerate(self.curves):
                parameters = self.without(i).parameters
                error = np.log(self._evaluate(parameters, _path((left,), self.unit, self.grain)) / left.loss)
                self._folds.append((parameters, error))
        return self._folds

    def without(self, *left: int) -> "FittedLaw":
        """The law fitted to the other training curves, by a search that starts from this fit's shapes.

        Parameters
        ----------
        left : int
            Positions in `curves` of those to leave out; at least one must stay.
        """
        rest = tuple(curve for i, curve in enumerate(self.curves) if i not in left)
        if not rest:
            raise ValueError("a law cannot be fitted without any curve: leave fewer out")
        few = sum(len(curve.loss) for curve in rest) < len(self.law.parameter_names)
        parameters, x = _solved(self.law, rest, self._whole.without(*left), None if few else self._x)
        return FittedLaw(self.law, parameters, self.unit, rest, x, self.grain)

    @cached_property
    def _whole(self) -> Path:
        return _path(self.curves, self.unit, self.grain)

    def refitted(
        self, lr: LearningRates, step: ArrayLike, *, init_std: float | None = None, weight_decay: float | None = None
    ) -> np.ndarray:
        """Losses as each fit without one training curve predicts them, shape (curves, m)."""
        path = self._path(lr, step, init_std, weight_decay)
        return np.array([self._evaluate(parameters, path) for parameters, _ in self.leave_one_out()])

    def _path(self, lr: LearningRates, step: ArrayLike, init_std: float | None, weight_decay: float | None) -> Path:
        lr, step = check_path(lr, step)
        settings = []
        for name, value in (("init_std", init_std), ("weight_decay", weight_decay)):
            check_setting(name, value, open_low=name == "init_std")
            known = {getattr(curve, name) for curve in self.curves}
            if value is None and self.law.needs_norm and len(known) > 1:
                raise ValueError(f"{name} differs between the training curves ({sorted(known)}): give that of the run to predict")
            settings.append(known.pop() if value is None and self.law.needs_norm else value)
        return Path.of([(lr, step, *settings)], self.unit, self.grain)

    def _evaluate(self, parameters: dict[str, float], path: Path) -> np.ndarray:
        values = list(parameters.values())
        count = len(self.law.coefficients)
        return self.law.matrix(path, values[count:]) @ np.array(values[:count])


def fit(curves: Curve | Sequence[Curve], law: str | Law = "default", grain: float = 1.0) -> FittedLaw:
    """Fit a loss law to curves: the Huber loss (1e-3) of the log-loss, summed over all logged losses, is least.

    Parameters
    ----------
    curves : Curve or sequence of Curve
        Training curves; more schedules identify more.
    law : str or Law
        A key of `LAWS`, "default" (see `default_law`), or a law of your own.
    grain : float
        Learning rates within `grain` times 1 % of each other are taken for equal: more is faster and less exact.

    Returns
    -------
    FittedLaw

    Raises
    ------
    ValueError
        For no curves, an unknown law or one whose columns are not what it says, fewer losses than parameters (in all), a norm law
        without init_std or weight_decay.

    Examples
    --------
    >>> import numpy as np
    >>> from lastiterate.schedules import cosine, wsd
    >>> step = np.arange(100, 1001, 100)
    >>> curves = [Curve(s.lr, step, 2 + np.cumsum(s.lr)[step - 1] ** -0.5) for s in (wsd(1000), cosine(1000))]
    >>> fitted = fit(curves, law="convex-power")
    >>> {name: round(value, 4) for name, value in fitted.parameters.items()}
    {'Linf': 2.0, 'A': 1.0, 'B': 0.0, 'a': 0.5}

    A law of your own: the coefficients' columns at the logged updates, from the learning rates and a shape parameter.

    >>> from lastiterate.laws import Shape
    >>> def columns(path, a):
    ...     return [np.ones(len(path.at)), path.lr_sum[path.at] ** -a]
    >>> power = Law("power", "Linf + A S^-a", "mine", ("Linf", "A"), (Shape("a", 0.1, 2.0, (0.4, 0.8)),), columns)
    >>> {name: round(value, 4) for name, value in fit(curves, law=power).parameters.items()}
    {'Linf': 2.0, 'A': 1.0, 'a': 0.5}
    """
    curves = (curves,) if isinstance(curves, Curve) else tuple(curves)
    if not curves or not all(isinstance(curve, Curve) for curve in curves):
        raise ValueError(f"curves must be one or more Curve, not {[type(curve).__name__ for curve in curves]}")
    if law == "default":
        law = default_law(curves)
    law = law if isinstance(law, Law) else LAWS[check_choice("law", law, ("default", *LAWS))]
    rows = sum(len(curve.loss) for curve in curves)
    if rows < len(law.parameter_names):
        names = ", ".join(law.parameter_names)
        raise ValueError(f"{rows} losses cannot fit the {len(law.parameter_names)} parameters of {law.name} ({names}): give more")
    if law.needs_norm and any(missing := [_unknown(curve) for curve in curves]):
        raise ValueError(f"{law.name} needs {next(filter(None, missing))} of every curve: give it, or use law={WITHOUT_NORM!r}")
    unit = 1.0 if law.raw_unit else float(np.exp(np.mean([np.log(curve.lr.max()) for curve in curves])))
    parameters, x = _solved(law, curves, _path(curves, unit, grain))
    return FittedLaw(law, parameters, unit, curves, x, grain)


def default_law(curves: Sequence[Curve]) -> str:
    """The law that `fit` takes by default, chosen by what the curves can identify (docs/laws.md has the evidence).

    "effective-power" if a curve does not give init_std and weight_decay, "norm-power" if all curves have about the same peak
    learning rate, "norm-stiff" if they do not: its extra physics shows only across peaks, and misleads without them.
    """
    if any(_unknown(curve) for curve in curves):
        return WITHOUT_NORM
    peaks = [curve.lr.max() for curve in curves]
    return ONE_PEAK if max(peaks) <= SAME_PEAK * min(peaks) else SEVERAL_PEAKS


def _solved(law: Law, curves: Sequence[Curve], path: Path, start: np.ndarray | None = None) -> tuple[dict[str, float], np.ndarray]:
    """Best parameters, and the shape coordinates that another search may start from."""
    point = Search(law, path, np.concatenate([curve.loss for curve in curves])).run(start)
    if not np.isfinite(point.value):
        raise ValueError(f"{law.name} gives no positive finite losses on these curves: leave out losses from before the first learning")
    shapes = [shape.value(v) for shape, v in zip(law.shapes, point.x, strict=True)]
    return dict(zip(law.parameter_names, [*point.coefficients.tolist(), *shapes], strict=True)), point.x


def _path(curves: Sequence[Curve], unit: float, grain: float) -> Path:
    return Path.of([(curve.lr, curve.step, curve.init_std, curve.weight_decay) for curve in curves], unit, grain)


def _unknown(curve: Curve) -> str | None:
    """Name of a setting that norm laws need and the curve does not give."""
    return next((name for name in ("init_std", "weight_decay") if getattr(curve, name) is None), None)
