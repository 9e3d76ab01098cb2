"""From raw columns to a run: which update a row belongs to, what is not finite, what repeats, which learning rates were executed.

How rows count: `convention`. What a falling count means: `order`. When a run is taken for one that diverged: `divergence`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lastiterate.logs.convention import Convention, told_by_data
from lastiterate.logs.divergence import left_for_good
from lastiterate.logs.executed_lr import MAX_GAP, disagreement
from lastiterate.logs.limits import Limits
from lastiterate.logs.order import Disorder, parts
from lastiterate.logs.run_log import HISTORY_VALUES, LogError, RunLog
from lastiterate.schedules import Schedule

MAX_UPDATES = Limits().updates
VERSION = "taken for the row's own update, as transformers logs it since 4.51; before, it is the next update's: then say --lr-shift 1"
NORMS = ("grad_norm", "grad_norm_l1", "weight_norm_sq", "relative_update")
JUMP = 1.25  # from one logged learning rate to the next, after they had fallen
Series = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Stated:
    """What the caller knows better than the log: columns by role, the schedule, and the shifts of `convention`."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    schedule: Schedule | None = None
    step_shift: int | None = None
    lr_shift: int | None = None
    schedules: Mapping[str, Schedule] = field(default_factory=dict)  # by run id, or what follows its last "/"
    limits: Limits = field(default_factory=Limits)

    def schedule_of(self, run_id: str) -> Schedule | None:
        """The schedule stated for a run."""
        return self.schedules.get(run_id) or self.schedules.get(run_id.rsplit("/", 1)[-1]) or self.schedule

    def __post_init__(self):
        for name, shift in (("step_shift", self.step_shift), ("lr_shift", self.lr_shift)):
            if shift is not None and abs(shift) > self.limits.updates:
                flag = "--" + name.replace("_", "-")
                raise ValueError(f"{flag} {shift} must lie within {self.limits.updates} updates: it is how far the log's count is off")


def counted(file: str, where: str, values) -> np.ndarray:
    """A step column as int64; LogError unless it holds non-negative integers."""
    steps = np.asarray(values, np.float64)
    bad = ~(np.isfinite(steps) & (steps == np.rint(steps)) & (np.abs(steps) < 2**53) & (steps >= 0))
    if bad.any():
        first = int(np.argmax(bad))
        raise LogError(file, f"column {where!r}", f"row {first + 1} holds {steps[first]:g}; it must hold integers >= 0: it counts updates")
    return steps.astype(np.int64)


def assemble(
    file: str,
    run_id: str,
    log_format: str,
    columns: Mapping[str, Series],
    taken: Mapping[str, str],
    stated: Stated,
    convention: Convention,
    *,
    name: str | None = None,
    schedule: Schedule | None = None,
    lr_atol: float = 0.0,
    planned: int | None = None,
    **settings,
) -> RunLog:
    """The run of one log.

    Parameters
    ----------
    file, run_id, log_format : str
        For messages and tables.
    columns : mapping of role to (steps, values)
        As logged: steps int64, values float64 without the missing ones; rows in the log's order. Where the count of a role
        falls, its earlier rows from there on are left out (`order`); several runs in one series are an error.
    taken : mapping of role to the log's own name
    stated : Stated
        What the caller knows; its shifts overrule the convention.
    convention : Convention
    schedule : Schedule, optional
        The schedule if the log states it; the caller's overrules it.
    lr_atol : float
        How far rounding in the log may put a learning rate from the schedule's.
    planned : int, optional
        Updates that the trainer was to make, where the log tells.
    settings
        Further fields of the RunLog, such as `updates`, those that were made.

    Raises
    ------
    LogError
        If no series is left, or the stated schedule is not the one that was executed.
    """
    schedule = stated.schedule_of(run_id) or schedule
    taken = {role: taken[role] for role in ("step", "lr", *HISTORY_VALUES) if role in taken and (role in columns or role == "step")}
    run = RunLog(run_id, file, name or run_id, {}, schedule=schedule, log_format=log_format, taken=taken, **settings)
    shift_of = lambda role: convention.shift_of(role) if stated.step_shift is None else stated.step_shift
    if convention.why and stated.step_shift is None and (stated.lr_shift is None or convention.step_shift):
        run.note("step", convention.why)
    last = max((int(steps.max()) for steps, _ in columns.values() if steps.size), default=0)
    if last > (most := stated.limits.updates):
        expected = f"expected a count of updates (at most {most}): name it with --map step=COLUMN"
        raise LogError(file, f"run {run_id}", f"has a step {last}, {expected}, or raise the limit with --limit updates=N")
    if schedule and last > schedule.total_steps:
        raise LogError(file, f"run {run_id}", f"is logged up to step {last}, but the stated schedule has {schedule.total_steps} updates")
    for role in HISTORY_VALUES:
        if role in columns and columns[role][0].size:
            _add(run, role, _shifted(columns[role][0], shift_of(role)), columns[role][1])
    _zeros_beside_nan(run)
    if not run.series and not run.invalid:
        raise LogError(file, f"run {run_id}", f"has none of {', '.join(HISTORY_VALUES)} with a value: name one with --map")
    if not run.series and not any(role in run.invalid for role in ("train_loss", "val_loss")):
        raise LogError(file, f"run {run_id}", f"has no finite value in {', '.join(taken[role] for role in run.invalid)}")
    if run.total_steps < 1:
        raise LogError(file, f"run {run_id}", "holds nothing that was logged after an update, but only what was before the first")
    _note_start(run)
    _note_end(run)
    if "lr" in columns and columns["lr"][0].size:
        _add_lr(run, columns["lr"], convention, planned, stated.lr_shift, lr_atol)
    _note_left(run)
    if run.schedule:
        run.base_lr = run.base_lr or run.schedule.peak_lr
    return run


def _add(run: RunLog, role: str, steps: np.ndarray, values: np.ndarray) -> None:
    """A series: finite values by step, of repeated steps the last."""
    own = run.taken.get(role, role)
    if steps.min() < 0:
        raise LogError(run.file, f"run {run.run_id}", f"{own}: step {steps.min()} lies before the first update: correct --step-shift")
    steps, values = _unrepeated(run, own, steps, values)
    finite = np.isfinite(values)
    if role in NORMS and (values[finite] < 0).any():
        first = int(np.argmax(np.where(finite, values, 0) < 0))
        raise LogError(
            run.file, f"run {run.run_id}", f"{own} is {values[first]:g} at step {steps[first]}: a norm is >= 0; is it the logarithm of one?"
        )
    if not finite.all():
        run.invalid[role] = steps[~finite]
        run.note(own, f"{int((~finite).sum())} of {values.size} values are not finite, the first at step {steps[~finite][0]}: left out")
    if finite.any():
        run.series[role] = (steps, values) if finite.all() else (steps[finite], values[finite])


def _shifted(steps: np.ndarray, shift: int) -> np.ndarray:
    """Steps by the updates done; the same array where they are, since a log may have millions."""
    return steps + shift if shift else steps


def _zeros_beside_nan(run: RunLog) -> None:
    """A loss of exactly 0 beside a norm that is no number is none: Trainers that filter NaN write it so."""
    if "train_loss" not in run.series or "grad_norm" not in run.invalid:
        return
    steps, values = run.series["train_loss"]
    zero = (values == 0) & np.isin(steps, run.invalid["grad_norm"])
    if zero.any():
        own = run.taken.get("train_loss", "train_loss")
        run.note(own, f"is exactly 0 beside a norm that is NaN in {int(zero.sum())} rows: taken for NaN")
        run.invalid["train_loss"] = np.union1d(run.invalid.get("train_loss", np.empty(0, np.int64)), steps[zero])
        run.series["train_loss"] = steps[~zero], values[~zero]
        if zero.all():
            del run.series["train_loss"]


def _note_start(run: RunLog) -> None:
    """Note a log that begins late, as that of a run resumed from a checkpoint does."""
    if not run.series:
        return
    steps, _ = max(run.series.values(), key=lambda series: series[0].size)
    if steps.size > 1 and steps[0] > MAX_GAP * np.median(np.diff(steps)):
        run.note("history", f"begins at step {steps[0]}: what was logged before is not in this file")


def _note_end(run: RunLog) -> None:
    """Mark a run that diverged: its training loss (or validation loss, without one) is not finite at the end, or left its past."""
    losses = [role for role in ("train_loss", "val_loss") if role in run.series or role in run.invalid]
    for role in losses:
        lost, own = run.invalid.get(role, ()), run.taken.get(role, role)
        if len(lost) and (role not in run.series or (role == losses[0] and lost[-1] > run.series[role][0][-1])):
            run.diverged = True
            throughout = "throughout" if role not in run.series else f"at the end (step {lost[-1]})"
            run.note(own, f"is not finite {throughout}: the run is taken for one that diverged")
            return


def _note_left(run: RunLog) -> None:
    """Mark a run whose loss left its past for good, unless its learning rate had fallen and rose again meanwhile."""
    role = next((role for role in ("train_loss", "val_loss") if role in run.series or role in run.invalid), None)
    if role in run.series and not run.diverged:
        steps, values = run.series[role]
        best = left_for_good(values)
        if best is not None and not _rises_again(run, int(steps[best])):
            run.diverged = True
            run.note(
                run.taken.get(role, role),
                f"falls to {values[best]:.4g} at step {steps[best]}, ends at {values[-1]:.4g} and never comes back: the run is taken for "
                "one that diverged",
            )


def _rises_again(run: RunLog, since: int) -> bool:
    """Whether the learning rate, after it had fallen, rises by a tenth at least after an update."""
    if run.schedule:
        update, lr = np.arange(1, run.total_steps + 1), run.schedule.lr
    elif run.logged_lr:
        update, lr = run.logged_lr
    else:
        return False
    before, after = lr[update <= since], lr[update > since]
    return bool(before.size and after.size and before[-1] < 0.9 * before.max() and after.max() > 1.1 * before[-1])


def _add_lr(run: RunLog, logged: Series, convention: Convention, planned: int | None, stated_shift: int | None, atol: float) -> None:
    """The logged learning rates by the update that executed them, checked against the schedule if it is known."""
    own = run.taken.get("lr", "lr")
    steps, lr = _unrepeated(run, own, *logged)
    if stated_shift is None and run.schedule is None and np.isfinite(lr).all():
        convention, how = told_by_data(convention, steps, lr, planned or int(steps[-1]))
        if how or (convention.lr_from_0 and not convention.lr_certain):
            run.note(own, how or VERSION)
    lr_shift = convention.lr_shift if stated_shift is None else stated_shift
    update = _shifted(steps, lr_shift)
    inside = (update >= 1) & (update <= run.total_steps)  # such as the LR of update T + 1, which is never executed
    if not inside.all():
        after, rates = update[update > run.total_steps], lr[update > run.total_steps]
        update, lr = update[inside], lr[inside]
        flat = lr.size > 1 and lr[-1] == lr[-2] > 0
        if run.schedule is None and flat and rates.size and rates[0] == 0 and after[0] > update[-1] + 1:
            falls = f"it falls from {lr[-1]:.4g} at update {update[-1]} to 0 at {after[0]}, and nothing tells how"
            run.note(own, f"LR not known: {falls}: state the schedule")
            return
    bad = ~(np.isfinite(lr) & (lr >= 0))
    if bad.any():
        first = int(np.argmax(bad))
        raise LogError(run.file, f"run {run.run_id}", f"{own} is {lr[first]:g} at update {update[first]}, expected a finite number >= 0")
    if run.schedule:
        first = disagreement(run.schedule, update, lr, atol)
        if first is not None:
            raise LogError(run.file, f"run {run.run_id}", _differs(run, own, logged, update[first], lr[first], atol))
    elif update.size and lr.any():
        run.logged_lr = update, lr
        run.base_lr = run.base_lr or float(lr.max())
        _note_jump(run, own)
        if lr.max() == 1 and np.ptp(lr):
            run.note(own, "has a peak of 1, as a factor of the learning rate has: if it is one, multiply it by the base LR")
    else:
        run.note(own, "LR not known: no positive one of an executed update is in the log")


def _note_jump(run: RunLog, own: str) -> None:
    """Note a learning rate that jumps up after it had fallen, as where a schedule starts again."""
    update, lr = run.logged_lr
    up = np.flatnonzero((lr[1:] > JUMP * lr[:-1]) & (np.minimum.accumulate(lr)[:-1] < np.maximum.accumulate(lr)[:-1])) + 1
    if up.size and lr[up[0] - 1] < 0.999 * lr[: up[0]].max():
        at = up[0]
        jump = f"jumps from {lr[at - 1]:.4g} to {lr[at]:.4g} at update {update[at]}"
        run.note(own, f"{jump}: a schedule started again, or two runs in one log", doubt=True)


def _differs(run: RunLog, own: str, logged: Series, update: int, lr: float, atol: float) -> str:
    """Why the schedule is not the run's, and the shift under which it would be."""
    text = f"{own} is {lr:.6g} at update {update}, but the stated schedule has {run.schedule.lr[update - 1]:.6g}"
    for shift in (0, 1, -1):
        at = logged[0] + shift
        inside = (at >= 1) & (at <= run.total_steps)
        if inside.any() and disagreement(run.schedule, at[inside], logged[1][inside], atol) is None:
            return text + f": with --lr-shift {shift} they agree"
    return text + ": correct the schedule, or leave it out to take the log's"


def _unrepeated(run: RunLog, own: str, steps: np.ndarray, values: np.ndarray) -> Series:
    """In the order of their steps: abandoned rows left out, of rows with the same step the last."""
    if steps.size < 2 or (np.diff(steps) > 0).all():
        return steps, values
    try:
        found = parts(steps)
    except Disorder as error:
        raise LogError(run.file, f"column {own!r}", f"its count {error}: sort the rows, or name the runs with --map run_id=") from None
    if len(found) > 1:
        raise LogError(run.file, f"column {own!r}", f"its count falls back to its first value: rows of {len(found)} runs in one")
    for note in found[0].notes:
        run.note(own, note)
    steps, values = steps[found[0].rows], values[found[0].rows]
    last = np.append(np.diff(steps) > 0, True)
    if not last.all():
        run.note(own, f"{int((~last).sum())} rows repeat a step: the last of them counts")
        if own == run.taken.get("lr"):
            _one_run(run, own, steps, values)
    return steps[last], values[last]


def _one_run(run: RunLog, own: str, steps: np.ndarray, lr: np.ndarray) -> None:
    """LogError if rows of the same step hold different learning rates again and again: they are of several runs."""
    same = np.flatnonzero(np.diff(steps) == 0)
    differ = same[np.abs(lr[same + 1] - lr[same]) > 1e-6 * np.abs(lr[same])]
    if differ.size >= 3 and 2 * differ.size >= same.size:
        a, b = lr[differ[0]], lr[differ[0] + 1]
        message = f"is {a:.6g} and {b:.6g} in rows of step {steps[differ[0]]}: they are of several runs"
        raise LogError(run.file, f"column {own!r}", message + "; name the column that tells them apart with --map run_id=COLUMN")
