"""Joins: a run that started from another run's checkpoint gets that run's history up to the branch.

The parent is the run whose checkpoint the log names. Where that run is not at hand, a twin serves as well: a run of the
same source with the same settings whose learning rates agree on every update up to the branch, and whose own
history reaches it. Without either, the stable phase is missing and the run cannot be used.
"""

import numpy as np

from lastiterate.logs.run_log import HISTORY_VALUES, Note, RunLog

GAP_FACTOR = 2.5  # steps between rows, relative to their median, from which on it is called a gap


def join_runs(runs: list[RunLog]) -> tuple[list[RunLog], list[Note]]:
    """Runs with complete histories, and a note for each that had to be left out. Parents are joined before children."""
    joined: dict[str, RunLog] = {}
    failed: list[Note] = []
    waiting = sorted(runs, key=lambda run: (run.branch_step or 0, run.run_id))
    for run in waiting:
        if _starts_at_zero(run):
            joined[run.run_id] = run
            continue
        parent, how = _find_parent(run, list(joined.values()))
        if parent is None:
            failed.append(Note(run.file, run.run_id, "history", f"its stable phase is missing: {how}", left_out=True))
            continue
        _prepend(run, parent)
        run.parent_run = parent.run_id
        run.note("history", f"steps up to {run.branch_step} joined from {parent.run_id} ({how})")
        joined[run.run_id] = run
    for run in joined.values():
        _note_gaps(run)
    return [joined[run.run_id] for run in runs if run.run_id in joined], failed


def _starts_at_zero(run: RunLog) -> bool:
    """Whether the run's own log begins within one logging interval of its first update (or of where the publisher begins)."""
    steps, _ = run.series.get("train_loss") or next(iter(run.series.values()))
    interval = np.median(np.diff(steps)) if len(steps) > 1 else run.total_steps
    return steps[0] - run.log_start <= GAP_FACTOR * interval


def _find_parent(run: RunLog, candidates: list[RunLog]) -> tuple[RunLog | None, str]:
    if run.branch_step is None:
        return None, f"its log begins at step {min(s[0] for s, _ in run.series.values())} but names no checkpoint that it resumed from"
    fitting = [other for other in candidates if _fits(run, other)]
    named = [other for other in fitting if run.resumed_from in (other.name, _stem(other)) or _stem(other).endswith(f"_{run.resumed_from}")]
    # Among several: the run that held its learning rate longest, then by name, so that the choice is reproducible.
    order = lambda other: (-other.schedule.stable_steps, other.run_id)
    if named:
        return min(named, key=order), "named as its checkpoint"
    if fitting:
        return min(fitting, key=order), "same settings and learning rates; the run it names is not in the source"
    wanted = f"{run.resumed_from} at step {run.branch_step}"
    return None, f"no run of the source has its settings and learning rates up to the branch, and a log that reaches it; it names {wanted}"


def _stem(run: RunLog) -> str:
    return run.run_id.rsplit("/", 1)[-1]


def _fits(run: RunLog, other: RunLog) -> bool:
    """Whether `other` did the same as `run` must have done up to the branch."""
    settings = ("dataset", "model", "n_params", "optimizer", "tokens_per_step", "seed")
    step = run.branch_step
    return (
        all(getattr(run, key) == getattr(other, key) for key in settings)
        and other.series["train_loss"][0][-1] >= step
        and np.array_equal(run.schedule.lr[:step], other.schedule.lr[:step])
    )


def _prepend(run: RunLog, parent: RunLog) -> None:
    """Give every series the parent's rows up to the branch; a row that both have at the branch is the run's own."""
    for name, (steps, values) in run.series.items():
        if name not in parent.series:
            run.note(f"history.{name}", f"{parent.run_id} has none: empty up to step {run.branch_step}")
            continue
        old_steps, old_values = parent.series[name]
        keep = (old_steps <= run.branch_step) & (old_steps < steps[0])
        run.series[name] = np.concatenate([old_steps[keep], steps]), np.concatenate([old_values[keep], values])


def _note_gaps(run: RunLog) -> None:
    """Note where a series skips rows: in the middle, or at the end."""
    for name in HISTORY_VALUES:
        if name not in run.series or len(run.series[name][0]) < 3:
            continue
        steps = run.series[name][0]
        spacing = np.diff(steps)
        for i in np.flatnonzero(spacing > GAP_FACTOR * np.median(spacing)):
            run.note(f"history.{name}", f"no rows between steps {steps[i]} and {steps[i + 1]}")
        if run.total_steps - steps[-1] > GAP_FACTOR * np.median(spacing):
            run.note(f"history.{name}", f"ends at step {steps[-1]} of {run.total_steps}")
