"""Rows of several kinds of line in one order: numbers for lines without one, one rank of many, each run by itself."""

from collections.abc import Iterator

import numpy as np

from lastiterate.logs import order
from lastiterate.logs.formats.text_rows import Rows


def numbered(kinds: list[Rows], notes: list[str]) -> list[Rows]:
    """The kinds, with the next or last numbered line's number where a line has none; rows that find none are noted and go."""
    if not any(rows.line.at and rows.at.size for rows in kinds):
        return kinds
    with_number = [rows for rows in kinds if rows.line.at is None and rows.at.size]
    at = np.concatenate([rows.at for rows in with_number] or [np.zeros(0, np.int64)])
    number = np.concatenate([rows.number for rows in with_number] or [np.zeros(0, np.int64)])
    by_place = np.argsort(at, kind="stable")
    at, number = at[by_place], number[by_place]
    out = []
    for rows in kinds:
        if rows.line.at is not None and rows.at.size:
            place = np.searchsorted(at, rows.at)
            if rows.line.at == "next":
                found = place < at.size
                rows.number = number[np.minimum(place, max(at.size - 1, 0))] if at.size else rows.number
            else:
                found = np.full(rows.at.size, bool(at.size))
                rows.number = np.where(place > 0, number[np.maximum(place - 1, 0)], 0) if at.size else rows.number
            if not found.all():
                notes.append(f"{int((~found).sum())} lines of {next(iter(rows.line.keys))} have no numbered line after them: left out")
                rows = rows.take(found)
        out.append(rows)
    return out


def of_one_rank(kinds: list[Rows], notes: list[str]) -> list[Rows]:
    """The rows of the lowest rank that writes records, where several do; equal rows of unnamed ranks once."""
    ranks = np.unique(np.concatenate([np.zeros(0, np.int16), *(rows.rank[rows.rank >= 0] for rows in kinds)]))
    if ranks.size > 1:
        kept = [rows.take((rows.rank == ranks[0]) | (rows.rank < 0)) for rows in kinds]
        gone = sum(rows.at.size for rows in kinds) - sum(rows.at.size for rows in kept)
        notes.append(f"{ranks.size} ranks write records: those of rank {ranks[0]} are taken, {gone} lines of the others are left out")
        kinds = kept
    once = [_once(rows) for rows in kinds]
    gone = sum(rows.at.size for rows in kinds) - sum(rows.at.size for rows in once)
    if gone:
        notes.append(f"{gone} lines are equal to an earlier one of their run, as those of several ranks are: counted once")
    return once


def _once(rows: Rows) -> Rows:
    """Without rows that are equal to an earlier one of their run: other ranks', or a summary's at the end."""
    number = rows.number
    if not number.size or (number[1:] > number[:-1]).all():
        return rows
    back = number <= np.maximum.accumulate(np.append(-1, number[:-1]))
    keep, seen, highest = np.ones(number.size, bool), {}, -1
    columns = [np.where(rows.known[key], column, -0.5) for key, column in rows.values.items()]
    for i in np.flatnonzero(np.isin(number, number[back])).tolist():
        own = int(number[i])
        row = tuple(column[i].tobytes() for column in columns)
        if own <= number[0] < highest:  # another run
            seen, highest = {}, own
        if row in seen.setdefault(own, set()):
            keep[i] = False
        seen[own].add(row)
        highest = max(highest, own)
    return rows if keep.all() else rows.take(keep)


def runs(kinds: list[Rows]) -> Iterator[tuple[list[Rows], list[str]]]:
    """Each run's rows by kind, and what a person should know of them; `order.Disorder` if they are in no order.

    The number of one kind of line may lag behind another's: it falls only where it falls within a kind.
    """
    starts = _starts(kinds)
    if not starts:
        yield kinds, []
        return
    at = np.concatenate([rows.at for rows in kinds])
    by_place = np.argsort(at, kind="stable")
    number = np.concatenate([rows.number for rows in kinds])[by_place]
    bounds = [*np.searchsorted(at[by_place], starts), number.size]
    begin = 0
    for stop in bounds:
        number[begin:stop] = np.maximum.accumulate(number[begin:stop])
        begin = stop
    kind = np.repeat(np.arange(len(kinds)), [rows.at.size for rows in kinds])[by_place]
    within = np.concatenate([np.arange(rows.at.size) for rows in kinds])[by_place]
    found = order.parts(number)
    for count, part in enumerate(found, start=1):
        notes = list(part.notes)
        if len(found) > 1:
            notes.append(order.several(count, len(found)))
        yield [rows.take(within[part.rows][kind[part.rows] == i]) for i, rows in enumerate(kinds)], notes


def _starts(kinds: list[Rows]) -> list[int]:
    """The lines at which the number falls back, in order."""
    falls = []  # (line, the line before it of its kind)
    for rows in kinds:
        down = np.flatnonzero(rows.number[1:] < rows.number[:-1]) + 1
        falls += zip(rows.at[down].tolist(), rows.at[down - 1].tolist(), strict=True)
    starts, begin = [], -1
    for line, before in sorted(falls):
        if before >= begin:
            starts.append(line)
            begin = line
    return starts
