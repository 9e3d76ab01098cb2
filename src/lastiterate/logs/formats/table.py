"""Reader of plain tables: CSV (comma, tab or semicolon), JSON lines, a JSON array of rows, and parquet, each with a header or names.

A table holds one run, or many with a column that names them (`run_id`, `run`, `run_name`, or mapped); the rows of a run
must stand together, so that a table larger than the memory can be read. Columns are recognised by name (`columns.py`);
an empty cell is a missing value, NaN an invalid one. How steps count: `convention.convention_of`.
"""

import io
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from lastiterate.logs.columns import PATTERNS, fits, may_be_val_loss
from lastiterate.logs.columns import recognise as recognise_columns
from lastiterate.logs.convention import Convention
from lastiterate.logs.formats.rows import Rows, runs_of, wanted_columns
from lastiterate.logs.formats.source import HEAD_BYTES, LogFile, first_object, first_row, text_of
from lastiterate.logs.run_log import LogError, RunLog
from lastiterate.logs.trainers import TRAINERS

NAME = "table"
BATCH_ROWS = 1 << 16
TICK_ROWS = 1 << 12  # of JSON, between looks at the limits
CSV_BLOCK_BYTES = 1 << 22
MOST_LINE = 1 << 20  # bytes that a line of a table may have
NOT_FINITE = {"nan": np.nan, "inf": np.inf, "infinity": np.inf, "-inf": -np.inf, "-infinity": -np.inf}


_PRINTED = re.compile(  # a console line with a comma or a tab is no header
    r"(?i)[:=] *[-+]?\.?\d|^\s*\[?\d{4}-\d\d-\d\d[ T]|\d\d:\d\d:\d\d|^\W*(\w+[ _])?(step|iter|iteration|update|epoch|batch)\s+\d+$"
)
_INDEX = re.compile(r"Unnamed: \d+(_level_\d+)?")  # pandas' name of a column without one


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
    if any(_PRINTED.search(name) and not _INDEX.fullmatch(name) for name in names):
        return []
    single = len(names) == 1 and any(fits(role, names[0]) for role in PATTERNS)
    return names if single or (len(names) > 1 and "{" not in text[:1]) else []


def read(file: LogFile, log_format: str = NAME, convention: Convention | None = None) -> Iterator[RunLog]:
    """Yield the table's runs, in its order, with one of them in memory at a time.

    Raises LogError for anything that makes the table unusable: which line, which column, expected, got.
    """
    with file.open() as opened:
        head = opened.read(HEAD_BYTES)
        while len(head) >= HEAD_BYTES and b"\n" not in head and len(head) < MOST_LINE and (more := opened.read(HEAD_BYTES)):
            head += more
    if head[:4] == b"PAR1":
        yield from _columnar(file, log_format, convention, _parquet_file(file).schema_arrow.names, _parquet_batches)
    elif (text := text_of(head)) is not None and text.lstrip()[:1] in ("[", "{"):
        yield from _json_runs(file, log_format, convention, array=text.lstrip()[0] == "[")
    else:
        names = _header(text or "")
        if not names:
            raise file.error("content", "not a CSV file with a header: its first line holds no names")
        yield from _columnar(file, log_format, convention, names, csv_batches)


def _columnar(file: LogFile, log_format: str, convention, names: list[str], batches) -> Iterator[RunLog]:
    """Runs of a table whose columns arrive in record batches: those with a role as numbers, others that may tell something as they are."""
    file.watch.name(len(names))
    taken = recognise_columns(names, file.stated.mapping, file.name)
    for role, name in taken.items():
        if names.count(name) > 1:
            raise file.error("header", f"holds {name!r} {names.count(name)} times: rename all but the one that is {role}")
    key = taken.pop("run_id", None)
    numbers, texts = wanted_columns(names, set(file.stated.mapping.values()))
    beside = [name for name in [*numbers, *texts] if name not in taken.values() and name != key and names.count(name) == 1]
    rows, current, seen, notes = Rows(file.watch), None, set(), []
    finish = lambda: runs_of(rows, file, _id(file, current), log_format, names=names, convention=convention)
    wanted = list(taken.values())
    total = 0  # rows of earlier batches
    for batch in batches(file, wanted, beside, key, notes):
        for run, start, stop in _pieces(batch, key):
            if key and not run:
                raise file.error(f"column {key!r}", f"is empty in row {total + start + 1}: name its run in every row")
            if run != current or (rows.count == 0 and current is None):
                if rows.count:
                    yield from finish()
                _unseen(file, key, run, seen)
                rows, current = Rows(file.watch), run
            for name in wanted:
                values = batch.column(name)[start:stop]
                valid = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
                rows.add(name, rows.count + valid, values.to_numpy(zero_copy_only=False)[valid])
            for name in beside:
                if name in batch.schema.names:
                    _add_beside(rows, name, batch.column(name)[start:stop], name in texts)
            rows.count += stop - start
            file.watch.tick()
        total += batch.num_rows
    if rows.count == 0:
        raise file.error("table", "has no rows" + "".join(f"; {where} {message}" for where, message in notes))
    *before, last = finish()
    yield from before
    for where, message in notes:
        last.note(where, message)
    yield last


def _add_beside(rows: Rows, name: str, values: arrow.Array, text: bool) -> None:
    """Values of a column without a role: words, or numbers; what is none of them is no setting and is passed over."""
    values = values.cast(arrow.string()) if arrow.types.is_dictionary(values.type) else values
    if text:
        codes = values.cast(arrow.string()).dictionary_encode()
        index = codes.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        known = np.flatnonzero(index >= 0)
        for i in known[np.append(True, np.diff(index[known]) != 0)] if known.size else ():
            rows.add_word(name, rows.count + int(i), codes.dictionary[int(index[i])].as_py())
        return
    try:
        numbers = values.cast(arrow.float64())
    except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError):
        return
    valid = np.flatnonzero(numbers.is_valid().to_numpy(zero_copy_only=False))
    rows.add(name, rows.count + valid, numbers.to_numpy(zero_copy_only=False)[valid])


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
            yield (str(codes.dictionary[int(index[start])].as_py()) if index[start] >= 0 else None), start, stop


def _unseen(file: LogFile, key: str | None, run: str | None, seen: set) -> None:
    if run in seen:
        raise file.error(f"column {key!r}", f"the rows of run {run!r} do not stand together: sort the table by {key}, then by step")
    seen.add(run)


def _id(file: LogFile, run: str | None) -> str:
    return file.run_id if run is None else f"{file.run_id}/{run}"


def _header(text: str) -> list[str]:
    """Names in the first line, split at its most frequent separator."""
    line = re.split(r"\r\n|\n|\r", text.lstrip("\r\n"), maxsplit=1)[0]
    names = first_row(line, _delimiter(line))
    return [] if all(_is_number(name) for name in names) else names


def _delimiter(line: str) -> str:
    return max((",", "\t", ";"), key=line.count)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return not text.strip()
    return True


def csv_batches(file: LogFile, wanted: list[str], beside: list[str], key: str | None, notes: list) -> Iterator[arrow.RecordBatch]:
    """Record batches of a CSV file: `wanted` as numbers, `beside` and `key` as text.

    A last line without an end may be cut short, within a number even: it is left out, and `notes` says so.
    """
    with file.open() as opened:
        head = opened.read(HEAD_BYTES)
        whole = _whole_lines(opened)
    text = text_of(head) or ""
    line = re.split(r"\r\n|\n|\r", text.lstrip("\r\n"), maxsplit=1)[0]
    if whole is not None:
        notes.append(("last line", "has no line end, so that its last number may be cut short: left out"))
    types = {name: arrow.float64() for name in wanted} | {name: arrow.string() for name in (*beside, *([key] if key else []))}
    try:
        with file.open() as opened:
            yield from arrow_csv.open_csv(
                arrow.PythonFile(_Upto(opened, whole), mode="r") if whole is not None else opened,
                read_options=arrow_csv.ReadOptions(use_threads=False, block_size=CSV_BLOCK_BYTES),
                parse_options=arrow_csv.ParseOptions(delimiter=_delimiter(line), newlines_in_values=b'"' in head),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=True
                ),
            )
    except (arrow.ArrowInvalid, arrow.ArrowKeyError) as error:
        if whole is not None and whole <= len(head.lstrip(b"\r\n")[: len(line.encode()) + 2]):
            raise file.error("table", "has no rows; its only one has no line end, so that its last number may be cut short") from None
        raise _csv_error(file, str(error), _header(text)) from None


def _whole_lines(opened) -> int | None:
    """How many bytes end with the last line end, if others follow that may be a line cut short; None if none do."""
    size = opened.seek(0, 2)
    tail = b""
    while len(tail) < size and b"\n" not in tail[:-1] and len(tail) < MOST_LINE:
        opened.seek(max(0, size - len(tail) - HEAD_BYTES))
        tail = opened.read(size - len(tail) - opened.tell()) + tail
    cut = tail.rfind(b"\n") + 1
    last = tail[cut:]
    if not last.strip(b"\0 \r") or last.rstrip().endswith(b'"') or (b"\r" in tail and cut == 0):
        return None
    return size - len(last)


class _Upto(io.RawIOBase):
    """The first bytes of a file, as a file."""

    def __init__(self, opened, size: int):
        self.opened, self.left = opened, size

    def readable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        data = self.opened.read(self.left if count < 0 else min(count, self.left))
        self.left -= len(data)
        return data


def _csv_error(file: LogFile, message: str, names: list[str]):
    """Arrow's message in this project's form: line, column, got, expected."""
    if found := re.search(r"column #(\d+): Row #(\d+): .*invalid value '(.*)'", message, re.DOTALL):
        column = names[int(found[1])] if int(found[1]) < len(names) else f"column {int(found[1]) + 1}"
        return file.error(f"line {found[2]}", f"{column} is {found[3]!r:.40}, expected a number")
    if found := re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message):
        return file.error(f"line {found[1]}", f"has {found[3]} cells, expected {found[2]} as in the header")
    if "straddling object" in message:
        return file.error("content", f"has a line of more than {CSV_BLOCK_BYTES} bytes, as no table of a run has: a quote may be open")
    return file.error("content", f"not a CSV file with a header: {message.splitlines()[0] if message else 'empty'}")


def _parquet_file(file: LogFile) -> parquet.ParquetFile:
    try:
        return parquet.ParquetFile(file.path)
    except (arrow.ArrowInvalid, OSError) as error:
        raise file.error("content", f"not a readable parquet file ({str(error).splitlines()[0]}): it is truncated or damaged") from None


def _parquet_batches(file: LogFile, wanted: list[str], beside: list[str], key: str | None, notes: list) -> Iterator[arrow.RecordBatch]:
    opened, kinds = _parquet_file(file), arrow.types
    kind_of = lambda name: opened.schema_arrow.field(name).type
    is_number = lambda kind: kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind) or kinds.is_null(kind)
    is_text = lambda kind: kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_dictionary(kind)
    for name in wanted:
        if not is_number(kind_of(name)):
            raise file.error(f"column {name!r}", f"is of type {kind_of(name)}, expected numbers")
    if key and not (is_text(kind_of(key)) or kinds.is_integer(kind_of(key))):
        raise file.error(f"column {key!r}", f"is of type {kind_of(key)}, expected the names of runs")
    beside = [name for name in beside if is_number(kind_of(name)) or is_text(kind_of(name))]
    try:
        for batch in opened.iter_batches(BATCH_ROWS, columns=[*wanted, *beside, *([key] if key else [])]):
            columns = [batch.column(n).cast(arrow.float64(), safe=False) if n in wanted else batch.column(n) for n in batch.schema.names]
            yield arrow.record_batch(columns, names=batch.schema.names)
    except (arrow.ArrowException, OSError) as error:
        raise file.error("content", f"not a readable parquet file ({str(error).splitlines()[0]}): it is damaged") from None


def _json_runs(file: LogFile, log_format: str, convention, array: bool) -> Iterator[RunLog]:
    """Runs of rows that are JSON objects, whose keys may differ from row to row."""
    mapped = set(file.stated.mapping.values())
    used: dict[str, str] = {}  # by key: "role" if it may be a column that we want, "beside" if it may tell something, "" else
    key = current = None
    rows, lists, names, seen, notes = Rows(file.watch), {}, {}, set(), []

    def finish():
        for name, (at, values) in lists.items():
            rows.add(name, at, values)
        recognise_columns(names, file.stated.mapping, file.name)
        return runs_of(rows, file, _id(file, current), log_format, names=list(names), convention=convention)

    for where, row in _json_array(file) if array else _json_lines(file, notes):
        if key is None:
            stated = {k: v for k, v in file.stated.mapping.items() if k == "run_id" and v in row}
            key = recognise_columns(row, stated, file.name).get("run_id")
            if key is not None and rows.count:
                raise file.error(where, f"names its run in {key!r}, the rows before it do not: name it in every row")
        if key and row.get(key) is None:
            raise file.error(where, f"has no {key!r}, the rows before it do: name its run in every row")
        run = str(row[key]) if key else None
        if rows.count == 0 or run != current:
            if rows.count:
                yield from finish()
            _unseen(file, key, run, seen)
            rows, lists, names, current = Rows(file.watch), {}, {}, run
        if len(names) < len(row) or not row.keys() <= names.keys():
            names |= dict.fromkeys(row)
            file.watch.name(len(names))
            for name in row:
                if name not in used:
                    used[name] = "" if name == key else _use(name, mapped)
        for name, value in row.items():
            use = used[name]
            if not use or value is None:
                continue
            if type(value) is not float:
                if use == "beside" and (type(value) is str or isinstance(value, bool | dict | list)):
                    if type(value) is str:
                        rows.add_word(name, rows.count, value)
                    continue
                value = _number(file, where, name, value)
            at, values = lists.setdefault(name, ([], []))
            at.append(rows.count)
            values.append(value)
        rows.count += 1
        if rows.count % TICK_ROWS == 0:
            file.watch.hold(sum(len(values) for _, values in lists.values()))
    if rows.count == 0:
        raise file.error("table", "has no rows" + "".join(f"; {where} {message}" for where, message in notes))
    *before, last = finish()
    yield from before
    for where, message in notes:
        last.note(where, message)
    yield last


def _use(name: str, mapped: set[str]) -> str:
    """Whether a key of JSON rows may be a column with a role, or tell something beside them."""
    if name in mapped or any(fits(role, name) for role in PATTERNS if role != "run_id") or may_be_val_loss(name):
        return "role"
    for trainer in TRAINERS:
        if any(re.fullmatch(pattern, name) for pattern in trainer.columns.values()):
            return "role"
    numbers, texts = wanted_columns([name], mapped)
    return "beside" if numbers or texts else ""


def _number(file: LogFile, where: str, name: str, value) -> float:
    """A value that is no float: an integer, or text because it is not finite, as W&B's exports have it."""
    if type(value) is int and abs(value) < 2**1023:
        return float(value)
    if isinstance(value, str) and value.strip().lower() in NOT_FINITE:
        return NOT_FINITE[value.strip().lower()]
    raise file.error(where, f"{name} is {value!r:.40}, expected a number")


def _json_lines(file: LogFile, notes: list) -> Iterator[tuple[str, dict]]:
    """Numbered objects; a last line without an end that is no whole object was cut short: `notes` says so."""
    with file.open() as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip(b"\0 \t\r\n"):
                continue
            try:
                row = json.loads(line) if number > 1 else json.loads(line, object_pairs_hook=file.once)
                if isinstance(row, dict) and line.count(b'":') > len(row):  # a key may stand twice
                    row = json.loads(line, object_pairs_hook=file.once)
            except LogError:
                raise
            except ValueError as error:
                if not line.endswith(b"\n") and number > 1:
                    notes.append((f"line {number}", "is cut short, as by a killed writer: left out"))
                    return
                reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else "an integer of thousands of digits"
                reason = getattr(error, "msg", reason)
                raise file.error(f"line {number}", f"not valid JSON ({reason}): the line is truncated or damaged") from None
            if not isinstance(row, dict):
                raise file.error(f"line {number}", f"is {row!r:.40}, expected an object of columns")
            yield f"line {number}", row


def _json_array(file: LogFile) -> Iterator[tuple[str, dict]]:
    for number, row in enumerate(file.load_json()):
        if not isinstance(row, dict):
            raise file.error(f"row {number}", f"is {row!r:.40}, expected an object of columns")
        yield f"row {number}", row
