"""How much one log may take: bounds that no real log meets, so that one that was made to fill a machine ends in a sentence.

Each bound has a name; ``--limit NAME=N`` on the command line, `limits` of `lastiterate.logs.read`, raises it.
"""

import time
from argparse import ArgumentTypeError
from dataclasses import dataclass, field, fields, replace


@dataclass(frozen=True)
class Limits:
    """Bounds of one log.

    Attributes
    ----------
    updates : int
        Of a run; a larger step counts tokens or samples.
    columns : int
        Of a table.
    numbers : int
        Of one run, in all columns that are read (16 bytes of memory each, some of them twice).
    bytes : int
        Of a file that has to be in memory whole (one JSON document), and of what a compressed one holds.
    seconds : float
        Of the processor, for one file.
    """

    updates: int = 20_000_000
    columns: int = 10_000
    numbers: int = 40_000_000
    bytes: int = 1 << 29
    seconds: float = 600.0

    def with_pairs(self, pairs) -> "Limits":
        """These limits with others in their place: (name, number) each."""
        return replace(self, **{name: number if name == "seconds" else int(number) for name, number in pairs})


class Exceeded(ValueError):
    """A log meets a limit; the message names it and the option that raises it."""

    def __init__(self, name: str, message: str):
        super().__init__(f"{message}: if it is a log all the same, raise the limit with --limit {name}=N")


@dataclass
class Watch:
    """What one log has taken so far."""

    limits: Limits = field(default_factory=Limits)
    spent: float = 0.0
    since: float | None = None

    def resume(self) -> None:
        """Start the clock: only reading counts, not what is done with the runs in between."""
        self.since = time.thread_time()

    def pause(self) -> None:
        """Stop the clock."""
        self.spent, self.since = self.spent + time.thread_time() - self.since, None

    def tick(self) -> None:
        """Exceeded if reading took too long."""
        if self.since is not None and self.spent + time.thread_time() - self.since > self.limits.seconds:
            raise Exceeded("seconds", f"takes more than {self.limits.seconds:g} seconds to read")

    def hold(self, numbers: int) -> None:
        """Exceeded if a run has more numbers than may be held; also a `tick`."""
        self.tick()
        if numbers > self.limits.numbers:
            raise Exceeded("numbers", f"holds more than {self.limits.numbers} numbers in one run")

    def name(self, columns: int) -> None:
        """Exceeded if a table has too many columns."""
        if columns > self.limits.columns:
            raise Exceeded("columns", f"has {columns} columns, more than {self.limits.columns}")

    def load(self, size: int) -> None:
        """Exceeded if a file is too large to be taken into memory whole."""
        if size > self.limits.bytes:
            raise Exceeded("bytes", f"has {size} bytes that have to be in memory at once, more than {self.limits.bytes}")


def limit_pair(text: str) -> tuple[str, float]:
    """(name, number) from NAME=N; ArgumentTypeError for anything else.

    >>> limit_pair("updates=1e8")
    ('updates', 100000000.0)
    """
    name, _, number = text.partition("=")
    known = [one.name for one in fields(Limits)]
    try:
        value = float(number)
    except ValueError:
        value = 0.0
    if name not in known or not 0 < value < 2**63:
        raise ArgumentTypeError(f"{text!r} is not NAME=N with NAME one of {', '.join(known)} and N a positive number")
    return name, value
