"""Joins: a run that started from another run's checkpoint gets that run's history up to the branch.

The trunk is the run that the log or a table of settings names. Where that run is not at hand, a twin serves as well: a run of the
same source with the same settings whose learning rates agree on every update up to the branch, and whose own history reaches it.
A log that begins late and names nothing is joined to the only run that fits: the settings that both know are equal, and the
learning rates of both together are a schedule (or go on where the trunk's are); where two fit, the note asks.
"""

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass

import numpy as np

from lastiterate.logs.executed_lr import MAX_GAP
from lastiterate.logs.run_log import HISTORY_VALUES, Note, RunLog
from lastiterate.schedules import Schedule
from lastiterate.schedules.recognise import Recognised, recognise

SETTINGS = ("dataset", "model", "n_params", "optimizer", "tokens_per_step", "batch_size", "weight_decay", "seed")
ELSEWHERE = "what was logged before is not in this file"  # true of a log that begins late, until its trunk is found
LR_RTOL = 1e-6  # of the peak
MAX_GAP_NOTES = 20  # more gaps than that are one note
TRUNK_ROWS = 400  # learning rates of a trunk that a joined schedule is recognised from


@dataclass(frozen=True)
class Trunk:
    """A run that others may have branched from: what decides whether they did, and how to have it whole."""

    run_id: str
    name: str
    settings: dict[str, object]
    last: int  # step that its history reaches
    schedule: Schedule | None
    lr_begins: int  # the first update whose learning rate it logged
    load: Callable[[], RunLog]

    @classmethod
    def of(cls, run: RunLog, load: Callable[[], RunLog] | None = None) -> "Trunk":
        """Of a run, which is kept in memory unless `load` brings it back."""
        settings = {key: getattr(run, key) for key in SETTINGS}
        schedule = copy(run.schedule)
        if schedule:
            vars(schedule).pop("lr", None)  # without the vector that it has cached
        begins = int(run.logged_lr[0][0]) if run.logged_lr else 1
        last = int(_history(run)[-1]) if run.series else 0
        return cls(run.run_id, run.name, settings, last, schedule, begins, load or (lambda: run))

    def called(self, name: str | None) -> bool:
        """Whether a log means this run by `name`."""
        stem = self.run_id.rsplit("/", 1)[-1]
        return name is not None and (name in (self.name, self.run_id, stem) or stem.endswith(f"_{name}"))


def begins_late(run: RunLog) -> bool:
    """Whether the log begins more than 2.5 logging intervals after its first update (or after where the publisher begins)."""
    if not run.series:
        return False
    steps = _history(run)
    return steps[0] - run.log_start > MAX_GAP * (np.median(np.diff(steps)) if len(steps) > 1 else run.total_steps)


def join(run: RunLog, trunks: Iterable[Trunk]) -> str | None:
    """Give a run that begins late the history of its trunk, and its schedule if there is one; None, or why that cannot be."""
    trunk, found, how = _find_trunk(run, list(trunks))
    if trunk is None:
        return how
    parent = trunk.load()
    if run.schedule is None and found:
        run.recognise_as(found)
    if run.branch_step is None:
        run.branch_step = _branch(run, parent)
    _prepend(run, parent)
    run.parent_run = trunk.run_id
    run.notes = [note for note in run.notes if not note.message.endswith(ELSEWHERE)]
    run.note("history", f"steps up to {run.branch_step} joined from {trunk.run_id} ({how})")
    return None


def join_runs(runs: list[RunLog]) -> tuple[list[RunLog], list[Note]]:
    """Runs with complete histories, and a note for each that had to be left out. Parents are joined before children."""
    joined: dict[str, RunLog] = {}
    failed: list[Note] = []
    for run in sorted(runs, key=lambda run: (run.branch_step or 0, run.run_id)):
        reason = join(run, map(Trunk.of, joined.values())) if begins_late(run) else None
        if reason is None:
            joined[run.run_id] = run
        else:
            failed.append(Note(run.file, run.run_id, "history", f"its stable phase is missing: {reason}", left_out=True))
    for run in joined.values():
        note_gaps(run)
    return [joined[run.run_id] for run in runs if run.run_id in joined], failed


def _history(run: RunLog) -> np.ndarray:
    """Steps of the series that tells where a log begins and ends."""
    return (run.series.get("train_loss") or max(run.series.values(), key=lambda series: len(series[0])))[0]


def _first(run: RunLog) -> tuple[int, int]:
    """(first step of the history, steps between its rows)."""
    steps = _history(run)
    return int(steps[0]), int(np.median(np.diff(steps))) if len(steps) > 1 else 1


def _find_trunk(run: RunLog, trunks: list[Trunk]) -> tuple[Trunk | None, Recognised | None, str]:
    """The trunk, the schedule of both together (None if the run has its own, or there is none), and how it was found (or why not)."""
    begins, interval = _first(run)
    step = run.branch_step or max(begins - interval, 1)
    fitting, continuous = [], []
    for trunk in trunks:
        if trunk.last < step or any(
            None not in (value, getattr(run, key)) and value != getattr(run, key) for key, value in trunk.settings.items()
        ):
            continue
        fits, found = _lr_fits(run, trunk, step)
        if fits:
            (fitting if found or run.schedule else continuous).append((trunk, found))
    fitting = fitting or continuous
    named = [pair for pair in fitting if pair[0].called(run.resumed_from)]
    # Among several twins: the run that held its learning rate longest, then by name, so that the choice is reproducible.
    order = lambda pair: (-(pair[0].schedule.stable_steps if pair[0].schedule else 0), pair[0].run_id)
    if named:
        return *min(named, key=order), "named as its checkpoint"
    if fitting and run.resumed_from and run.branch_step:
        return *min(fitting, key=order), "same settings and learning rates; the run it names is not in the source"
    if run.resumed_from:
        wanted = run.resumed_from + (f" at step {run.branch_step}" if run.branch_step else "")
        reason = "no run of the source has its settings and learning rates up to the branch, and a log that reaches it"
        return None, None, f"{reason}; it names {wanted}"
    if len(fitting) == 1:
        return *fitting[0], "the only run whose step, learning rates and settings fit"
    reason = f"its log begins at step {begins} and names no checkpoint that it resumed from"
    if fitting:
        names = ", ".join(pair[0].run_id for pair in fitting[:4])
        return None, None, f"{reason}; {len(fitting)} runs fit: {names}: say which in the column parent of a table of settings"
    return None, None, f"{reason}; no run here fits it in step, learning rates and settings"


def _lr_fits(run: RunLog, trunk: Trunk, step: int) -> tuple[bool, Recognised | None]:
    """Whether the trunk executed what the run did up to `step`, and the schedule that both are, if it had to be found."""
    if run.schedule:
        close = LR_RTOL * run.schedule.peak_lr
        same = trunk.schedule is not None and min(trunk.schedule.total_steps, run.total_steps) >= step
        return bool(same and np.abs(trunk.schedule.lr[:step] - run.schedule.lr[:step]).max() <= close), None
    if not run.logged_lr or not run.logged_lr[0].size:
        return False, None
    update, lr = run.logged_lr
    vector = trunk.schedule.lr if trunk.schedule else trunk.load().lr
    if vector is None:
        return False, None
    step = min(step, len(vector), int(update[0]) - 1)
    change = np.abs(np.diff(lr[:3])).max(initial=0.0)
    continuous = bool(abs(vector[step - 1] - lr[0]) <= max(MAX_GAP * change, LR_RTOL * vector.max()))
    if not continuous and not trunk.called(run.resumed_from):
        return False, None  # a learning rate that jumps at the branch has to be stated
    total = None if update[-1] == run.total_steps and not run.updates else run.total_steps
    _, interval = _first(run)
    for end in (step, step - interval):  # the checkpoint may lie further back than one row
        if trunk.schedule is None or end < 1:
            break
        before = np.unique(np.linspace(min(trunk.lr_begins, end), end, TRUNK_ROWS).astype(int))
        if found := recognise(np.append(before, update), np.append(vector[before - 1], lr), total):
            return True, found
    return continuous, None


def _branch(run: RunLog, parent: RunLog) -> int:
    """The last step before the run's own log up to which both executed the same learning rates."""
    begins, interval = _first(run)
    if run.lr is None or parent.lr is None:
        same = (
            run.logged_lr
            and parent.lr is not None
            and abs(parent.lr[min(begins, parent.total_steps) - 1] - run.logged_lr[1][0]) <= LR_RTOL * parent.lr.max()
        )
        return begins - 1 if same else max(begins - interval, 1)
    reach = min(begins - 1, parent.total_steps, run.total_steps)
    off = np.abs(run.lr[:reach] - parent.lr[:reach]) > LR_RTOL * parent.lr.max()
    return int(np.argmax(off)) if off.any() else reach


def _prepend(run: RunLog, parent: RunLog) -> None:
    """Give every series the parent's rows up to the branch; a row that both have at the branch is the run's own."""
    series = [(run.series, name, values) for name, values in run.series.items()]
    if run.logged_lr and parent.logged_lr:
        logged, of_parent = {"lr": run.logged_lr}, {"lr": parent.logged_lr}
        series.append((logged, "lr", run.logged_lr))
    for into, name, (steps, values) in series:
        source = of_parent if name == "lr" else parent.series
        if name not in source:
            run.note(f"history.{name}", f"{parent.run_id} has none: empty up to step {run.branch_step}")
            continue
        old_steps, old_values = source[name]
        keep = (old_steps <= run.branch_step) & (old_steps < steps[0])
        into[name] = np.concatenate([old_steps[keep], steps]), np.concatenate([old_values[keep], values])
    if run.logged_lr and parent.logged_lr:
        run.logged_lr = logged["lr"]


def note_gaps(run: RunLog) -> None:
    """Note where a series skips rows: in the middle, or at the end."""
    for name in HISTORY_VALUES:
        if name not in run.series or len(run.series[name][0]) < 3:
            continue
        steps = run.series[name][0]
        spacing = np.diff(steps)
        gaps = np.flatnonzero(spacing > MAX_GAP * np.median(spacing))
        if len(gaps) > MAX_GAP_NOTES:
            first, last, longest = steps[gaps[0]], steps[gaps[-1] + 1], spacing[gaps].max()
            run.note(f"history.{name}", f"{len(gaps)} gaps between rows from step {first} to {last}, the longest of {longest} steps")
        for i in gaps if len(gaps) <= MAX_GAP_NOTES else ():
            run.note(f"history.{name}", f"no rows between steps {steps[i]} and {steps[i + 1]}")
        if run.total_steps - steps[-1] > MAX_GAP * np.median(spacing):
            run.note(f"history.{name}", f"ends at step {steps[-1]} of {run.total_steps}")
