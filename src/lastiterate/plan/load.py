"""Pilots from logs of any known format, and from the tables of the log schema."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from lastiterate.logs.assemble import Stated
from lastiterate.logs.executed_lr import executed_lr
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.reading import find_logs, read_each, read_file
from lastiterate.logs.run_log import RunLog
from lastiterate.plan.pilots import Pilot
from lastiterate.schedules import Schedule


def load_pilots(paths: Iterable[Path | str], mapping=None, schedule: Schedule | None = None) -> tuple[list[Pilot], list[str]]:
    """Pilots of log files of any known format, or of folders of them; and one sentence for each run that cannot be one.

    A folder with runs.parquet and history.parquet (as ``lastiterate read --out`` writes) is read as those tables.
    `mapping` and `schedule` are those of `lastiterate.logs.read`.
    """
    pilots, left_out = [], []
    for path in map(Path, paths):
        if (path / "runs.parquet").is_file() and (path / "history.parquet").is_file():
            found, notes = table_pilots(path / "runs.parquet", path / "history.parquet")
            pilots += found
            left_out += notes
            continue
        for run in _read(path, Stated(dict(mapping or {}), schedule), left_out):
            losses = {name: run.series[name] for name in ("val_loss", "train_loss") if name in run.series}
            if run.lr is None or not losses:
                left_out.append(f"{run.run_id}: {'its learning rates are not known' if losses else 'no loss is logged'}")
                continue
            notes = tuple(f"{note.where}: {note.message}" for note in run.notes)
            pilots.append(Pilot(run.run_id, run.lr, losses, run.schedule, run.diverged, run.lr_from or "log", notes))
    return pilots, left_out


def _read(path: Path, stated: Stated, left_out: list[str]) -> Iterable[RunLog]:
    """Runs of a log, or of a folder, of which a file that cannot be read is left out."""
    files = [LogFile(f.path, f.name, f.run_id, stated) for f in find_logs(path)]
    if not path.is_dir():
        return read_file(files[0])
    return read_each(files, None, lambda file, error: left_out.append(str(error)))


def table_pilots(runs: Path, history: Path, only: Sequence[str] | None = None) -> tuple[list[Pilot], list[str]]:
    """Pilots of the tables of the log schema; with `only`, of these runs."""
    import pandas as pd  # here: its import takes as long as all others of this package's room

    runs = pd.read_parquet(runs)
    if only is not None:
        runs = runs[runs.run_id.isin(only)]
        if runs.empty:
            return [], []
    filters = [("run_id", "in", runs.run_id.tolist())] if only is not None else None
    rows = pd.read_parquet(history, columns=["run_id", "step", "lr", "val_loss", "train_loss"], filters=filters).astype({"run_id": str})
    groups = {key: group[group.step > 0] for key, group in rows.groupby("run_id")}
    pilots, left_out = [], []
    for run in runs.sort_values("run_id").itertuples():
        group = groups.get(run.run_id)
        losses = {} if group is None else _logged(group)
        schedule = Schedule.from_json(run.schedule) if isinstance(run.schedule, str) else None
        if schedule is not None:
            lr, source = schedule.lr, "schedule"
        else:
            lr, source = _logged_lr(group, run.total_steps) if losses else (None, None)
        if lr is None or not losses:
            left_out.append(f"{run.run_id}: {'its learning rates are not known' if losses else 'no loss is logged'}")
            continue
        pilots.append(Pilot(run.run_id, lr, losses, schedule, bool(getattr(run, "diverged", False)), source))
    return pilots, left_out


def _logged(group) -> dict:
    found = {name: group[["step", name]].dropna() for name in ("val_loss", "train_loss")}
    return {name: (rows.step.to_numpy(), rows[name].to_numpy()) for name, rows in found.items() if len(rows)}


def _logged_lr(group, total_steps):
    rows = group[["step", "lr"]].dropna()
    return executed_lr(rows.step.to_numpy(), rows.lr.to_numpy(), int(total_steps))[:2]
