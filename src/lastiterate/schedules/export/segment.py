"""Part of a run as settings of its own: what is left after an update, and a schedule as several runs that follow each other.

A trainer that knows a warmup, a stable stretch and one decay cannot execute two stages, but it can execute each: the second run
goes on from the checkpoint of the first, with other settings. All trainers here but one count on where the checkpoint ended (so
the settings are functions of the whole run's count, and what they would have executed before does not matter); how each of them treats the
state that it loads is in `resume`.
"""

from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from lastiterate._checks import check_number, check_steps
from lastiterate.schedules.export.form import read
from lastiterate.schedules.export.resume import Resume, resume
from lastiterate.schedules.export.settings import EXACT, TOLERANCE, TRAINERS, CannotExport, Settings, export, nearest, not_asked_for, where
from lastiterate.schedules.from_lr import from_lr
from lastiterate.schedules.schedule import Phase, Schedule

SHIFTS = {"nanotron": 1}  # updates by which a trainer's count is ahead after a resume
MOST = 20
NEAREST = ". The nearest that it can"


@dataclass(frozen=True)
class Segment:
    """Updates `first_update` .. `last_update` (1-based) of a run as settings, and what to do with the checkpoint before them.

    ``settings.lr`` has the learning rates of these updates only, and ``settings.deviation`` is a fraction of their largest.
    `resume` is None where the segment begins the run, and `reason` says why the trainer cannot execute it, if it cannot.
    """

    first_update: int
    last_update: int
    settings: Settings
    resume: Resume | None
    reason: str | None = None


def rest(schedule: Schedule, step: int) -> Schedule:
    """A schedule that executes the same learning rates after update `step`, and before it none that would complicate it.

    The phase of update step + 1 is kept whole; what lies before that is one constant stretch at the level where it starts.

    >>> from lastiterate.schedules import two_stage
    >>> found = rest(two_stage(100, 60, 0.5, 0.2, peak_lr=2.0), 60)
    >>> [(phase.kind, phase.steps) for phase in found.phases], found.peak_lr
    ([('stable', 81), ('decay', 19)], 1.0)

    Raises
    ------
    ValueError
        If no update is left, or all that are left have learning rate 0.
    """
    step = check_steps("from_step", step, 0, "it counts the updates made before")
    total = schedule.total_steps
    if step >= total:
        raise ValueError(f"from_step={step} leaves nothing of total_steps={total}: give an earlier step")
    if not schedule.lr[step:].any():
        raise ValueError(f"from_step={step}: all learning rates after it are 0, so there is no run to continue")
    if step == 0:
        return schedule
    ends = list(accumulate(phase.steps for phase in schedule.phases))
    index = next(i for i, end in enumerate(ends) if end > step)
    first, begin = schedule.phases[index], ends[index] - schedule.phases[index].steps
    if first.shape == "table":
        return from_lr(np.concatenate([np.full(step, schedule.lr[step]), schedule.lr[step:]]))
    kept = list(schedule.phases[index:])
    if begin:
        level = float(first.factors()[0]) if first.shape == "inverse_sqrt" else first.start
        if first.shape == "constant":
            kept[0] = replace(first, kind="stable", steps=first.steps + begin)
        else:
            kept.insert(0, Phase("stable", begin, start=level))
    scale = max(max(phase.start, float(phase.factors().max())) for phase in kept if phase.steps)
    return Schedule(schedule.name, tuple(_scaled(phase, scale) for phase in kept if phase.steps), schedule.peak_lr * scale)


def _scaled(phase: Phase, scale: float) -> Phase:
    return replace(phase, start=phase.start / scale, end=phase.end / scale, values=tuple(value / scale for value in phase.values))


def until(schedule: Schedule, step: int) -> Schedule:
    """The schedule cut after update `step`."""
    phases, left = [], step
    for phase in schedule.phases:
        phases.append(replace(phase, steps=min(phase.steps, left)))
        left -= phases[-1].steps
    return replace(schedule, phases=tuple(phase for phase in phases if phase.steps))


def export_rest(
    schedule: Schedule,
    trainer: str,
    from_step: int,
    tolerance: float = TOLERANCE,
    *,
    take_nearest: bool = False,
    version: str | None = None,
    old_peak: float | None = None,
) -> Segment:
    """Settings for the updates after `from_step` of a run that goes on from the checkpoint written there.

    Parameters
    ----------
    schedule : Schedule
        Of the whole run, what was executed before included.
    trainer, tolerance, version
        As in `export`; the deviation is measured on the updates that are left.
    from_step : int
        Updates made before the checkpoint; the first update of the segment is from_step + 1.
    take_nearest : bool
        Take the nearest settings instead of raising `CannotExport`.
    old_peak : float, optional
        Peak of the settings that the checkpoint was made with; by default the largest learning rate before it.

    Raises
    ------
    CannotExport, ValueError
        As in `export`, and if nothing is left to run.

    >>> from lastiterate.schedules import two_stage
    >>> found = export_rest(two_stage(9000, 6000, 0.5, 0.2, peak_lr=2e-3), "hf", 6000)
    >>> found.first_update, found.settings.exact, found.settings.values["learning_rate"]
    (6001, True, 0.001)
    >>> found.settings.values["lr_scheduler_kwargs"]["num_stable_steps"]
    7200
    """
    check_number("tolerance", tolerance, "it is a fraction of the largest learning rate")
    own = rest(schedule, from_step)
    if from_step == 0:
        try:
            return Segment(1, schedule.total_steps, export(schedule, trainer, tolerance, version), None)
        except CannotExport as error:
            if not take_nearest:
                raise
            return Segment(1, schedule.total_steps, error.nearest, None, _without_text(error))
    shift, total, moved = SHIFTS.get(trainer, 0), schedule.total_steps, _moved(own, trainer)
    found = nearest(moved, trainer, version, tolerance, after=from_step + shift)
    wanted, lr = schedule.lr[from_step:], found.lr[from_step + shift :]
    deviation = found.deviation
    notes = [note for note in found.notes if not note.startswith("not the schedule")]
    values, text = found.values, found.text
    if shift:
        values = values | {"tokens": values["tokens"] | {"train_steps": total}}
        text = TRAINERS[trainer].text(values)
    old_peak = float(schedule.lr[:from_step].max()) if old_peak is None else old_peak
    after = resume(trainer, from_step, float(wanted[0]), own.peak_lr, old_peak, values)
    text += after.ending
    notes.insert(0, f"settings of updates {from_step + 1} to {total}, for a run that goes on from the checkpoint after update {from_step}")
    if deviation > EXACT:
        notes.insert(0, not_asked_for(lr, wanted, from_step))
    settings = replace(found, values=values, text=text, notes=(*notes, *after.notes), lr=lr, deviation=deviation)
    if deviation > tolerance:
        reasons = "; ".join([where(lr, wanted, from_step), *TRAINERS[trainer].limits(read(moved), found.version)])
        refusal = CannotExport(
            f"{TRAINERS[trainer].TITLE} cannot execute updates {from_step + 1} to {total}: {reasons}{NEAREST} (on the command line "
            f"--nearest):\n{text}",
            settings,
        )
        if not take_nearest:
            raise refusal
        return Segment(from_step + 1, total, settings, after, _without_text(refusal))
    return Segment(from_step + 1, total, settings, after)


def _without_text(error: CannotExport) -> str:
    return str(error).partition(NEAREST)[0]


def _moved(own: Schedule, trainer: str) -> Schedule:
    """The rest as the trainer's own count sees it after a resume."""
    shift = SHIFTS.get(trainer, 0)
    return replace(own, phases=(Phase("stable", shift, start=own.phases[0].start), *own.phases)) if shift else own


def _executes(schedule: Schedule, trainer: str, begin: int, tolerance: float, version: str | None) -> bool:
    """Whether the trainer executes the rest after update `begin` at once."""
    own = _moved(rest(schedule, begin), trainer) if begin else schedule
    after = begin + SHIFTS.get(trainer, 0) if begin else 0
    return nearest(own, trainer, version, tolerance, after=after, search=False).deviation <= tolerance


def segments(schedule: Schedule, trainer: str, tolerance: float = TOLERANCE, version: str | None = None) -> list[Segment]:
    """The schedule as runs that follow each other, as few as the trainer can execute, cut where its phases meet.

    Arguments and errors as in `export_rest`; ValueError if it would take more than 20 of them.

    >>> from lastiterate.schedules import two_stage
    >>> [(part.first_update, part.last_update) for part in segments(two_stage(9000, 6000, 0.5, 0.2), "hf")]
    [(1, 6000), (6001, 9000)]
    """
    ends = sorted({end for end in accumulate(phase.steps for phase in schedule.phases) if end})
    found, begin, peak = [], 0, None
    while begin < schedule.total_steps:
        later = [end for end in ends if end > begin]
        able = [end for end in later if _executes(until(schedule, end), trainer, begin, tolerance, version)]
        end = able[-1] if able else later[0]  # which is then refused
        part = until(schedule, end)
        found.append(export_rest(part, trainer, begin, tolerance, version=version, old_peak=peak))
        begin, peak = end, rest(part, begin).peak_lr
        if len(found) > MOST:
            raise ValueError(f"{TRAINERS[trainer].TITLE} would need more than {MOST} runs for this schedule: use one that it can execute")
    return found
