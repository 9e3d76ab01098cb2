"""A schedule is a tuple of integer phases; its truth is the vector of learning rates executed by updates 1..T."""

import json
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_choice, check_keys, check_number, check_reals, check_steps
from lastiterate.schedules.shapes import SHAPES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_STEPS = 10**8  # a schedule holds the learning rate of every update
PHASE_KINDS = ("warmup", "stable", "transition", "decay")


@dataclass(frozen=True)
class Phase:
    """Consecutive updates that follow one shape.

    The j-th update of the phase (j = 1..steps) sits at ``position = offset + j - 1`` and executes the factor
    ``shape(position; start, end, span)`` of the peak: `start` at position 0, `end` at position `span`.

    Parameters
    ----------
    kind : {"warmup", "stable", "transition", "decay"}
        What the phase is for; it decides which of the schedule's step counts it enters.
    steps : int
        Number of updates executed, at least 0.
    shape : str
        A key of `lastiterate.schedules.SHAPES`.
    start, end : float
        Factors of the peak learning rate (no unit) at positions 0 and `span`.
    span : int
        Number of intervals between `start` and `end`.
    offset : int
        Position of the first executed update: 0 if it executes `start`, 1 if it already moved on.
    power : float
        Exponent of the shape "power"; ignored by the others.
    values : tuple of float
        Factors of the peak, for the shape "table" only; at least ``offset + steps`` of them.

    Raises
    ------
    ValueError
        If a field is out of range; the message names it.
    """

    kind: str
    steps: int
    shape: str = "constant"
    start: float = 1.0
    end: float = 1.0
    span: int = 1
    offset: int = 0
    power: float = 1.0
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, PHASE_KINDS)
        check_choice("shape", self.shape, tuple(SHAPES))
        check_steps("steps", self.steps, 0, "it counts the updates of the phase")
        check_steps("span", self.span, 1, "it counts the intervals from start to end")
        check_steps("offset", self.offset, 0, "it is the position of the first update")
        check_number("start", self.start, "it is a factor of the peak learning rate")
        check_number("end", self.end, "it is a factor of the peak learning rate")
        check_number("power", self.power, "it is the exponent of the decay", open_low=True)
        object.__setattr__(self, "values", tuple(self.values))
        if (self.shape == "table") != bool(self.values) or (self.values and len(self.values) < self.offset + self.steps):
            raise ValueError(
                f"values has {len(self.values)} factors, expected {self.offset + self.steps}: a table needs one for each update up to "
                "its last, other shapes none"
            )
        if self.shape == "exponential" and not (self.start > 0 and self.end > 0):
            raise ValueError(f"final_lr_ratio={self.end:g} must be positive for an exponential decay: it never reaches 0")

    def factors(self) -> np.ndarray:
        """Factors of the peak that the phase's updates execute, shape (steps,), float64."""
        return SHAPES[self.shape](self.offset + np.arange(self.steps), self)


@dataclass(frozen=True)
class Schedule:
    """A learning-rate schedule: ``lr[t-1] = peak_lr * factor of update t``, t = 1..T.

    Parameters
    ----------
    name : str
        Family, for labels and selections ("wsd", "cosine", ...).
    phases : tuple of Phase
        In the order in which they are executed.
    peak_lr : float
        Multiplies every factor; the base learning rate gamma of the papers. Unit: that of the learning rate.

    Attributes
    ----------
    lr : ndarray, shape (T,), float64, read-only
        Learning rates executed by updates 1..T (0-based: ``lr[0]`` belongs to update 1).

    Raises
    ------
    ValueError
        If there is no update, or a learning rate is negative or not finite, or all are zero.

    Source: the phase vocabulary is this project's own; the constructors name their sources.

    >>> from lastiterate.schedules import wsd
    >>> s = wsd(5, cooldown=0.5)
    >>> s.lr.round(3).tolist(), s.stable_steps, s.decay_steps
    ([1.0, 1.0, 1.0, 0.667, 0.333], 3, 2)
    >>> Schedule.from_json(s.to_json()) == s
    True
    """

    name: str
    phases: tuple[Phase, ...]
    peak_lr: float = 1.0

    def __post_init__(self) -> None:
        check_number("peak_lr", self.peak_lr, "it is the largest learning rate of the run", open_low=True)
        total = check_steps("total_steps", self.total_steps, 1, "a schedule needs at least one update")
        if total > MOST_STEPS:
            raise ValueError(f"total_steps={total} exceeds {MOST_STEPS}, a GB of learning rates: count updates, not tokens or samples")
        check_lr(self.lr, "the schedule's learning rates")

    @cached_property
    def lr(self) -> np.ndarray:
        """Learning rates executed by updates 1..T, shape (T,), float64, read-only."""
        lr = self.peak_lr * np.concatenate([phase.factors() for phase in self.phases])
        lr.flags.writeable = False
        return lr

    @property
    def total_steps(self) -> int:
        """Number of updates T (the horizon)."""
        return sum(phase.steps for phase in self.phases)

    @property
    def warmup_steps(self) -> int:
        """Updates executed in warmup phases."""
        return self._steps_of("warmup")

    @property
    def stable_steps(self) -> int:
        """Updates executed in stable phases."""
        return self._steps_of("stable")

    @property
    def decay_steps(self) -> int:
        """Updates executed in decay phases."""
        return self._steps_of("decay")

    @property
    def decay_shape(self) -> str | None:
        """Shape of the last decay phase, or None if there is none."""
        return next((phase.shape for phase in reversed(self.phases) if phase.kind == "decay"), None)

    def with_peak_lr(self, peak_lr: float) -> "Schedule":
        """The same phases under another peak learning rate (positive; ValueError otherwise)."""
        return replace(self, peak_lr=peak_lr)

    def plot(self, ax: "Axes | None" = None, **options: Any) -> "Axes":
        """Draw the learning rate against the update, 1..T; needs matplotlib (extra `plan`).

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure of pyplot's.
        **options
            Of `matplotlib.axes.Axes.plot` (``color``, ``label``, ...); the label is the schedule's name by default.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed; the message is the command that installs it.
        """
        from lastiterate.schedules.plot import plot_lr

        return plot_lr(self.lr, ax, **{"label": self.name, **options})

    def to_json(self) -> str:
        """Phases as JSON, the form stored in the `schedule` column of the `runs` table."""
        defaults = {f.name: f.default for f in fields(Phase) if f.name != "shape"}
        phases = [{k: v for k, v in vars(phase).items() if k not in defaults or v != defaults[k]} for phase in self.phases]
        return json.dumps({"name": self.name, "peak_lr": self.peak_lr, "phases": phases})

    @classmethod
    def from_json(cls, text: str) -> "Schedule":
        """Inverse of `to_json`; ValueError if a field is missing or out of range."""
        try:
            data = json.loads(text)
            _check_json(data)
            return cls(data["name"], tuple(Phase(**phase) for phase in data["phases"]), data["peak_lr"])
        except (TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"schedule {text[:80]!r} is not the JSON that Schedule.to_json writes: {error}") from error

    def _steps_of(self, kind: str) -> int:
        return sum(phase.steps for phase in self.phases if phase.kind == kind)


LearningRates: TypeAlias = Schedule | ArrayLike  # of updates 1..T: a Schedule, or an array-like of shape (T,)


def _check_json(data: dict[str, Any]) -> None:
    """ValueError for a key that is missing or, in a phase, not known; beside those of the schedule there may be others."""
    for key in ("name", "phases", "peak_lr"):
        if key not in data:
            other = [name for name in data if name not in ("name", "phases", "peak_lr")]
            near = get_close_matches(key, other, 1) or get_close_matches("family", other, 1)
            meant = f", but {near[0]!r}, which may be meant" if near else ""
            raise ValueError(f"schedule: has no {key!r}{meant}: it takes name, phases and peak_lr, or family and its arguments")
    known = [field.name for field in fields(Phase)]
    for number, phase in enumerate(data["phases"], start=1):
        check_keys(f"schedule: phase {number}", phase, known, ("kind", "steps"))


def check_lr(lr: LearningRates, what: str = "lr") -> np.ndarray:
    """Return `lr` as a float64 vector of non-negative, finite learning rates that are not all zero.

    Accepts anything with an ``.lr`` (a Schedule) or an array-like of shape (T,), T >= 1. Raises ValueError that
    names the first bad value and its 1-based update.
    """
    vector = check_reals(what, getattr(lr, "lr", lr))
    if vector.ndim != 1 or vector.size == 0:
        raise ValueError(f"{what} has shape {vector.shape}, expected (T,) with T >= 1: one learning rate for each update")
    bad = ~(np.isfinite(vector) & (vector >= 0))
    if bad.any():
        t = int(np.argmax(bad))
        raise ValueError(f"{what}: update {t + 1} has {vector[t]:g}, expected a finite number >= 0: check the schedule there")
    if not vector.any():
        raise ValueError(f"{what}: all {vector.size} values are 0, expected at least one positive: such a run never moves")
    return vector
