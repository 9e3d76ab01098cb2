"""Reader of charts that Weights & Biases exports as CSV: a step, then for each run and metric a column, its __MIN and its __MAX.

A column is called "<run> - <metric>". The site exports one chart at a time, so that the loss is in one file and the
learning rate in another: charts that lie in one folder are read together, and a run is what has one name in them. The
site samples: a row may stand for several logged ones, whose least and largest value the other two columns give; how many
rows do is noted. Where the x axis is no count of updates (a time, an epoch), the file has "<run> - _step" as well, which is
taken instead. "Group: <name>" is the mean over a group's runs. How steps count: `convention.convention_of`.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lastiterate.logs.assemble import assemble, counted
from lastiterate.logs.columns import PATTERNS, others, plain, shortened, unused
from lastiterate.logs.columns import recognise as recognise_columns
from lastiterate.logs.convention import Convention, convention_of
from lastiterate.logs.formats.rows import TRAIN_ROLES
from lastiterate.logs.formats.source import LogFile, first_row, text_of
from lastiterate.logs.run_log import HISTORY_VALUES, LogError, Note, RunLog
from lastiterate.logs.trainers import trainer_of

NAME = "Weights & Biases chart"
ENDS = ("__MIN", "__MAX")
GROUP = "Group: "
CALLS = "counts calls of the logger: they are updates if the trainer logs once for each, or passes its step"


def recognise(path: Path, head: bytes) -> bool:
    """Whether the header has a column with its minimum and maximum beside it."""
    names = first_row(text_of(head))
    known = set(names)
    return any(f"{name}{ENDS[0]}" in known and f"{name}{ENDS[1]}" in known for name in names[1:])


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the runs of a chart, or of several charts of the same runs; LogError for anything that makes a file unusable."""
    charts = [_Chart(one) for one in (file, *file.beside)]
    names = dict.fromkeys(run for chart in charts for run in chart.runs)
    together = str(Path(file.run_id).parent / "_")[:-1]  # of the folder, if the logs are those of one
    runs, left_out, failure = [], [], None
    for run in names:
        run_id = file.run_id if len(names) == 1 and not file.beside else f"{together}{run}" if file.beside else f"{file.run_id}/{run}"
        try:
            runs.append(_run(file, run_id, run, [chart for chart in charts if run in chart.runs]))
        except LogError as error:
            failure = failure or error
            left_out.append(Note(error.file, run_id, error.where, error.message, left_out=True))
            if "expected a number" in error.message:
                raise
    if not runs:
        raise failure or file.error("line 1", "has no column with its __MIN and __MAX beside it: it is no chart that was exported")
    runs[0].notes[:0] = left_out
    yield from runs


class _Chart:
    """One exported file: its rows, and for each run its metrics' columns."""

    def __init__(self, file: LogFile):
        self.file = file
        self.header, self.rows = _rows(file)
        self.runs: dict[str, dict[str, str]] = {}
        for name in self.header[1:]:
            if not name.endswith(ENDS) and f"{name}{ENDS[0]}" in self.header:
                run, _, metric = name.rpartition(" - ")
                if metric in self.runs.setdefault(run, {}):
                    raise file.error("line 1", f"holds {name!r} twice: two runs have one name; rename one on the site, and export again")
                self.runs[run][metric] = name

    def steps(self, run: str) -> tuple[str, np.ndarray, np.ndarray]:
        """(column, the rows that have a step, their steps): the x axis if it counts updates, else the run's own `_step`."""
        axis, own = self.header[0], self.runs[run]
        counts = any(re.fullmatch(pattern, plain(axis)) for pattern in PATTERNS["step"]) or axis == self.file.stated.mapping.get("step")
        if not counts and "_step" not in own:
            raise self.file.error("line 1", f"the chart's x axis is {axis!r}, expected a count of updates: choose Step and export again")
        column = axis if counts else own["_step"]
        values = self.numbers(column, missing=not counts)
        there = np.flatnonzero(~np.isnan(values))
        return column, there, counted(self.file.name, column, values[there])

    def numbers(self, name: str, missing: bool = True) -> np.ndarray:
        """A column as floats, NaN where it is empty and may be."""
        column, values = self.header.index(name), np.full(len(self.rows), np.nan)
        for i, row in enumerate(self.rows):
            if missing and not row[column].strip():
                continue
            try:
                values[i] = float(row[column])
            except ValueError:
                raise self.file.error(f"line {i + 2}", f"{name} is {row[column]!r:.40}, expected a number") from None
        return values

    def logged(self, name: str) -> np.ndarray:
        """Which rows have a value of a column."""
        column = self.header.index(name)
        return np.array([bool(row[column].strip()) for row in self.rows], bool)


def _run(file: LogFile, run_id: str, run: str, charts: list[_Chart]) -> RunLog:
    metrics: dict[str, tuple[_Chart, str]] = {}
    for chart in charts:
        for metric, name in chart.runs[run].items():
            if metric in metrics and metric != "_step":
                where = metrics[metric][0].file.name
                raise chart.file.error(
                    "line 1", f"has {name!r}, and so has {where}: leave out one of the charts, or put it into another folder"
                )
            metrics[metric] = chart, name
    mapping = {role: metric for role, metric in file.stated.mapping.items() if role not in ("step", "run_id")}
    taken = recognise_columns(metrics, mapping, file.name)
    if not any(role in taken for role in HISTORY_VALUES):
        wanted = f"run {run!r} has none of {', '.join(HISTORY_VALUES)}, but {shortened(metrics)}: say which with --map"
        raise charts[0].file.error("line 1", f"{wanted}, or put the chart of the loss into the same folder")
    columns, names, merged, axes = {}, {}, [], {}
    for role in ("lr", *HISTORY_VALUES):
        if role in taken:
            chart, name = metrics[taken[role]]
            axis, there, steps = chart.steps(run)
            axes[axis.rpartition(" - ")[2]] = chart
            names["step"] = axis
            value, low, high = (chart.numbers(name + end) for end in ("", *ENDS))
            kept = chart.logged(name)[there]
            columns[role], names[role] = (steps[kept], value[there][kept]), name
            merged.append((int((low < high).sum()), len(chart.rows)))
    if len(axes) > 1:
        found = " and ".join(f"{axis!r} in {chart.file.name}" for axis, chart in axes.items())
        raise file.error("line 1", f"the charts of run {run!r} count differently, {found}: choose the same x axis, and export again")
    used = [columns[role][0] for role in TRAIN_ROLES if role in columns and columns[role][0].size]
    axis = names["step"].rpartition(" - ")[2]
    trainer = trainer_of([*metrics, axis])
    convention = convention_of(axis, np.concatenate(used), False, trainer) if used else Convention(0, 0)
    result = assemble(file.name, run_id, NAME, columns, names, file.stated, convention, name=run or None)
    if "lr" not in columns and result.schedule is None:
        result.note("lr", "LR not known: no chart holds it; export that of the learning rate into the same folder, or state the schedule")
    if axis in ("Step", "_step") and trainer is None:
        result.note("step", f"{names['step']} {CALLS}; if not, choose the trainer's own count as the x axis, and export again")
    fitting = others(metrics, taken)
    for role, found in fitting.items():
        text = f"taken for {role}; {shortened(found)} would fit as well: say so with --map {role}= if it is the one"
        result.note(names[role], text, doubt=role not in mapping)
    rivals = [name for found in fitting.values() for name in found]
    left = unused([name for name in metrics if not name.startswith("_")], [*taken.values(), *rivals])
    if left:
        result.note("columns", f"not used: {shortened(left)}: name one with --map if it is wanted")
    if run.startswith(GROUP):
        result.note("group", "is the mean over the group's runs")
    if max(merged)[0]:
        result.note("sampling", "{} of {} rows stand for several logged ones (their __MIN is below their __MAX)".format(*max(merged)))
    return result


def _rows(file: LogFile) -> tuple[list[str], list[list[str]]]:
    try:
        with file.path.open(newline="", encoding="utf-8-sig") as lines:
            header, *rows = list(csv.reader(lines))
    except UnicodeDecodeError as error:
        raise file.error(f"byte {error.start}", "not valid UTF-8: the file is damaged") from None
    except csv.Error as error:
        raise file.error("content", f"not a CSV file ({error}): the file is damaged") from None
    if not rows:
        raise file.error("table", "has no rows")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise file.error(f"line {number}", f"has {len(row)} cells, expected {len(header)} as in the header")
    return header, rows
