"""The folder of a run: whoever else writes there is not trusted.

It is a folder itself and no link to one, its files are opened without following links, nothing in it is changed in place, and a
card that is not whole does not make the run finished.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lastiterate.train.card import CARD, read_card
from lastiterate.workflow.files import open_plain, replacing

LOCK = ".lock"
SESSIONS = "sessions.txt"  # a line for each process that worked on the run


def make_folder(place: Path) -> None:
    """Make a run's folder; ValueError if a link is in its place: what is written there would come to lie somewhere else."""
    if place.is_symlink():
        raise ValueError(
            f"{place} is a symbolic link, expected a folder of this machine's own: remove it, or link the folder above it, {place.parent}"
        )
    place.mkdir(parents=True, exist_ok=True)


@contextmanager
def locked(place: Path) -> Iterator[bool]:
    """Hold the lock of a run's folder; yields False if another process holds it. The lock is a file of which nothing is written."""
    with os.fdopen(open_plain(place / LOCK, os.O_RDWR | os.O_CREAT)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def note_session(place: Path, line: str) -> None:
    """Add a line to the run's sessions."""
    path, text = place / SESSIONS, ""
    try:
        with os.fdopen(open_plain(path), encoding="utf-8", errors="replace") as file:
            text = file.read()
    except FileNotFoundError:
        pass
    with replacing(path) as temporary:
        temporary.write_text(f"{text}{line}\n", encoding="utf-8")


def finished(folder: Path, run_id: str) -> bool:
    """Whether the run has its card, the last thing that it writes; ValueError for one that is not whole."""
    try:
        read_card(folder / run_id / CARD)
    except FileNotFoundError:
        return False
    return True
