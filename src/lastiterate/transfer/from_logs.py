"""Runs of a sweep from their full logs: the final loss is the last one logged, at the end of the schedule."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from lastiterate._extras import optional
from lastiterate.logs.assemble import Stated
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.limits import Limits
from lastiterate.logs.run_log import LogError, RunLog
from lastiterate.transfer.runs import FinishedRun, Sweep

END = 0.99  # of the updates: a run that logs nothing later is unfinished


def read_logs(
    paths: Iterable[Path], mapping: Mapping[str, str] | None = None, settings: Path | None = None, limits: Limits | None = None
) -> Sweep:
    """The finished runs among the logs in files and folders; runs.csv beside them may hold n_params, tokens_per_step, weight_decay."""
    with optional():
        from lastiterate.logs.reading import find_all, find_settings, read_each
    paths, notes, found = [Path(path) for path in paths], [], []
    stated = find_settings(paths, settings)

    def report(file: LogFile, error: LogError) -> None:
        notes.append(f"left out: {error}")

    files = find_all(paths, Stated(dict(mapping or {}), schedules=stated.schedules, limits=limits or Limits()))
    logs = list(read_each(files, None, report, stated))
    name = "val_loss" if logs and all("val_loss" in run.series or run.diverged for run in logs) else "train_loss"
    for run in logs:
        try:
            found.append(_finished(run, name))
        except ValueError as error:
            notes.append(f"left out: {run.run_id}: {error}")
    if not found:
        raise LogError(str(paths[0]), "runs", "none can be used: " + ("; ".join(notes[:3]) or "there is none"))
    what = "the last validation loss" if name == "val_loss" else "the mean training loss over the last hundredth of the updates"
    notes.insert(0, f"final loss: {what} of each run")
    if any(run.batch is None for run in found):
        found = [replace(run, batch=None) for run in found]
    levels = ("schedule",) if len({run.level for run in found}) > 1 else ()
    if not levels:
        found = [replace(run, level=()) for run in found]
    return Sweep(tuple(found), levels, tuple(notes), "tokens", 1.0)


def _finished(run: RunLog, name: str) -> FinishedRun:
    """The run; ValueError that says what its log does not tell."""
    if run.n_params is None:
        raise ValueError("its model size is not known: write n_params for it in runs.csv (--settings)")
    if run.tokens_per_step is None:
        raise ValueError("its tokens are not known: write tokens_per_step (the batch in tokens) for it in runs.csv (--settings)")
    lr = run.lr
    peak = run.base_lr or (float(lr.max()) if lr is not None else None)
    if peak is None:
        raise ValueError("its learning rates are not known: state the schedule in runs.csv (--settings)")
    loss = np.inf
    if not run.diverged:
        if name not in run.series:
            raise ValueError(f"logs no {name}, which the others log")
        steps, values = run.series[name]
        late = steps > END * run.total_steps
        if not late.any():
            raise ValueError(f"logs its last {name} after update {steps[-1]} of {run.total_steps}: it is not finished")
        loss = float(values[-1]) if name == "val_loss" else float(values[late].mean())
    tokens = float(run.tokens_per_step) * run.total_steps
    level = (run.schedule.name,) if run.schedule else ("unknown",)
    return FinishedRun(float(run.n_params), tokens, peak, loss, float(run.tokens_per_step), run.weight_decay, level)
