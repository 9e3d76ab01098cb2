"""What a command is doing and how long that will take: a line on the terminal once it takes longer than two seconds.

Where standard error is no terminal, nothing is shown.
"""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, TypeVar

Item = TypeVar("Item")

AFTER, EVERY = 2.0, 0.25  # seconds before the line is shown, and between its changes


class Progress:
    """``with Progress("read", 20, "files"):`` shows ``read 7/20 files, 12 s, about 22 s to go`` until it ends; `step` counts.

    Without a total it shows the time alone. Inside another one, the inner line is shown.
    """

    _open: ClassVar[list] = []  # from the outermost, whose thread writes, to the innermost, whose line it is
    _lock = threading.Lock()

    def __init__(self, what: str, total: int = 0, unit: str = ""):
        self.what, self.total, self.unit = what, total, unit
        self.done, self.start = 0, time.monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty():
            Progress._open.append(self)
            if len(Progress._open) == 1:
                self._thread = threading.Thread(target=self._show, daemon=True)
                self._thread.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        if self in Progress._open:
            Progress._open.remove(self)
        if self._thread:
            self._over.set()
            self._thread.join()

    def step(self, count: int = 1) -> None:
        """Count so many more as done."""
        self.done += count

    def line(self, seconds: float) -> str:
        """What is shown after so many seconds.

        >>> progress = Progress("fetch", 10, "MB")
        >>> progress.step(4)
        >>> progress.line(8)
        'fetch 4/10 MB, 8 s, about 12 s to go'
        """
        counted = f" {min(self.done, self.total)}/{self.total} {self.unit}".rstrip() if self.total else ""
        left = seconds * (self.total / self.done - 1) if 0 < self.done < self.total else 0.0
        to_go = f", about {_time(left)} to go" if left >= 1 else ""
        return f"{self.what}{counted}, {_time(seconds)}{to_go}"

    def _show(self) -> None:
        self._over.wait(AFTER)
        while not self._over.is_set():
            with Progress._lock:
                inner = Progress._open[-1] if Progress._open else self
                print(f"\r\x1b[2K{inner.line(time.monotonic() - inner.start)}\r", end="", file=sys.stderr, flush=True)
            self._over.wait(EVERY)
        Progress.clear()

    @staticmethod
    def clear() -> None:
        """Take the line away: before something is printed while it may be there."""
        if sys.stderr.isatty():
            with Progress._lock:
                print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


def tracked(items: Iterable[Item], what: str, total: int, unit: str = "") -> Iterator[Item]:
    """The items, one by one, with their progress shown."""
    with Progress(what, total, unit) as progress:
        for item in items:
            yield item
            progress.step()


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
