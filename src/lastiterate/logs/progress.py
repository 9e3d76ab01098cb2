"""How many of many files are read: a bar on standard error."""

import sys
import time


class Progress:
    """A bar on standard error: of how many files how many are done, and since when; on a terminal it is one line."""

    def __init__(self, what: str, total: int, width: int = 30):
        self.what, self.total, self.width = what, total, width
        self.done, self.start, self.shown = 0, time.monotonic(), 0.0

    def step(self) -> None:
        """Count one more, and show it now and then."""
        self.done += 1
        now = time.monotonic()
        terminal = sys.stderr.isatty()
        if self.done < self.total and now - self.shown < (0.1 if terminal else 10.0):
            return
        self.shown = now
        filled = self.width * self.done // max(self.total, 1)
        bar, end = "#" * filled + "." * (self.width - filled), "\r" if terminal and self.done < self.total else "\n"
        print(f"{self.what} [{bar}] {self.done}/{self.total} files, {now - self.start:.0f} s", end=end, file=sys.stderr, flush=True)
