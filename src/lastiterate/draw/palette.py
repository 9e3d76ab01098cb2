"""Which colour, line and marker stands for what: schedules by what they are, in every figure the same; other categories in order.

Colours are safe for colour-blind readers (Okabe and Ito's, then Tol's); lines and markers tell the same apart in grey. Where there are
more names than colours, they go round with other lines and shades: nothing is left out.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
TOL = ("#332288", "#999933", "#44AA99", "#AA4499", "#661100", "#882255")
LINES = ("-", "--", "-.", ":", (0, (6, 2)), (0, (4, 1, 1, 1, 1, 1)), (0, (1, 1)))
MARKERS = "osD^vPX<>*hd"


class Style(NamedTuple):
    """A colour, a line and a marker, as arguments of ``axes.plot``: `curve`, `dots`, or `both`."""

    color: str
    line: str | tuple
    marker: str

    @property
    def curve(self) -> dict:
        """Of a line."""
        return {"color": self.color, "ls": self.line}

    @property
    def dots(self) -> dict:
        """Of markers."""
        return {"color": self.color, "ls": "none", "marker": self.marker}

    @property
    def both(self) -> dict:
        """Of a line with markers."""
        return {"color": self.color, "ls": self.line, "marker": self.marker}


SCHEDULES = {
    kind: Style(colour, LINES[i % len(LINES)], MARKERS[i])
    for i, (kind, colour) in enumerate(
        {
            "wsd": "#0072B2",
            "cosine": "#D55E00",
            "linear": "#009E73",
            "constant": "#000000",
            "1/sqrt": "#CC79A7",
            "1-sqrt": "#56B4E9",
            "step": "#E69F00",
            "refined": "#332288",
            "optimised": "#999933",
            "cyclic": "#44AA99",
            "resembling": "#AA4499",
            "two_stage": "#661100",
        }.items()
    )
}
SAME = {
    "inverse_sqrt": "1/sqrt",
    "inverse-sqrt": "1/sqrt",
    "sqrt": "1/sqrt",
    "one_minus_sqrt": "1-sqrt",
    "wsd-1-sqrt": "1-sqrt",
    "restarts": "cyclic",
    "lowered": "two_stage",
    "wssd": "two_stage",
    "stable": "constant",
}


def kind_of(name: str) -> str:
    """The kind of a schedule by its name in a table, without the number that tells it from its like.

    >>> kind_of("wsd-0.2"), kind_of("wsd20"), kind_of("inverse_sqrt"), kind_of("1/sqrt"), kind_of("refined 2")
    ('wsd', 'wsd', '1/sqrt', '1/sqrt', 'refined')
    """
    kind = name if name in SAME else re.sub(r"[-_ ]?\d+(\.\d+)?( ?%)?$", "", name)
    return SAME.get(kind, kind)


def schedule_styles(names: Iterable[str]) -> dict[str, Style]:
    """The style of each schedule: that of its kind, several of one kind in its shades; a kind of its own has a colour that is left.

    >>> [style.color for style in schedule_styles(["wsd-0.5", "cosine", "wsd-0.2", "own"]).values()]
    ['#0072B2', '#D55E00', '#80b8d8', '#882255']
    """
    found, seen, others = {}, Counter(), (*TOL[5:], *OKABE_ITO, *TOL)
    for name in dict.fromkeys(names):
        kind = kind_of(name)
        if kind not in SCHEDULES:
            place, seen[None] = seen[None], seen[None] + 1
            found[name] = Style(others[place % len(others)], LINES[(place + 4) % len(LINES)], MARKERS[(place + 7) % len(MARKERS)])
            continue
        style, turn = SCHEDULES[kind], seen[kind]
        seen[kind] += 1
        found[name] = Style(shaded(style.color, turn), *_turned(style, turn))
    return found


def styles(names: Iterable) -> dict:
    """The style of each of some names that are no schedules, in their order: no two alike among the first 91."""
    rounds = [(*OKABE_ITO, *TOL), LINES, MARKERS]
    return {name: Style(*(each[i % len(each)] for each in rounds)) for i, name in enumerate(dict.fromkeys(names))}


def shaded(colour: str, turn: int) -> str:
    """A colour in its turn: itself, lighter, darker, a little lighter, and again."""
    share, end = ((0.0, 0), (0.5, 255), (0.45, 0), (0.25, 255))[turn % 4]
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return colour if not share else "#" + "".join(f"{round(part + share * (end - part)):02x}" for part in parts)


def _turned(style: Style, turn: int) -> tuple:
    """Line and marker of a kind in its turn."""
    line, marker = LINES.index(style.line), MARKERS.index(style.marker)
    return LINES[(line + turn) % len(LINES)], MARKERS[(marker + turn) % len(MARKERS)]
