"""What every run gets after it is read, whatever its format: settings of a table, its trunk, its schedule, its final losses."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from lastiterate.logs.executed_lr import MAX_GAP, told_by
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.join import Trunk, begins_late, join
from lastiterate.logs.run_log import LogError, RunLog
from lastiterate.logs.settings import Settings
from lastiterate.schedules.recognise import recognise

MOST_RATES = 50_000  # of more, which tell every update's, no schedule is looked for: it would take minutes
FINAL_PART = 0.01  # of the updates: the training losses that make the final one


def complete(
    read: Iterable[tuple[LogFile, RunLog]],
    again: Callable[[LogFile], Iterable[RunLog]],
    settings: Settings,
    report: Callable[[LogFile, LogError], None] | None = None,
) -> Iterator[RunLog]:
    """The runs with all that can be known of them: those that begin late come last, for their trunks must be known.

    Parameters
    ----------
    read : iterable of (LogFile, RunLog)
        Runs as their formats read them.
    again : callable
        Reads a file again, for the one run that a branch needs, so that not all are held.
    settings : Settings
    report : callable, optional
        Gets a branch that cannot be used; without it, its LogError is raised.
    """
    trunks: list[Trunk] = []
    late: list[tuple[LogFile, RunLog]] = []
    for file, run in read:
        settings.fill(run)
        if begins_late(run):
            late.append((file, run))
            continue
        recognise_schedule(run)
        trunks.append(Trunk.of(run, _loader(file, run.run_id, again, settings)))
        yield finished(run)
    for file, run in sorted(late, key=lambda pair: min(int(steps[0]) for steps, _ in pair[1].series.values())):
        reason = join(run, trunks)
        if reason and settings.states_parent(run):
            error = LogError(run.file, f"run {run.run_id}", f"cannot be joined to its parent: {reason}")
            if report is None:
                raise error
            report(file, error)
            continue
        if reason:
            run.note("history", f"it was not joined to a trunk: {reason}")
        recognise_schedule(run)
        trunks.append(Trunk.of(run))
        yield finished(run)
    settings.check_used()


def _loader(file: LogFile, run_id: str, again, settings: Settings) -> Callable[[], RunLog]:
    def load() -> RunLog:
        run = next(run for run in again(file) if run.run_id == run_id)
        settings.fill(run)
        recognise_schedule(run)
        return run

    return load


def recognise_schedule(run: RunLog) -> None:
    """Fill a run's schedule from its logged learning rates, where one explains them all; else note what is known of them."""
    if run.schedule or not run.logged_lr:
        return
    update, lr = run.logged_lr
    whole = update.size and update[0] <= MAX_GAP * (np.median(np.diff(update)) if update.size > 1 else 1) + 1
    known = update.size and (run.updates or update[-1] != run.total_steps)
    whole = whole and update.size <= MOST_RATES
    found = recognise(update, lr, run.total_steps if known else None) if whole else None
    if found:
        run.recognise_as(found)
    elif note := told_by(update, run.total_steps)[1]:
        run.note(run.taken.get("lr", "lr"), note)


def finished(run: RunLog) -> RunLog:
    """The run with its final losses, where its log reaches its end: the last validation loss, the mean of the last training losses."""
    if run.diverged:
        return run
    for name in ("val_loss", "train_loss"):
        if getattr(run, f"final_{name}") is not None or name not in run.series:
            continue
        steps, values = run.series[name]
        if steps.size > 1 and run.total_steps - steps[-1] < np.median(np.diff(steps)):
            part = values[steps > run.total_steps * (1 - FINAL_PART)] if name == "train_loss" else values[-1:]
            setattr(run, f"final_{name}", float(np.mean(part if part.size else values[-1:])))
    return run
