"""Text for a terminal: titles at the left, text wrapped beside them, colour where somebody sees it."""

import os
import shutil
import sys
import textwrap

HEAD = 13  # columns of the titles
LEAST = 12  # columns of the names in a table beside its title
NARROWEST, WIDEST = 40, 100  # columns; a longer line is hard to read


def width() -> int:
    """Columns of the terminal that are used (80 where there is none)."""
    return max(min(shutil.get_terminal_size().columns, WIDEST), NARROWEST)


def titled(title: str, text: str) -> str:
    """The text, wrapped beside its title; lines that continue stand under it."""
    return bold(f"{title:{HEAD}}") + _filled(text, " " * HEAD, " " * HEAD)[HEAD:]


def item(text: str) -> str:
    """The text as an item of a list, wrapped."""
    return _filled(text, "  - ", "    ")


def _filled(text: str, first: str, others: str) -> str:
    kept = text.replace(" %", "\u00a0%")  # a number stays with its sign
    filled = textwrap.fill(kept, width(), initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
    return filled.replace("\u00a0", " ")


def rows(title: str, cells: list[list[str]]) -> str:
    """A table beside its title: the first and last column to the left, the others to the right; names cut where the terminal ends."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left, lines = HEAD, []
    room = width() - left - sum(widths[1:]) - 2 * (len(widths) - 1)
    if room < LEAST:  # a narrow terminal: the title above the table
        left, lines, room = 2, [bold(title)], room + left - 2
    widths[0] = max(min(widths[0], room), 1)
    for i, (name, *values) in enumerate(cells):
        short = name if len(name) <= widths[0] else name[: widths[0] - 1] + "…"
        numbers = [f"{value:>{columns}}" for value, columns in zip(values[:-1], widths[1:], strict=False)]
        line = "  ".join([f"{short:{widths[0]}}", *numbers, values[-1]])
        lines.append((bold(f"{title:{HEAD}}") if i == 0 and left == HEAD else " " * left) + line.rstrip())
    return "\n".join(lines)


def bold(text: str) -> str:
    """The text in bold, if standard output is a terminal that somebody looks at and NO_COLOR is not set (no-color.org)."""
    seen = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\x1b[1m{text}\x1b[0m" if seen and text.strip() else text
