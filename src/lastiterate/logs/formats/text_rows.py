"""The rows of a text log: what the lines of one writer hold, in the file's order."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.compute as compute

from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.formats.text_lines import Block, blocks, bools, extract, integers, layout, numbers, plain_numbers, take, valid
from lastiterate.logs.formats.text_writers import Line, Writer

_COUNT = r"\d{1,3}(?:[,_]\d{3}){1,4}|\d{1,15}"  # 1,024 or 1_024
_NUMBERS = {"{step}": rf"(?P<step>{_COUNT})", "{total}": rf"(?P<total>{_COUNT})", "{epoch}": r"(?P<epoch>\d{1,9})"}
_NUMBERS["{per_epoch}"] = r"(?P<per_epoch>\d{1,9})"
_ANYTHING = r"[^\n]{1,16}?"  # in the place of a number that is damaged
_BEFORE = r"(?:^|[\s\]:|>)({,\"'-])"
_PREFIX = r"(?s)^(?P<prefix>(?:.*?[\s\]:|>)({,\"'-])?)"
_RANK = r"(?i)(?:\b(?:rank|default|worker|process|proc|host|ranks?\d*/|dp)[\s:=_#-]*|^\s*\[?|\[\d+,)(?P<rank>\d{1,6})(?:[\]:,|>)\s]|$)"
SAMPLED_ROWS = 100
COUNTED = 5000  # lines of a kind that tell the writer
MANY = 256  # rows of a block that are worth a layout
LARGEST = 2**31 - 1  # a larger number is no count of updates
SCALES = {b"": 1, b"k": 1000, b"M": 10**6, b"G": 10**9}


@dataclass
class Rows:
    """Rows of a kind of line: where they stand, their numbers (-1: none in the line), their values by key."""

    line: Line
    at: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    number: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    rank: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int16))
    values: dict[str, np.ndarray] = field(default_factory=dict)
    known: dict[str, np.ndarray] = field(default_factory=dict)  # key -> which rows have a value
    total: int | None = None
    rounded: bool = False

    def take(self, keep: np.ndarray | slice) -> "Rows":
        """Some of the rows."""
        values, known = ({key: column[keep] for key, column in columns.items()} for columns in (self.values, self.known))
        return Rows(self.line, self.at[keep], self.number[keep], self.rank[keep], values, known, self.total, self.rounded)


@dataclass
class Scan:
    """All that a file holds of a writer's lines."""

    kinds: list[Rows]
    bad: int = 0  # lines that begin like a record and are not one
    no_numbers: dict[str, int] = field(default_factory=dict)  # key -> records in which something else stands beside it
    first_bad: str = ""
    orphans: int = 0  # values of records whose first line is missing, or that stand in one twice
    cut: bool = False  # the last line is a record without a line end
    samples: list[str] = field(default_factory=list)  # a few records as they stand


def head_pattern(line: Line, writer: Writer, text: str | None = None) -> str:
    """The pattern of a head, with its prefix."""
    head = line.head if text is None else text
    for name, group in _NUMBERS.items():
        head = head.replace(name, group)
    if head.startswith("^"):
        return r"(?s)^(?P<prefix>)" + head[1:]
    return (_PREFIX if writer.prefixed else r"(?s)^(?P<prefix>)") + head


def _loosened(head: str) -> str:
    """A head with anything in the place of its numbers: a record whose count is damaged still begins so."""
    for name in _NUMBERS:
        head = head.replace(name, _ANYTHING)
    return re.sub(r"\(\?P<\w+>(?:[^()]|\([^()]*\))*\)", _ANYTHING, head)


def told_by(line: Line, writer: Writer) -> str:
    """The same pattern without its groups, which tells much faster whether a line has it."""
    head = re.sub(r"\(\?P<\w+>", "(?:", head_pattern(line, writer).removeprefix(_PREFIX).removeprefix(r"(?s)^(?P<prefix>)"))
    return "(?s)" + ("^" if line.head.startswith("^") or not writer.prefixed else _BEFORE) + head


def count_records(path: Path, writers: tuple[Writer, ...], limit: int) -> Counter:
    """How many numbered lines of each writer there are in the first block that has any, within the first bytes of a file."""
    found = Counter()
    for block in blocks(path, limit=limit):
        for writer in writers:
            for line in writer.lines:
                at = block.having(line.literal)[:COUNTED] if line.at is None else ()
                if len(at):
                    found[writer.name] += int(bools(compute.match_substring_regex(take(block.lines, at), told_by(line, writer))).sum())
        if found.total():
            break
    return found


def scan(file: LogFile, writer: Writer, keys: dict[str, tuple[str, ...]]) -> Scan:
    """The file's rows of one writer; `keys`: by kind's head, which of the log's names are wanted."""
    kinds = [_Growing(line) for line in writer.lines]
    size, done, out = max(file.path.stat().st_size, 1), 0, Scan([])
    for block in blocks(file.path, writer.joined):
        done += len(block.data)
        file.watch.hold(sum(kind.size * (2 + len(keys[kind.line.head])) for kind in kinds))
        if writer.joined and block.whole:
            out.orphans += _orphans(block, writer)
        for i, line in enumerate(writer.lines):
            at = block.having(line.literal)
            if not at.size:
                continue
            rows, bad = _rows(block, line, writer, at, keys[line.head], out.no_numbers)
            if not block.whole:
                out.cut |= bool(rows.at.size or bad.size)
                continue
            if rows.at.size:
                if len(out.samples) < SAMPLED_ROWS * len(kinds):
                    some = take(block.lines, (rows.at - block.start)[:SAMPLED_ROWS])
                    out.samples += [text.decode("utf-8", "replace")[:2000] for text in some.to_pylist()]
                kinds[i].add(rows, min(done / size, 1.0))
            if bad.size:
                out.first_bad = out.first_bad or block.lines[int(bad[0])].as_py().decode("utf-8", "replace").strip()
                out.bad += bad.size
    out.kinds = [kind.done() for kind in kinds]
    return out


def _rows(
    block: Block, line: Line, writer: Writer, at: np.ndarray, keys: tuple[str, ...], no_numbers: dict[str, int]
) -> tuple[Rows, np.ndarray]:
    """The rows of a block, and the lines that only begin like one."""
    lines = take(block.lines, at)
    alike, found = None, {}
    if at.size > MANY and (pattern := layout(lines[0].as_py(), head_pattern(line, writer), _pairs(writer, keys), writer.number)):
        found = extract(lines, pattern)
        alike = valid(found["prefix"])
    if alike is not None and alike.all():
        return _of_groups(line, at + block.start, found, keys), np.zeros(0, np.int64)
    rows, bad = _searched(block, line, writer, at if alike is None else at[~alike], keys, no_numbers)
    if alike is not None and alike.any():
        place = np.flatnonzero(alike)
        first = _of_groups(line, at[alike] + block.start, {name: take(group, place) for name, group in found.items()}, keys)
        rows = _together(line, [first, rows] if rows.at.size else [first])
        rows = rows.take(np.argsort(rows.at, kind="stable"))
    return rows, bad


def _orphans(block: Block, writer: Writer) -> int:
    """Values that belong to no record, or stand in one twice: its first line is missing."""
    count = 0
    for line in writer.lines:
        for key in line.keys:
            at = block.having(key.replace("\\", "") + "=")
            if at.size:
                lines = take(block.lines, at)
                times = plain_numbers(compute.count_substring(lines, key.replace("\\", "") + "="), np.int32)
                count += int(times.sum() - valid(extract(lines, head_pattern(line, writer))["prefix"]).sum())
    return count


def _pairs(writer: Writer, keys: tuple[str, ...]) -> list[str]:
    return ["(?s)" + writer.pair.replace("{key}", key).replace("{number}", writer.number) for key in keys]


def _searched(
    block: Block, line: Line, writer: Writer, at: np.ndarray, keys: tuple[str, ...], no_numbers: dict[str, int]
) -> tuple[Rows, np.ndarray]:
    """The rows among some lines, each key searched for by itself."""
    if line.begins is None:
        at = at[bools(compute.match_substring_regex(take(block.lines, at), told_by(line, writer)))]
    lines = take(block.lines, at)
    head = extract(lines, head_pattern(line, writer))
    fits = valid(head["prefix"])
    twice = np.flatnonzero((plain_numbers(compute.count_substring(lines, line.literal), np.int32) > 1) & fits)
    if twice.size:  # two records in one line, as two processes write at once
        core = re.sub(r"\(\?P<\w+>", "(", head_pattern(line, writer).removeprefix(_PREFIX))
        glued = compute.match_substring_regex(take(lines, twice), f"(?s){core}.*{core}")
        fits[twice[bools(glued)]] = False
    bad = np.zeros(0, np.int64)
    if line.begins is not None and not fits.all():
        begins = head_pattern(line, writer, line.begins or _loosened(line.head))
        bad = at[valid(extract(lines, begins)["prefix"]) & ~fits]
    if not fits.any():
        return Rows(line), bad
    place = np.flatnonzero(fits)
    at, lines, groups = at[fits], take(lines, place), {name: take(group, place) for name, group in head.items()}
    for i, (key, pattern) in enumerate(zip(keys, _pairs(writer, keys), strict=True)):
        groups[f"key{i}"] = extract(lines, pattern)["value"]
        named = bools(compute.match_substring_regex(lines, rf"(?:^|[\s,|;{{(\[-])['\"]?{key}['\"]?\s*[:=]"))
        if lost := int((named & ~valid(groups[f"key{i}"])).sum()):
            no_numbers[key] = no_numbers.get(key, 0) + lost
    rows = _of_groups(line, at + block.start, groups, keys)
    wanted = [key for key in line.keys if key in rows.known] or list(rows.known)
    if line.begins is not None and wanted:
        main = line.keys.get(wanted[0])
        wanted = [key for key in wanted if line.keys.get(key) == main]
    record = np.logical_or.reduce([rows.known[key] for key in wanted] or [np.ones(at.size, bool)])
    if line.begins is not None:
        bad = np.sort(np.concatenate([bad, at[~record]]))
    return (rows if record.all() else rows.take(record)), bad


def _of_groups(line: Line, at: np.ndarray, groups: dict[str, arrow.BinaryArray], keys: tuple[str, ...]) -> Rows:
    """Rows from a pattern's groups: prefix, step, total, and each key's value by its place among the keys."""
    rows = Rows(line, at.astype(np.int32), rank=_ranks(groups["prefix"]))
    rows.number, rows.rounded = _numbers(groups) if "step" in groups else (np.full(at.size, -1, np.int32), False)
    if "total" in groups:
        last = groups["total"][len(at) - 1].as_py()
        rows.total = int(last.replace(b",", b"_")) if last else None
    for i, key in enumerate(keys):
        texts = groups.get(f"key{i}")
        rows.values[key], rows.known[key] = numbers(texts) if texts is not None else (np.full(at.size, np.nan), np.zeros(at.size, bool))
    return rows


def _numbers(head: dict[str, arrow.BinaryArray]) -> tuple[np.ndarray, bool]:
    """The rows' numbers, and whether they are rounded (1.23k)."""
    if "scale" in head:
        scale = np.array([SCALES.get(one, 1) for one in head["scale"].to_pylist()])
        number = numbers(head["step"])[0] * scale
        return np.minimum(np.rint(number), LARGEST).astype(np.int32), bool((scale > 1).any())
    number = integers(head["step"])
    if "epoch" in head:
        number = (integers(head["epoch"]) - 1) * integers(head["per_epoch"]) + number
    return np.minimum(number, LARGEST).astype(np.int32), False


def _ranks(prefix: arrow.BinaryArray) -> np.ndarray:
    """The rank that a line's prefix names; -1 if it names none."""
    if not plain_numbers(compute.binary_length(prefix), np.int32).any():
        return np.full(len(prefix), -1, np.int16)
    rank = extract(prefix, _RANK)["rank"]
    return np.where(valid(rank), np.minimum(integers(rank), 32_000), -1).astype(np.int16)


def _together(line: Line, parts: list[Rows]) -> Rows:
    """Rows of several blocks as one."""
    if not parts:
        return Rows(line)
    rows = Rows(line, *(np.concatenate([getattr(part, name) for part in parts]) for name in ("at", "number", "rank")))
    for key in parts[0].values:
        rows.values[key] = np.concatenate([part.values[key] for part in parts])
        rows.known[key] = np.concatenate([part.known[key] for part in parts])
    rows.total = next((part.total for part in reversed(parts) if part.total is not None), None)
    rows.rounded = any(part.rounded for part in parts)
    return rows


class _Growing:
    """Rows of a kind of line as the blocks bring them, in arrays that are larger than filled: what is not written takes no memory."""

    def __init__(self, line: Line):
        self.line, self.size, self.room, self.rows = line, 0, 0, Rows(line)

    def add(self, part: Rows, share: float) -> None:
        """Append a block's rows; `share` of the file has been read."""
        if self.size + part.at.size > self.room:
            self.room = int(1.2 * (self.size + part.at.size) / max(share, 1e-3)) + 1000
            for name in ("at", "number", "rank"):
                setattr(self.rows, name, self._grown(getattr(self.rows, name), getattr(part, name)))
            for columns, new in ((self.rows.values, part.values), (self.rows.known, part.known)):
                for key in new:
                    columns[key] = self._grown(columns.get(key, new[key][:0]), new[key])
        end = self.size + part.at.size
        for name in ("at", "number", "rank"):
            getattr(self.rows, name)[self.size : end] = getattr(part, name)
        for columns, new in ((self.rows.values, part.values), (self.rows.known, part.known)):
            for key in new:
                columns[key][self.size : end] = new[key]
        self.size, self.rows.total, self.rows.rounded = end, part.total or self.rows.total, part.rounded or self.rows.rounded

    def _grown(self, old: np.ndarray, like: np.ndarray) -> np.ndarray:
        new = np.empty(self.room, like.dtype)
        new[: self.size] = old[: self.size]
        return new

    def done(self) -> Rows:
        """All rows."""
        return self.rows.take(slice(0, self.size))
