"""What a configuration will execute: its values with the trainer's defaults put in, the learning rates, and the schedule that they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from lastiterate.schedules.configs.source import ConfigError
from lastiterate.schedules.from_lr import from_lr
from lastiterate.schedules.schedule import MOST_STEPS, Phase, Schedule


@dataclass(frozen=True)
class Form:
    """A warmup, a stable stretch and one decay, in counts s of updates made (as in `lastiterate.schedules.export.form`)."""

    warmup: int  # W
    start: float  # factor at s = 0
    begin: int  # S, where the decay starts from the peak
    steps: int  # N
    shape: str = "linear"
    final: float = 0.0
    power: float = 1.0

    def phases(self, total: int) -> tuple[Phase, ...]:
        """The phases of a run of `total` updates."""
        warmup = min(self.warmup, total)
        found = [Phase("warmup", warmup, "linear", self.start, 1.0, self.warmup)] if warmup else []
        decays = self.steps > 0
        stable = min(self.begin + 1 if decays else total, total) - warmup
        if stable > 0:
            found.append(Phase("stable", stable))
        left = total - warmup - max(stable, 0)
        if left and decays:
            down = min(left, self.steps)  # the last of them executes `final`
            found.append(Phase("decay", down, self.shape, 1.0, self.final, self.steps, 1, self.power))
            if left > down:
                found.append(Phase("stable", left - down, start=self.final))
        return tuple(found)


@dataclass(frozen=True)
class Config:
    """A trainer's configuration, read.

    Attributes
    ----------
    trainer : str
    values : dict
        The trainer's parameters that decide the learning rates, defaults put in.
    lr : ndarray, shape (T,)
        Learning rates of updates 1..T, by the trainer's rule in float64.
    known : Schedule or None
        The schedule, where the values say that it is a warmup, a stable stretch and one decay.
    notes : tuple of str
        What was not in the file, and traps of the trainer that it falls into.
    """

    trainer: str
    values: dict[str, Any]
    lr: np.ndarray
    known: Schedule | None
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule that the learning rates are, to 1e-12 of the peak: a warmup, the peak and a decay if they are that, else a table."""
        return self.known or from_lr(self.lr)


def config(trainer: str, values: dict[str, Any], lr: np.ndarray, form: Form | None, peak: float, notes: Sequence[str] = ()) -> Config:
    """The configuration with its schedule: that of `form` if it is the learning rates to 1e-12 of their largest, else what they are."""
    lr = np.asarray(lr, dtype=np.float64)
    if not (np.isfinite(lr).all() and (lr >= 0).all() and lr.any()):
        raise ConfigError("its learning rates are not positive numbers: the trainer could not run it")
    schedule, notes = None, list(notes)
    if form is not None and form.steps and 1 < form.begin + form.steps < lr.size - 1 and form.final < 1:
        end = form.begin + form.steps
        notes.append(f"the decay ends with update {end + 1}: the {lr.size - end - 1} after it run at {lr[-1]:g}")
    if form is not None:
        phases = form.phases(lr.size)
        name = "wsd" if any(phase.kind == "decay" for phase in phases) else "constant"
        found = Schedule(name, phases, peak)
        schedule = found if np.abs(found.lr - lr).max() <= 1e-12 * lr.max() else None
    lr.flags.writeable = False
    return Config(trainer, values, lr, schedule, tuple(notes))


def check_total(total: int) -> int:
    """The number of updates, if a run can have that many."""
    if not 1 <= total <= MOST_STEPS:
        raise ConfigError(f"the run would have {total} updates, expected 1 to {MOST_STEPS}")
    return total


def given_steps(stated: int | None, steps: int | None, name: str, why: str) -> int:
    """The updates of the run: the file's, or those given with --steps; ConfigError if neither says, or both do and differ."""
    given = steps if stated is None else stated
    if given is None:
        raise ConfigError(f"{why}: say how many updates the run makes with --steps N")
    if None not in (stated, steps) and stated != steps:
        raise ConfigError(f"{name} is {stated}, but --steps says {steps}: leave out --steps")
    return check_total(given)
