"""Reader of plain tables: CSV (comma, tab or semicolon), JSON lines, a JSON array of rows, and parquet, each with a header or names.

A table holds one run, or many with a column that names them (`run_id`, `run`, `run_name`, or mapped); the rows of a run
must stand together, so that a table larger than the memory can be read. Columns are recognised by name (`columns.py`);
an empty cell is a missing value, NaN an invalid one. How steps count: `assemble.convention_of`.
"""

import csv
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from lastiterate.logs.assemble import Convention
from lastiterate.logs.columns import PATTERNS, plain
from lastiterate.logs.columns import recognise as recognise_columns
from lastiterate.logs.formats.rows import Rows, run_of
from lastiterate.logs.formats.source import LogFile, first_object, text_of
from lastiterate.logs.run_log import RunLog

NAME = "table"
BATCH_ROWS = 1 << 16
CSV_BLOCK_BYTES = 1 << 22
NOT_FINITE = {"nan": np.nan, "inf": np.inf, "infinity": np.inf, "-inf": -np.inf, "-infinity": -np.inf}


def recognise(path: Path, head: bytes) -> bool:
    """Whether the file is a table: parquet by its magic, JSON by its first line, CSV by a header of several (or one known) names."""
    return bool(columns_of(path, head))


def columns_of(path: Path, head: bytes) -> list[str]:
    """Names of the table's columns, of JSON those of its first row; empty if it is no table."""
    if head[:4] == b"PAR1":
        return _parquet_file(LogFile(path, str(path), "")).schema_arrow.names
    text = text_of(head)
    if not text:
        return []
    if text.lstrip().startswith("["):
        return ["[]"] if re.match(r"\s*\[\s*\{", text) else []
    row = first_object(text)
    if row is not None:
        return list(row)
    names = _header(text)
    single = len(names) == 1 and any(re.fullmatch(pattern, plain(names[0])) for patterns in PATTERNS.values() for pattern in patterns)
    return names if single or (len(names) > 1 and "{" not in text[:1]) else []


def read(file: LogFile, log_format: str = NAME, convention: Convention | None = None) -> Iterator[RunLog]:
    """Yield the table's runs, in its order, with one of them in memory at a time.

    Raises LogError for anything that makes the table unusable: which line, which column, expected, got.
    """
    with file.path.open("rb") as opened:
        head = opened.read(1 << 16)
    if head[:4] == b"PAR1":
        yield from _columnar(file, log_format, convention, _parquet_file(file).schema_arrow.names, _parquet_batches)
    elif (text := text_of(head)) is not None and text.lstrip()[:1] in ("[", "{"):
        yield from _json_runs(file, log_format, convention, array=text.lstrip()[0] == "[")
    else:
        yield from _columnar(file, log_format, convention, _header(text or ""), _csv_batches)


def _columnar(file: LogFile, log_format: str, convention, names: list[str], batches) -> Iterator[RunLog]:
    """Runs of a table whose columns arrive in record batches of the recognised ones."""
    taken = recognise_columns(names, file.stated.mapping, file.name)
    for role, name in taken.items():
        if names.count(name) > 1:
            raise file.error("header", f"holds {name!r} {names.count(name)} times: rename all but the one that is {role}")
    key, epoch = taken.pop("run_id", None), any(plain(name).endswith("epoch") for name in names)
    rows, current, seen = Rows(), None, set()
    finish = lambda: run_of(rows, file, _id(file, current), log_format, names=names, epoch=epoch, convention=convention)
    wanted = list(taken.values())
    for batch in batches(file, wanted, key):
        for run, start, stop in _pieces(batch, key):
            if run != current or (rows.count == 0 and current is None):
                if rows.count:
                    yield finish()
                _unseen(file, key, run, seen)
                rows, current = Rows(), run
            for name in wanted:
                values = batch.column(name)[start:stop]
                valid = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
                numbers = values.to_numpy(zero_copy_only=False)[valid]
                rows.add(name, rows.count + valid, numbers)
            rows.count += stop - start
    if rows.count == 0:
        raise file.error("table", "has no rows")
    yield finish()


def _pieces(batch: arrow.RecordBatch, key: str | None) -> Iterator[tuple[str | None, int, int]]:
    """Consecutive rows of one run each: (run, first row, row after the last)."""
    if key is None:
        if batch.num_rows:
            yield None, 0, batch.num_rows
        return
    codes = batch.column(key).dictionary_encode()
    index = codes.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    bounds = [0, *(np.flatnonzero(np.diff(index)) + 1).tolist(), len(index)]
    for start, stop in pairwise(bounds):
        if stop > start:
            yield (str(codes.dictionary[int(index[start])].as_py()) if index[start] >= 0 else ""), start, stop


def _unseen(file: LogFile, key: str | None, run: str | None, seen: set) -> None:
    if run in seen:
        raise file.error(f"column {key!r}", f"the rows of run {run!r} do not stand together: sort the table by {key}, then by step")
    seen.add(run)


def _id(file: LogFile, run: str | None) -> str:
    return file.run_id if run is None else f"{file.run_id}/{run}"


def _header(text: str) -> list[str]:
    """Names in the first line, split at its most frequent separator."""
    line = text.lstrip("\r\n").split("\n", 1)[0].rstrip("\r")
    names = next(csv.reader([line], delimiter=_delimiter(line)), [])
    return [] if all(_is_number(name) for name in names) else names


def _delimiter(line: str) -> str:
    return max((",", "\t", ";"), key=line.count)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return not text.strip()
    return True


def _csv_batches(file: LogFile, wanted: list[str], key: str | None) -> Iterator[arrow.RecordBatch]:
    with file.path.open("rb") as opened:
        line = next((line for line in opened if line.strip()), b"").decode("utf-8-sig", errors="replace")
    types = {name: arrow.float64() for name in wanted} | ({key: arrow.string()} if key else {})
    names = _header(line)
    try:
        reader = arrow_csv.open_csv(
            file.path,
            read_options=arrow_csv.ReadOptions(use_threads=False, block_size=CSV_BLOCK_BYTES),
            parse_options=arrow_csv.ParseOptions(delimiter=_delimiter(line)),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=True
            ),
        )
        yield from reader
    except (arrow.ArrowInvalid, arrow.ArrowKeyError) as error:
        raise _csv_error(file, str(error), names) from None


def _csv_error(file: LogFile, message: str, names: list[str]):
    """Arrow's message in this project's form: line, column, got, expected."""
    if found := re.search(r"column #(\d+): Row #(\d+): .*invalid value '(.*)'", message, re.DOTALL):
        column = names[int(found[1])] if int(found[1]) < len(names) else f"column {int(found[1]) + 1}"
        return file.error(f"line {found[2]}", f"{column} is {found[3]!r:.40}, expected a number")
    if found := re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message):
        return file.error(f"line {found[1]}", f"has {found[3]} cells, expected {found[2]} as in the header")
    return file.error("content", f"not a CSV file with a header: {message.splitlines()[0] if message else 'empty'}")


def _parquet_file(file: LogFile) -> parquet.ParquetFile:
    try:
        return parquet.ParquetFile(file.path)
    except (arrow.ArrowInvalid, OSError) as error:
        raise file.error("content", f"not a readable parquet file ({str(error).splitlines()[0]}): it is truncated or damaged") from None


def _parquet_batches(file: LogFile, wanted: list[str], key: str | None) -> Iterator[arrow.RecordBatch]:
    opened = _parquet_file(file)
    for name in wanted:
        kind = opened.schema_arrow.field(name).type
        if not (arrow.types.is_integer(kind) or arrow.types.is_floating(kind) or arrow.types.is_null(kind)):
            raise file.error(f"column {name!r}", f"is of type {kind}, expected numbers")
    try:
        yield from opened.iter_batches(BATCH_ROWS, columns=[*wanted, *([key] if key else [])])
    except (arrow.ArrowInvalid, OSError) as error:
        raise file.error("content", f"not a readable parquet file ({str(error).splitlines()[0]}): it is damaged") from None


def _json_runs(file: LogFile, log_format: str, convention, array: bool) -> Iterator[RunLog]:
    """Runs of rows that are JSON objects, whose keys may differ from row to row."""
    mapped = set(file.stated.mapping.values())
    used: dict[str, bool] = {}  # by key: whether it may be a column that we want
    key = current = None
    rows, lists, names, seen = Rows(), {}, {}, set()

    def finish():
        for name, (at, values) in lists.items():
            rows.add(name, at, values)
        recognise_columns(names, file.stated.mapping, file.name)
        epoch = any(plain(name).endswith("epoch") for name in names)
        return run_of(rows, file, _id(file, current), log_format, names=list(names), epoch=epoch, convention=convention)

    for where, row in _json_array(file) if array else _json_lines(file):
        if not names:
            key = recognise_columns(row, {k: v for k, v in file.stated.mapping.items() if k == "run_id"}, file.name).get("run_id")
        run = str(row.get(key)) if key else None
        if rows.count == 0 or run != current:
            if rows.count:
                yield finish()
            _unseen(file, key, run, seen)
            rows, lists, names, current = Rows(), {}, {}, run
        for name, value in row.items():
            names.setdefault(name)
            wanted = used.get(name)
            if wanted is None:
                fits = any(re.fullmatch(p, plain(name)) for role, patterns in PATTERNS.items() if role != "run_id" for p in patterns)
                wanted = used[name] = name != key and (fits or name in mapped)
            if wanted and value is not None:
                if type(value) is not float:
                    value = _number(file, where, name, value)
                at, values = lists.setdefault(name, ([], []))
                at.append(rows.count)
                values.append(value)
        rows.count += 1
    if rows.count == 0:
        raise file.error("table", "has no rows")
    yield finish()


def _number(file: LogFile, where: str, name: str, value) -> float:
    """A value that is no float: an integer, or text because it is not finite, as W&B's exports have it."""
    if type(value) is int and abs(value) < 2**1023:
        return float(value)
    if isinstance(value, str) and value.strip().lower() in NOT_FINITE:
        return NOT_FINITE[value.strip().lower()]
    raise file.error(where, f"{name} is {value!r:.40}, expected a number")


def _json_lines(file: LogFile) -> Iterator[tuple[str, dict]]:
    with file.path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (json.JSONDecodeError, UnicodeDecodeError) as error:
                reason = getattr(error, "msg", "not UTF-8")
                raise file.error(f"line {number}", f"not valid JSON ({reason}): the line is truncated or damaged") from None
            if not isinstance(row, dict):
                raise file.error(f"line {number}", f"is {row!r:.40}, expected an object of columns")
            yield f"line {number}", row


def _json_array(file: LogFile) -> Iterator[tuple[str, dict]]:
    for number, row in enumerate(file.load_json()):
        if not isinstance(row, dict):
            raise file.error(f"row {number}", f"is {row!r:.40}, expected an object of columns")
        yield f"row {number}", row
