"""Step counts that fall: a run resumed from an earlier checkpoint, or another run in the same file.

Rows stand in the order of their writing. Where the count falls to s, it is either
    a resume       s lies above the first step of the run: its rows at or beyond s belong to a branch that was abandoned, and go;
    a second run   s is the run's first step, or below it, or at most one interval of what follows, so that no checkpoint lies
                   before it: what follows is a run of its own.
Again and again by a row or two it falls where several processes write the same run's rows: they are taken in its order.
Nothing else is guessed: rows whose count falls again and again are in no order, and refused.
Source: the first rule is TensorBoard's, tensorboard/backend/event_processing/event_accumulator.py (_MaybePurgeOrphanedData).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

AT_ONCE, NEAR = 3, 3  # falls, and steps that each goes back at most, from which on they are of processes that write at once
LEAST_ROWS = 3  # that a run writes between two falls, on average; with fewer the rows are in no order


class Disorder(ValueError):
    """Rows of which cannot be told in what order they were written."""


@dataclass(frozen=True)
class Part:
    """Rows of one run.

    `rows` are their indices, in the order of writing, with steps that never fall; `notes` says what went, and from where.
    """

    rows: np.ndarray
    notes: list[str] = field(default_factory=list)


def falls(steps: np.ndarray) -> bool:
    """Whether the count falls anywhere."""
    return bool((np.diff(steps) < 0).any())


def parts(steps: np.ndarray, *, one_run: bool = False) -> list[Part]:
    """Runs among rows in the order of their writing.

    Parameters
    ----------
    steps : ndarray of int, shape (n,)
        The count of each row.
    one_run : bool
        Whether the rows are known to be one run's, so that a fall to its first step is a start anew.

    Returns
    -------
    list of Part
        One for each run.

    Raises
    ------
    Disorder
        If the rows are in no order.

    Source: none, this project's own; the module says whose rule a resume follows.

    >>> [(part.rows.tolist(), part.notes) for part in parts(np.array([1, 2, 3, 4, 3, 4, 5]))]
    [([0, 1, 4, 5, 6], ['the count falls from 4 to 3, as in a run resumed from a checkpoint: 2 earlier rows from step 3 on are left out'])]
    >>> [part.rows.tolist() for part in parts(np.array([0, 10, 20, 0, 10, 20]))]
    [[0, 1, 2], [3, 4, 5]]
    """
    steps = np.asarray(steps, np.int64)
    if not falls(steps):
        return [Part(np.arange(steps.size))]
    if steps.size > 2 and (np.diff(steps) < 0).all():
        return [Part(np.arange(steps.size)[::-1], ["the rows stand in falling order of the count: taken from the last to the first"])]
    order, first = _of_processes(steps)
    steps = steps[order]
    down = np.flatnonzero(np.diff(steps) < 0) + 1
    if not down.size:
        return [Part(order, first)]
    if (down.size + 1) * LEAST_ROWS > steps.size and down.size > 2:
        raise Disorder(f"falls {down.size} times in {steps.size} rows: they are in no order, or of several runs")
    found: list[Part] = []
    kept, notes = np.arange(down[0]), list(first)
    for start, stop in zip(down, [*down[1:], steps.size], strict=True):
        last, to = int(steps[kept[-1]]), int(steps[start])
        if (to <= steps[kept[0]] or _begins(steps[start:stop])) and not one_run:
            found.append(Part(order[kept], notes))
            kept, notes = np.arange(start, stop), list(first)
            continue
        stays = steps[kept] < to
        gone = int((~stays).sum())
        how = "started anew" if not stays.any() else "resumed from a checkpoint"
        notes.append(f"the count falls from {last} to {to}, as in a run {how}: {gone} earlier rows from step {to} on are left out")
        kept = np.concatenate([kept[stays], np.arange(start, stop)])
    return [*found, Part(order[kept], notes)]


def _begins(steps: np.ndarray) -> bool:
    """Whether rows begin at the first step of the grid on which they stand."""
    gaps = np.diff(np.unique(steps))
    return bool(gaps.size and steps[0] <= np.median(gaps))


def _of_processes(steps: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """An order of the rows in which those that several processes wrote at once are sorted, and what to say of it.

    Between two deep falls, small ones that come again and again, with many steps written more than once, are no resumes.
    """
    order, known = np.arange(steps.size), np.unique(steps)
    place = np.searchsorted(known, steps)
    down = np.flatnonzero(np.diff(steps) < 0) + 1
    deep = down[np.maximum.accumulate(place)[down - 1] - place[down] > NEAR] if down.size else down
    small = 0
    for start, stop in pairwise([0, *deep, steps.size]):
        block = steps[start:stop]
        here = int((np.diff(block) < 0).sum())
        if here >= AT_ONCE and 4 * (block.size - np.unique(block).size) >= here:
            order[start:stop] = start + np.argsort(block, kind="stable")
            small += here
    how = f"the count falls {small} times by a row or two, as where several processes write at once: the rows are taken in its order"
    return order, [how] if small else []


def names_of(run_id: str, count: int) -> Iterable[str]:
    """Ids of the runs that one run's rows turned out to be: its own, or with their number."""
    return [run_id] if count == 1 else [f"{run_id}/{number}" for number in range(1, count + 1)]


def several(number: int, count: int) -> str:
    """What to say of one of the several runs."""
    return f"the count falls back to its first value {count - 1} times: these rows are taken for run {number} of {count}"
