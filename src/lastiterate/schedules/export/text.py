"""Settings as text in the formats that trainers read: numbers, YAML, command-line flags and Python calls."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any


def number(value: Any) -> str:
    """A number in its shortest form that reads back to the same double; floats keep a point, without which YAML 1.1 sees text.

    >>> number(1e-05), number(3), number(0.25), number(True)
    ('1.0e-05', '3', '0.25', 'true')
    """
    if not isinstance(value, float):
        return json.dumps(value)
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else text


def yaml(values: Mapping[str, Any], indent: int = 0) -> str:
    """Nested mappings of scalars as YAML."""
    lines = []
    for key, value in values.items():
        pad = " " * indent
        lines.append(f"{pad}{key}:\n{yaml(value, indent + 2)}" if isinstance(value, Mapping) else f"{pad}{key}: {_scalar(value)}")
    return "\n".join(lines)


def flags(values: Mapping[str, Any], *, dashes: bool = False) -> str:
    """Scalars as ``--name value``, one to a line, joined by backslashes."""
    names = [name.replace("_", "-") if dashes else name for name in values]
    return " \\\n".join(f"--{name} {_scalar(value)}" for name, value in zip(names, values.values(), strict=True))


def call(name: str, arguments: Mapping[str, Any]) -> str:
    """A Python call with keyword arguments."""
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else number(value)


def fraction(count: int, total: int, rounding: Callable[[float], float]) -> float:
    """A fraction f in [0, 1] with ``rounding(total * f) == count``; for ``int`` the smallest: fractions then add up to at most 1.

    ValueError if there is none (counts that float64 cannot hold).

    >>> fraction(29, 100, int), fraction(20, 100, round)
    (0.29000000000000004, 0.2)
    """
    value = count / total
    near = [value, math.nextafter(value, 2.0), (count + 0.5) / total]
    if rounding is int:
        for _ in range(8):  # the doubles below count/total whose product still rounds up to count
            near.insert(0, math.nextafter(near[0], 0.0))
    for value in near:
        if 0.0 <= value <= 1.0 and rounding(total * value) == count:
            return value
    raise ValueError(f"no fraction of {total} steps rounds to {count}: such counts are beyond float64")
