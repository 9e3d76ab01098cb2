"""From raw columns to a run: which update a row belongs to, what is not finite, what repeats, which learning rates were executed.

The row of logged step k was written after update ``k + step_shift``, and the learning rate in it is that of update
``k + lr_shift``. Trainers differ in both; each format says what its own are and why. For tables of unknown origin:
steps that start at 0 count from 0 (both shifts are 1), and so do steps that lie one before the multiples of their own
interval beside an `epoch` (Lightning's: 49, 99, ...); else a step is the number of updates done (both shifts are 0).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lastiterate.logs.executed_lr import MAX_GAP, disagreement, executed_lr
from lastiterate.logs.run_log import HISTORY_VALUES, LogError, RunLog
from lastiterate.schedules import Schedule

MAX_UPDATES = 20_000_000  # more than any run has; a larger step counts tokens or samples
Series = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Stated:
    """What the caller knows better than the log: columns by role, the schedule, and the shifts of the module's docstring."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    schedule: Schedule | None = None
    step_shift: int | None = None
    lr_shift: int | None = None
    schedules: Mapping[str, Schedule] = field(default_factory=dict)  # by run id, or what follows its last "/"

    def schedule_of(self, run_id: str) -> Schedule | None:
        """The schedule stated for a run."""
        return self.schedules.get(run_id) or self.schedules.get(run_id.rsplit("/", 1)[-1]) or self.schedule

    def __post_init__(self):
        for name, shift in (("step_shift", self.step_shift), ("lr_shift", self.lr_shift)):
            if shift is not None and abs(shift) > MAX_UPDATES:
                raise ValueError(f"{name}={shift} must lie within {MAX_UPDATES} updates: it is how far the log's count is off")


@dataclass(frozen=True)
class Convention:
    """How a format counts, and its reason in words (None: nothing to say)."""

    step_shift: int
    lr_shift: int
    why: str | None = None


def convention_of(step_name: str, train_steps: np.ndarray, epoch: bool) -> Convention:
    """The convention of a table of unknown origin.

    Parameters
    ----------
    step_name : str
        The step column's name: two of them tell the trainer.
    train_steps : ndarray of int
        Steps of the rows that training wrote, not validation; non-empty.
    epoch : bool
        Whether the log has an epoch as well.

    >>> convention_of("step", np.array([49, 99, 149]), epoch=True).step_shift
    1
    """
    first, common = int(train_steps.min()), int(np.gcd.reduce(train_steps + 1))
    if step_name == "train/global_step":  # Hugging Face's callbacks write the number of updates done
        return Convention(0, 0)
    if step_name == "trainer/global_step":  # Lightning's W&B logger
        return Convention(1, 1, f"{step_name} counts from 0: step k is taken for update k + 1")
    if step_name == "iter" and first == 0:  # nanoGPT: evaluation before update iter + 1, with that update's learning rate
        return Convention(0, 1, f"{step_name} is taken for the updates done, and the LR beside it for the next update's, as in nanoGPT")
    if first == 0:
        return Convention(1, 1, f"{step_name} starts at 0: step k is taken for update k + 1")
    if epoch and common > 1 and np.unique(train_steps).size > 1:
        why = f"every {step_name} lies one before a multiple of {common}, as Lightning's: step k is taken for update k + 1"
        return Convention(1, 1, why)
    return Convention(0, 0)


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
    **settings,
) -> RunLog:
    """The run of one log.

    Parameters
    ----------
    file, run_id, log_format : str
        For messages and tables.
    columns : mapping of role to (steps, values)
        As logged: steps int64, values float64 without the missing ones; rows in the log's order.
    taken : mapping of role to the log's own name
    stated : Stated
        What the caller knows; its shifts overrule the convention.
    convention : Convention
    schedule : Schedule, optional
        The schedule if the log states it; the caller's overrules it.
    lr_atol : float
        How far rounding in the log may put a learning rate from the schedule's.
    settings
        Further fields of the RunLog.

    Raises
    ------
    LogError
        If no series is left, or the stated schedule is not the one that was executed.
    """
    step_shift = convention.step_shift if stated.step_shift is None else stated.step_shift
    lr_shift = convention.lr_shift if stated.lr_shift is None else stated.lr_shift
    schedule = stated.schedule_of(run_id) or schedule
    taken = {role: taken[role] for role in ("step", "lr", *HISTORY_VALUES) if role in taken and (role in columns or role == "step")}
    run = RunLog(run_id, file, name or run_id, {}, schedule=schedule, log_format=log_format, taken=taken, **settings)
    if convention.why and stated.step_shift is None and stated.lr_shift is None:
        run.note("step", convention.why)
    last = max((int(steps.max()) for steps, _ in columns.values() if steps.size), default=0)
    if last > MAX_UPDATES:
        raise LogError(file, f"run {run_id}", f"has a step {last}, expected a count of updates (at most {MAX_UPDATES}): map step to it")
    if schedule and last > schedule.total_steps:
        raise LogError(file, f"run {run_id}", f"is logged up to step {last}, but the stated schedule has {schedule.total_steps} updates")
    for role in HISTORY_VALUES:
        if role in columns and columns[role][0].size:
            _add(run, role, columns[role][0] + step_shift, columns[role][1])
    if not run.series and not run.invalid:
        raise LogError(
            file, f"run {run_id}", f"has none of {', '.join(HISTORY_VALUES)} with a value: say in the mapping which columns they are"
        )
    if not run.series:
        raise LogError(file, f"run {run_id}", f"has no finite value in {', '.join(taken[role] for role in run.invalid)}")
    _note_start(run)
    _note_end(run)
    if "lr" in columns and columns["lr"][0].size:
        _add_lr(run, columns["lr"], lr_shift, lr_atol)
    if run.schedule:
        run.base_lr = run.base_lr or run.schedule.peak_lr
    return run


def _add(run: RunLog, role: str, steps: np.ndarray, values: np.ndarray) -> None:
    """A series: finite values by step, of repeated steps the last."""
    own = run.taken.get(role, role)
    if steps.min() < 0:
        raise LogError(run.file, f"run {run.run_id}", f"{own}: step {steps.min()} lies before the first update: correct step_shift")
    steps, values = _unrepeated(run, own, steps, values)
    finite = np.isfinite(values)
    if not finite.all():
        run.invalid[role] = steps[~finite]
        run.note(own, f"{int((~finite).sum())} of {values.size} values are not finite, the first at step {steps[~finite][0]}: left out")
    if finite.any():
        run.series[role] = steps[finite], values[finite]


def _note_start(run: RunLog) -> None:
    """Note a log that begins late, as that of a run resumed from a checkpoint does."""
    steps, _ = max(run.series.values(), key=lambda series: series[0].size)
    if steps.size > 1 and steps[0] > MAX_GAP * np.median(np.diff(steps)):
        run.note("history", f"begins at step {steps[0]}: what was logged before is not in this file")


def _note_end(run: RunLog) -> None:
    """A run whose training loss (or validation loss, where it logs no other) is not finite at the end diverged."""
    role = next((role for role in ("train_loss", "val_loss") if role in run.series or role in run.invalid), None)
    lost = run.invalid.get(role, ())
    if len(lost) and (role not in run.series or lost[-1] > run.series[role][0][-1]):
        run.diverged = True
        run.note(run.taken.get(role, role), f"is not finite at the end (step {lost[-1]}): the run is taken for one that diverged")


def _add_lr(run: RunLog, logged: Series, lr_shift: int, atol: float) -> None:
    """The logged learning rates by the update that executed them, checked against the schedule if it is known."""
    own = run.taken.get("lr", "lr")
    update, lr = _unrepeated(run, own, logged[0] + lr_shift, logged[1])
    inside = (update >= 1) & (update <= run.total_steps)  # such as the LR of update T + 1, which is never executed
    update, lr = update[inside], lr[inside]
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
        note = executed_lr(update, lr, run.total_steps)[2]
        run.base_lr = run.base_lr or float(lr.max())
        if note:
            run.note(own, note)
    else:
        run.note(own, "LR not known: no positive one of an executed update is in the log")


def _differs(run: RunLog, own: str, logged: Series, update: int, lr: float, atol: float) -> str:
    """Why the schedule is not the run's, and the shift under which it would be."""
    text = f"{own} is {lr:.6g} at update {update}, but the stated schedule has {run.schedule.lr[update - 1]:.6g}"
    for shift in (0, 1, -1):
        at = logged[0] + shift
        inside = (at >= 1) & (at <= run.total_steps)
        if inside.any() and disagreement(run.schedule, at[inside], logged[1][inside], atol) is None:
            return text + f": with lr_shift={shift} they agree"
    return text + ": correct the schedule, or leave it out to take the log's"


def _unrepeated(run: RunLog, own: str, steps: np.ndarray, values: np.ndarray) -> Series:
    """Sorted by step; of rows with the same step, as after a restart from a checkpoint, the last."""
    if steps.size > 1 and (np.diff(steps) > 0).all():
        return steps, values
    order = np.argsort(steps, kind="stable")
    steps, values = steps[order], values[order]
    last = np.append(np.diff(steps) > 0, True)
    if not last.all():
        run.note(own, f"{int((~last).sum())} rows repeat a step: the last of them counts")
    return steps[last], values[last]
