"""A schedule's settings for a trainer: exact, or the nearest that the trainer can execute, never silently other."""

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from lastiterate._checks import check_choice, check_number
from lastiterate.schedules.export import hf, levanter, maxtext, megatron, nanotron, olmo_core, optax, pytorch, torchtitan
from lastiterate.schedules.export.form import read
from lastiterate.schedules.schedule import Schedule

TRAINERS: dict[str, ModuleType] = {
    "hf": hf,
    "megatron": megatron,
    "torchtitan": torchtitan,
    "olmo-core": olmo_core,
    "nanotron": nanotron,
    "levanter": levanter,
    "maxtext": maxtext,
    "optax": optax,
    "pytorch": pytorch,
}
EXACT = 1e-12
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Settings:
    """What to give a trainer, and what it will then execute.

    Attributes
    ----------
    trainer : str
        A key of `TRAINERS`.
    values : dict
        The trainer's own parameter names and their values (nested where its configuration is).
    text : str
        The same in the trainer's own format: Python, flags or YAML.
    notes : tuple of str
        Conventions and traps; a deviation of more than 1e-12 of the peak is always among them.
    lr : ndarray, shape (T,), float64, read-only
        Learning rates that the trainer executes in updates 1..T, by its own rule.
    deviation : float
        Largest difference between `lr` and the schedule's, as a fraction of the schedule's largest.
    """

    trainer: str
    values: dict
    text: str
    notes: tuple[str, ...]
    lr: np.ndarray
    deviation: float

    @property
    def exact(self) -> bool:
        """Whether the trainer executes the schedule to 1e-12 of its largest learning rate."""
        return self.deviation <= EXACT


class CannotExport(ValueError):
    """The trainer cannot execute the schedule; ``nearest`` holds the Settings that come nearest to it."""

    def __init__(self, message: str, nearest: Settings):
        super().__init__(message)
        self.nearest = nearest


def export(schedule: Schedule, trainer: str, tolerance: float = TOLERANCE) -> Settings:
    """Settings with which a trainer executes the schedule: ``|lr_t - schedule.lr_t| <= tolerance max(schedule.lr)``.

    Parameters
    ----------
    schedule : Schedule
    trainer : str
        A key of `TRAINERS`.
    tolerance : float
        Accepted deviation, a fraction of the largest learning rate. The default, 1e-9, takes the first update of a
        published warmup (1e-10 of the peak) for the 0 of most trainers; deviations above 1e-12 are stated in the notes.

    Returns
    -------
    Settings

    Raises
    ------
    CannotExport
        (a ValueError) if the trainer cannot; the message says where it would deviate, why, and what comes nearest.
    ValueError
        For an unknown trainer.

    Source: the rules are the trainers' own, each in the head of its module.

    >>> from lastiterate.schedules import wsd
    >>> settings = export(wsd(1000, cooldown=0.2, decay_shape="1-sqrt", peak_lr=1e-3), "hf")
    >>> settings.values["lr_scheduler_kwargs"]
    {'num_stable_steps': 800, 'num_decay_steps': 200, 'min_lr_ratio': 0.0, 'decay_type': '1-sqrt'}
    >>> settings.exact
    True
    """
    check_number("tolerance", tolerance, "it is a fraction of the largest learning rate")
    found = nearest(schedule, trainer)
    if found.deviation <= tolerance:
        return found
    adapter, reasons = TRAINERS[trainer], "; ".join(TRAINERS[trainer].limits(read(schedule)))
    raise CannotExport(
        f"{adapter.TITLE} cannot execute this schedule: {_deviation(found.lr, schedule.lr)}{': ' if reasons else ''}{reasons}. "
        f"The nearest that it can (nearest(schedule, {trainer!r}); on the command line --nearest):\n{found.text}",
        found,
    )


def nearest(schedule: Schedule, trainer: str) -> Settings:
    """Settings with which a trainer comes nearest to the schedule, by the largest deviation of an update (then the mean).

    Arguments and result as of `export`; nothing is refused: ``deviation`` and the notes say how near they come, and ``lr``
    is what the trainer would execute.

    >>> from lastiterate.schedules import wsd
    >>> found = nearest(wsd(1000, cooldown=0.2, decay_shape="1-sqrt"), "olmo-core")
    >>> found.values["scheduler"], round(found.deviation, 2)
    ('WSD', 0.25)
    """
    adapter = TRAINERS[check_choice("trainer", trainer, tuple(TRAINERS))]
    form, scale = read(schedule), schedule.lr.max()
    best = None
    for values in adapter.candidates(form):
        lr = adapter.executed(values, schedule.total_steps)
        off = np.abs(lr - schedule.lr) / scale
        key = (float(off.max()), float(off.mean()))
        if best is None or key < best[0]:
            best = (key, values, lr)
        if key[0] <= EXACT:
            break
    (deviation, _), values, lr = best
    lr.flags.writeable = False
    notes = list(adapter.notes(form, values))
    if deviation > EXACT:
        notes.insert(0, f"not the schedule: {_deviation(lr, schedule.lr)}")
    return Settings(trainer, values, adapter.text(values), tuple(notes), lr, deviation)


def _deviation(lr: np.ndarray, wanted: np.ndarray) -> str:
    """Where and by how much `lr` deviates most."""
    t = int(np.argmax(np.abs(lr - wanted)))
    return f"update {t + 1} would run at {lr[t]:.6g} instead of {wanted[t]:.6g} ({abs(lr[t] - wanted[t]) / wanted.max():.3g} of the peak)"
