"""Reader of the runs that `lastiterate.train` collects: a folder with their cards, cards.json, and history.parquet, branches joined.

A row of step k was written after update k, its losses and norms means over the updates since the row before; the schedule, every
setting and the checkpoint that a run started from are in its card. Runs are called as their cards call them.
"""

from collections.abc import Iterator
from pathlib import Path

from lastiterate.logs.formats.source import LogFile, text_of
from lastiterate.logs.join import join_runs
from lastiterate.logs.run_log import RunLog
from lastiterate.logs.trained import CARDS, HISTORY, read_folder

NAME = "lastiterate's own runs (cards.json, history.parquet)"


def recognise(path: Path, head: bytes) -> bool:
    """Whether the file is one of the two, with the other beside it."""
    if path.name == HISTORY and head.startswith(b"PAR1"):
        return (path.parent / CARDS).is_file()
    text = text_of(head) if path.name == CARDS else None
    return bool(text) and text.lstrip().startswith("[") and '"branch_step"' in text and (path.parent / HISTORY).is_file()


def is_beside(path: Path) -> bool:
    """Whether a file holds the cards of a history that is read itself."""
    return path.name == CARDS and (path.parent / HISTORY).is_file()


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the runs with their histories from the first update; the notes of those that are left out are with the first."""
    runs, notes = read_folder(file.path.parent)
    runs, failed = join_runs(runs)
    for i, run in enumerate(runs):
        run.log_format = NAME
        run.file = file.name
        run.taken = {name: name for name in ("step", *run.series)}
        if not i:
            run.notes += [*notes, *failed]
        yield run
