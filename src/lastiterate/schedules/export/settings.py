"""A schedule's settings for a trainer: exact, or the nearest that the trainer can execute, never silently other."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from lastiterate._checks import check_choice, check_number
from lastiterate.bound import tuned
from lastiterate.schedules.export import (
    axolotl,
    function,
    hf,
    levanter,
    llama_factory,
    llm_foundry,
    maxtext,
    megatron,
    megatron_bridge,
    nanochat,
    nanotron,
    olmo_core,
    optax,
    pytorch,
    torchtitan,
    trl,
)
from lastiterate.schedules.export.fit import fitted
from lastiterate.schedules.export.form import read
from lastiterate.schedules.export.versions import choose, holds_from
from lastiterate.schedules.from_lr import nearest_phases
from lastiterate.schedules.schedule import Schedule

TRAINERS: dict[str, ModuleType | function.Calls] = {
    "hf": hf,
    "megatron": megatron,
    "torchtitan": torchtitan,
    "olmo-core": olmo_core,
    "nanotron": nanotron,
    "levanter": levanter,
    "maxtext": maxtext,
    "optax": optax,
    "pytorch": pytorch,
    "megatron-bridge": megatron_bridge,
    "trl": trl,
    "axolotl": axolotl,
    "llama-factory": llama_factory,
    "nanochat": nanochat,
    "llm-foundry": llm_foundry,
    "composer": function.composer,
    "deepspeed": function.deepspeed,
    "lightning": function.lightning,
    "litgpt": function.litgpt,
    "timm": function.timm,
    "keras": function.keras,
    "modded-nanogpt": function.modded_nanogpt,
}
EXACT = 1e-12
TOLERANCE = 1e-9
LONGEST_VERDICT = 1_000_000  # updates up to which the bound of both is computed


@dataclass(frozen=True)
class Settings:
    """What to give a trainer, and what it will then execute.

    Attributes
    ----------
    trainer : str
        A key of `TRAINERS`.
    version : str
        The state of the trainer's settings that they were made for, by its first release; the last note says from which they hold.
    values : dict
        The trainer's own parameter names and their values (nested where its configuration is).
    text : str
        The same in the trainer's own format: Python, flags or YAML.
    notes : tuple of str
        Conventions and traps; a deviation of more than 1e-12 of the peak is always among them.
    lr : ndarray, shape (T,), float64, read-only
        Learning rates that the trainer executes in updates 1..T, by its own rule in its own arithmetic.
    deviation : float
        Largest difference between `lr` and the schedule's, as a fraction of the schedule's largest, that the rule makes:
        computed in float64.
    rounding : float
        What the trainer's own arithmetic adds to it: the largest difference between `lr` and the same rule in float64.
    exact : bool
        Whether `lr` is the schedule to 1e-12 of its largest learning rate, both as numbers of the trainer's arithmetic (the
        schedule's rounded to float32 where that is the trainer's).
    """

    trainer: str
    version: str
    values: dict[str, Any]
    text: str
    notes: tuple[str, ...]
    lr: np.ndarray
    deviation: float
    rounding: float
    exact: bool


class CannotExport(ValueError):
    """The trainer cannot execute the schedule; ``nearest`` holds the Settings that come nearest to it."""

    def __init__(self, message: str, nearest: Settings) -> None:
        super().__init__(message)
        self.nearest = nearest


def export(schedule: Schedule, trainer: str, tolerance: float = TOLERANCE, version: str | None = None, *, search: bool = True) -> Settings:
    """Settings with which a trainer executes the schedule: ``|lr_t - schedule.lr_t| <= tolerance max(schedule.lr)``.

    Parameters
    ----------
    schedule : Schedule
    trainer : str
        A key of `TRAINERS`.
    tolerance : float
        Accepted deviation of the trainer's rule, a fraction of the largest learning rate. The default, 1e-9, takes the first
        update of a published warmup (1e-10 of the peak) for the 0 of most trainers; deviations above 1e-12 are stated in the
        notes, and so is what the trainer's arithmetic adds (``rounding``), which is never a reason to refuse.
    version : str, optional
        The trainer's release that the settings are for, the newest by default.
    search : bool
        Whether a refusal comes with the nearest settings that a search finds, which takes up to a few seconds.

    Returns
    -------
    Settings

    Raises
    ------
    CannotExport
        (a ValueError) if the trainer cannot; the message says where it would deviate, why, and what comes nearest.
    ValueError
        For an unknown trainer or version.

    Source: the rules are the trainers' own, each in the head of its module.

    >>> from lastiterate.schedules import wsd
    >>> settings = export(wsd(1000, cooldown=0.2, decay_shape="1-sqrt", peak_lr=1e-3), "hf")
    >>> settings.values["lr_scheduler_kwargs"]
    {'num_stable_steps': 800, 'num_decay_steps': 200, 'min_lr_ratio': 0.0, 'decay_type': '1-sqrt'}
    >>> settings.exact
    True
    """
    check_number("tolerance", tolerance, "it is a fraction of the largest learning rate")
    found = nearest(schedule, trainer, version, tolerance, search=search)
    if found.deviation <= tolerance:
        return found
    adapter, reasons = TRAINERS[trainer], "; ".join(TRAINERS[trainer].limits(read(schedule), found.version))
    raise CannotExport(
        f"{adapter.TITLE} cannot execute this schedule: {where(found.lr, schedule.lr)}{': ' if reasons else ''}{reasons}. "
        f"The nearest that it can (nearest(schedule, {trainer!r}); on the command line --nearest):\n{found.text}",
        found,
    )


def check_version(trainer: str, version: str | None) -> str:
    """The release from which the settings for a trainer's `version` hold (the newest if that is None); ValueError if there is none."""
    adapter = TRAINERS[check_choice("trainer", trainer, tuple(TRAINERS))]
    return choose(adapter.TITLE, adapter.VERSIONS, version)


def nearest(
    schedule: Schedule, trainer: str, version: str | None = None, tolerance: float = TOLERANCE, *, after: int = 0, search: bool = True
) -> Settings:
    """Settings with which a trainer comes nearest to the schedule, by the largest deviation of an update (then the mean).

    Arguments and result as of `export`; nothing is refused: ``deviation`` and the notes say how near they come, in learning
    rates and by the bound, and ``lr`` is what the trainer would execute. Where the trainer's settings of the same form are off by
    more than `tolerance`, all its forms are fitted (`lastiterate.schedules.export.fit`). Only updates after the first `after`
    count: those are made already. `search=False` leaves the fit out: enough to know whether the trainer can.

    >>> from lastiterate.schedules import wsd
    >>> found = nearest(wsd(1000, cooldown=0.2, decay_shape="1-sqrt"), "olmo-core", version="2.5")
    >>> found.values["scheduler"], round(found.deviation, 2)
    ('WSD', 0.15)
    """
    version, adapter = check_version(trainer, version), TRAINERS[trainer]
    form, wanted = read(schedule), schedule.lr
    best: Any = None

    def take(values: dict[str, Any]) -> None:
        nonlocal best
        off = np.abs(adapter.executed(values, wanted.size) - wanted)[after:] / wanted[after:].max()
        key = (float(off.max()), float(off.mean()))
        if best is None or key < best[0]:
            best = (key, values)

    for values in adapter.candidates(form, version):
        take(values)
        if best[0][0] <= EXACT:
            break
    if best is None or (best[0][0] > EXACT and any(phase.shape == "table" for phase in form.phases)):
        form = read(nearest_phases(wanted))
        for values in adapter.candidates(form, version):
            take(values)
    if best is None or (search and best[0][0] > tolerance):
        for reach in getattr(adapter, "reaches", lambda version: [])(version):
            values = fitted(form, reach, wanted, lambda form: adapter.candidates(form, version), adapter.executed, after)
            if values is not None:
                take(values)
    return _settings(schedule, trainer, version, best[0][0], best[1], after)


def _settings(schedule: Schedule, trainer: str, version: str, deviation: float, values: dict[str, Any], after: int) -> Settings:
    """The settings under their notes: first whether they are the schedule, then the trainer's own, then its version."""
    adapter, wanted = TRAINERS[trainer], schedule.lr
    lr, rounding, notes = adapter.executed(values, wanted.size), 0.0, []
    if deviation > EXACT:
        notes.append(not_asked_for(lr[after:], wanted[after:], after))
    if single := getattr(adapter, "ARITHMETIC", np.float64) is np.float32:
        ruled, lr = lr, adapter.executed(values, wanted.size, np.float32)
        rounding = float(np.abs(lr - ruled)[after:].max() / wanted[after:].max())
        notes.append(_rounded(lr[after:], ruled[after:], after))
    own = wanted.astype(np.float32) if single else wanted
    exact = bool(np.abs(lr - own)[after:].max() <= EXACT * wanted[after:].max())
    lr.flags.writeable = False
    form = read(schedule)
    same = {one for one in adapter.VERSIONS if one == version or values in list(adapter.candidates(form, one))}
    notes += [*adapter.notes(form, values, version), holds_from(adapter.TITLE, adapter.VERSIONS, version, same)]
    return Settings(trainer, version, values, adapter.text(values), tuple(notes), lr, deviation, rounding, exact)


def _rounded(lr: np.ndarray, ruled: np.ndarray, before: int) -> str:
    """What float32 does to the learning rates: the most of the peak, and the most of a learning rate itself."""
    off = np.abs(lr - ruled)
    t, share = int(np.argmax(off)), np.divide(off, ruled, out=np.zeros_like(off), where=ruled > 0)
    u = int(np.argmax(share))
    if not off.any():
        return "computed in float32, which moves no learning rate"
    return (
        f"computed in float32, which moves learning rates by up to {off[t] / ruled.max():.2g} of the peak (update {before + t + 1}), "
        f"and update {before + u + 1} by {share[u]:.2g} of itself ({lr[u]:.9g} instead of {ruled[u]:.9g})"
    )


def not_asked_for(lr: np.ndarray, wanted: np.ndarray, before: int = 0) -> str:
    """The note that comes first on settings that are not the schedule: where they are off most, and what the bound says of both.

    `before` is the number of updates that were made before the first of these.
    """
    return f"not the schedule: {where(lr, wanted, before)}{_verdict(lr, wanted)}"


def where(lr: np.ndarray, wanted: np.ndarray, before: int = 0) -> str:
    """Where and by how much `lr` deviates most."""
    t = int(np.argmax(np.abs(lr - wanted)))
    share = abs(lr[t] - wanted[t]) / wanted.max()
    return f"update {before + t + 1} would run at {lr[t]:.6g} instead of {wanted[t]:.6g} ({share:.3g} of the peak)"


def _verdict(lr: np.ndarray, wanted: np.ndarray) -> str:
    """The bound of both, each at its best base learning rate and up to its last update that moves."""
    if wanted.size > LONGEST_VERDICT or not lr.any():
        return ""
    own, asked = (tuned(np.trim_zeros(rates, "b")).value for rates in (lr, wanted))
    return f"; the tuned bound is {own:.6g} instead of {asked:.6g} ({own / asked - 1:+.2%})"
