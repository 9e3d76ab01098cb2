"""Pilots from logs of any known format, and from the tables of the log schema."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from lastiterate.logs.assemble import Stated
from lastiterate.logs.border import border
from lastiterate.logs.executed_lr import MAX_GAP, executed_lr
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.limits import Limits
from lastiterate.logs.reading import find_all, find_settings, read_each
from lastiterate.logs.run_log import LogError, RunLog
from lastiterate.plan.pilots import LEAST_LOSSES, SETTINGS, Pilot
from lastiterate.schedules import Schedule

TABLES = ("runs.parquet", "history.parquet", "issues.csv", "runs.csv")  # what `lastiterate read --out` writes, and settings


def load_pilots(
    paths: Iterable[Path | str],
    mapping=None,
    schedule: Schedule | None = None,
    executed: Mapping[str, Schedule] | None = None,
    settings: Path | str | None = None,
    limits: Limits | None = None,
) -> tuple[list[Pilot], list[str]]:
    """Pilots of log files of any known format, or of folders of them; and one sentence for each run that cannot be one.

    A folder with runs.parquet and history.parquet (as ``lastiterate read --out`` writes) is read as those tables.

    Parameters
    ----------
    paths : iterable of path
        A file that cannot be read is an error if it is named here, and left out if it lies in a folder.
    mapping, schedule
        As in `lastiterate.logs.read`.
    executed : mapping of str to Schedule, optional
        The schedules of runs whose logs do not tell, by run id (or what follows its last "/").

    settings, limits : optional
        As in `lastiterate.logs.read`.

    Raises
    ------
    LogError
        For a named file that cannot be read, and a schedule that is not the one that was executed.
    ValueError
        If `executed` names a run that is not there.
    """
    pilots, left_out, logs, ids, of_file = [], [], [], set(), {}
    paths = [Path(path) for path in paths]
    table = find_settings(paths, settings)
    stated = Stated(dict(mapping or {}), schedule, schedules={**table.schedules, **(executed or {})}, limits=limits or Limits())
    for path in paths:
        if (path / "runs.parquet").is_file() and (path / "history.parquet").is_file():
            found, notes = table_pilots(path / "runs.parquet", path / "history.parquet")
            pilots += found
            left_out += notes + _beside_tables(path)
        else:
            logs.append(path)

    def report(file: LogFile, error: LogError) -> None:
        named = {error.where.removeprefix("run "), file.run_id}
        if file.path in logs or any(name in stated.schedules for run_id in named for name in (run_id, run_id.rsplit("/", 1)[-1])):
            raise error
        of_file.pop(error.file, None)  # runs that were read before the error: rows of one may come later
        left_out.append(str(error))

    for run in read_each(find_all(logs, stated), None, report, table):
        ids |= {run.run_id, run.run_id.rsplit("/", 1)[-1]}
        own = stated.schedule_of(run.run_id)
        if own and run.schedule is not own:
            raise LogError(run.file, f"run {run.run_id}", "its log states its own schedule: leave that out")
        left_out += [f"{note.file}: {note.where}: {note.message}" for note in run.notes if note.left_out]
        of_file.setdefault(run.file, []).append(_pilot(run))
    for found in (one for of_one in of_file.values() for one in of_one):
        (pilots if isinstance(found, Pilot) else left_out).append(found)
    for name in executed or ():
        if name not in ids:
            raise ValueError(f"--executed: there is no run {name!r}, but {', '.join(sorted(ids)) or 'none'}")
    return _unrepeated(pilots, left_out), left_out


def _pilot(run: RunLog) -> Pilot | str:
    """The run as a pilot, or why it is none."""
    losses = {name: run.series[name] for name in ("val_loss", "train_loss") if name in run.series}
    if not losses and not run.diverged:
        return f"{run.run_id}: no loss is logged"
    most = max((len(steps) for steps, _ in losses.values()), default=0)
    if most < LEAST_LOSSES and run.lr is not None and not run.diverged:
        return f"{run.run_id}: logs {most} losses, expected at least {LEAST_LOSSES}"
    if run.lr is None:
        unknown = "no column was taken for them: name it with --map lr=COLUMN, or state the schedule"
        why = next((note.message.removeprefix("LR not known: ") for note in run.notes if note.message.startswith("LR not known")), unknown)
        why += "" if "state the schedule" in why or "export" in why else "; state the schedule"
        why = why.replace("state the schedule", "state the schedule with --executed RUN=SCHEDULE")
        return f"{run.run_id}: its learning rates are not known: {why}"
    said = [(f"{note.where}: {note.message}", note.doubt) for note in run.notes if not note.left_out]
    notes, doubts = ([text for text, doubt in said if doubt is of] for of in (False, True))
    lr, last = run.lr, max(int(steps[-1]) for steps in [*(s for s, _ in losses.values()), *run.invalid.values()])
    interval = max((np.median(np.diff(steps)) for steps, _ in losses.values() if len(steps) > 1), default=1)
    if len(lr) - last > MAX_GAP * interval:
        notes.append(f"history: ends at update {last} of {len(lr)}: what the schedule does later does not count")
        lr = lr[:last]
    return Pilot(
        run.run_id, lr, losses, run.schedule, run.diverged, run.lr_from or "log", tuple(notes), _settings(run), tuple(doubts), run.seed
    )


def _settings(run) -> dict[str, object]:
    """The settings that are known: not None, and not pandas' missing values, which are not themselves or refuse to say."""
    values = {name: getattr(run, name, None) for name in SETTINGS}
    return {name: value for name, value in values.items() if isinstance(value, str | int | float | np.number) and value == value}


def _unrepeated(pilots: list[Pilot], left_out: list[str]) -> list[Pilot]:
    """The pilots without those whose losses are all in another's: earlier checkpoints of a run, and copies."""
    kept: dict[tuple, list[Pilot]] = {}
    for pilot in sorted(pilots, key=lambda pilot: -pilot.total_steps):
        if not pilot.losses:
            continue
        steps, values = max(pilot.losses.values(), key=lambda series: len(series[0]))
        same = kept.setdefault((int(steps[0]), float(values[0])), [])
        whole = next((other for other in same if len(steps) >= 3 and _holds(other, pilot)), None)
        if whole is None:
            same.append(pilot)
        else:
            left_out.append(f"{pilot.run_id}: all that it logged is in {whole.run_id}: the same run, earlier or copied")
    unique = {id(pilot) for same in kept.values() for pilot in same}
    return [pilot for pilot in pilots if id(pilot) in unique or not pilot.losses]


def _holds(other: Pilot, pilot: Pilot) -> bool:
    """Whether every loss of `pilot` is in `other`, at the same steps."""
    for name, (steps, values) in pilot.losses.items():
        if name not in other.losses:
            return False
        known, there = other.losses[name]
        at = np.minimum(np.searchsorted(known, steps), len(known) - 1)
        if not (np.array_equal(known[at], steps) and np.array_equal(there[at], values)):
            return False
    return True


def table_pilots(runs_path: Path, history: Path, only: Sequence[str] | None = None) -> tuple[list[Pilot], list[str]]:
    """Pilots of the tables of the log schema, with the notes of an issues.csv beside them; with `only`, of these runs."""
    with border(str(runs_path.parent)):
        return _table_pilots(runs_path, history, only)


def _beside_tables(folder: Path) -> list[str]:
    """What to say of the other files in a folder whose tables are read."""
    others = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name[0] != "." and path.name not in TABLES)
    if not others:
        return []
    named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return [f"{folder}: it has tables of lastiterate read, which are read, so that {named} beside them are not: move the tables away"]


def _table_pilots(runs_path: Path, history: Path, only: Sequence[str] | None) -> tuple[list[Pilot], list[str]]:
    import pandas as pd  # here: its import takes as long as all others of this package's room

    runs = pd.read_parquet(runs_path)
    if only is not None:
        runs = runs[runs.run_id.isin(only)]
        if runs.empty:
            return [], []
    filters = [("run_id", "in", runs.run_id.tolist())] if only is not None else None
    rows = pd.read_parquet(history, columns=["run_id", "step", "lr", "val_loss", "train_loss"], filters=filters).astype({"run_id": str})
    groups = {key: group[group.step > 0] for key, group in rows.groupby("run_id")}
    issues = _issues(runs_path.with_name("issues.csv"))
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
        notes, doubts = (tuple(issues.get((run.run_id, of), ())) for of in (False, True))
        pilots.append(
            Pilot(
                run.run_id, lr, losses, schedule, bool(getattr(run, "diverged", False)), source, notes, _settings(run), doubts, _seed(run)
            )
        )
    return pilots, left_out


def _seed(run) -> int | None:
    value = getattr(run, "seed", None)
    return int(value) if isinstance(value, int | np.integer) else None


def _issues(path: Path) -> dict[tuple[str, bool], list[str]]:
    """Notes of the runs that were not left out, by run and whether they are doubts; none where the tables came without."""
    found: dict[tuple[str, bool], list[str]] = {}
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                if row.get("left_out") != "True":
                    found.setdefault((row["run_id"], row.get("doubt") == "True"), []).append(f"{row['where']}: {row['message']}")
    return found


def _logged(group) -> dict:
    found = {name: group[["step", name]].dropna() for name in ("val_loss", "train_loss")}
    return {name: (rows.step.to_numpy(), rows[name].to_numpy()) for name, rows in found.items() if len(rows)}


def _logged_lr(group, total_steps):
    rows = group[["step", "lr"]].dropna()
    return executed_lr(rows.step.to_numpy(), rows.lr.to_numpy(), int(total_steps))[:2]
