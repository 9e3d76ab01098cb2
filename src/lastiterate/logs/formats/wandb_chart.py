"""Reader of charts that Weights & Biases exports as CSV: a step, then for each run and metric a column, its __MIN and its __MAX.

A column is called "<run> - <metric>". The site samples: a row may stand for several logged ones, whose least and
largest value the other two columns give; how many rows do is noted. How the first column counts: `assemble.convention_of`.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lastiterate.logs.assemble import Convention, assemble, convention_of, counted
from lastiterate.logs.columns import recognise as recognise_columns
from lastiterate.logs.formats.rows import TRAIN_ROLES
from lastiterate.logs.formats.source import LogFile, text_of
from lastiterate.logs.run_log import HISTORY_VALUES, LogError, RunLog

NAME = "Weights & Biases chart"
TIMES = ("relative time", "wall time", "_runtime", "_timestamp")


def recognise(path: Path, head: bytes) -> bool:
    """Whether the header has a column with its minimum and maximum beside it."""
    text = text_of(head)
    names = next(csv.reader([text.split("\n", 1)[0].rstrip("\r")]), []) if text else []
    return any(f"{name}__MIN" in names and f"{name}__MAX" in names for name in names[1:])


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the chart's runs; LogError for anything that makes the file unusable."""
    header, rows = _rows(file)
    if header[0].lower().startswith(TIMES):
        raise file.error("line 1", f"the chart's x axis is {header[0]!r}, expected a count of updates: choose Step and export again")
    steps = counted(file.name, header[0], _numbers(file, header, rows, 0))
    metrics = [name for name in header[1:] if not name.endswith(("__MIN", "__MAX")) and f"{name}__MIN" in header]
    runs: dict[str, dict[str, str]] = {}
    for name in metrics:
        run, _, metric = name.rpartition(" - ")
        runs.setdefault(run, {})[metric] = name
    failure, found = None, False
    for run, own in runs.items():
        try:
            yield _run(file, run, own, header, rows, steps, alone=len(runs) == 1)
            found = True
        except LogError as error:
            failure = failure or error
            if "expected a number" in error.message:
                raise
    if not found:
        raise failure or file.error("line 1", "has no column with its __MIN and __MAX beside it: it is no chart that was exported")


def _run(file: LogFile, run: str, own: dict[str, str], header: list[str], rows: list[list[str]], steps: np.ndarray, alone: bool) -> RunLog:
    mapping = {role: metric for role, metric in file.stated.mapping.items() if role not in ("step", "run_id")}
    taken = recognise_columns(own, mapping, file.name)
    columns, merged = {}, 0
    for role in ("lr", *HISTORY_VALUES):
        if role in taken:
            at = header.index(own[taken[role]])
            values = _numbers(file, header, rows, at, missing=True)
            low, high = (_numbers(file, header, rows, header.index(header[at] + end), missing=True) for end in ("__MIN", "__MAX"))
            merged = max(merged, int((low < high).sum()))
            there = np.array([bool(row[at].strip()) for row in rows], bool)
            columns[role] = steps[there], values[there]
    taken = {"step": header[0], **{role: own[name] for role, name in taken.items() if role in columns}}
    if not any(role in columns for role in HISTORY_VALUES):
        raise file.error("line 1", f"run {run!r} has none of {', '.join(HISTORY_VALUES)}, but {', '.join(own)}: say which in the mapping")
    used = [columns[role][0] for role in TRAIN_ROLES if role in columns and columns[role][0].size]
    convention = convention_of(header[0], np.concatenate(used), epoch=False) if used else Convention(0, 0)
    run_id = file.run_id if alone else f"{file.run_id}/{run}"
    result = assemble(file.name, run_id, NAME, columns, taken, file.stated, convention, name=run or None)
    if merged:
        result.note("sampling", f"{merged} of {len(rows)} rows stand for several logged ones (their __MIN is below their __MAX)")
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


def _numbers(file: LogFile, header: list[str], rows: list[list[str]], column: int, missing: bool = False) -> np.ndarray:
    """A column as floats, NaN where it is empty and may be."""
    values = np.full(len(rows), np.nan)
    for i, row in enumerate(rows):
        if missing and not row[column].strip():
            continue
        try:
            values[i] = float(row[column])
        except ValueError:
            raise file.error(f"line {i + 2}", f"{header[column]} is {row[column]!r:.40}, expected a number") from None
    return values
