"""Argument checks that every public function shares: each error names the value, the rule and the fix."""

import math
import operator
from collections.abc import Collection, Iterable
from difflib import get_close_matches

import numpy as np

_MOST_STEPS = 2**62


def check_steps(name: str, value, minimum: int, meaning: str) -> int:
    """Return `value` as an int, or raise ValueError unless it is an integer of at least `minimum`."""
    try:
        steps = operator.index(_real(value))
    except TypeError:
        raise ValueError(f"{name}={_brief(value)} must be an integer: {meaning}") from None
    if steps < minimum:
        raise ValueError(f"{name}={steps} must be at least {minimum}: {meaning}")
    if steps > _MOST_STEPS:
        raise ValueError(f"{name} has {steps.bit_length()} bits, expected at most {_MOST_STEPS.bit_length()}: {meaning}")
    return steps


def check_number(name: str, value, meaning: str, low: float = 0.0, high: float = math.inf, *, open_low: bool = False) -> float:
    """Return `value` as a float, or raise ValueError unless it is finite and in [low, high] (or (low, high])."""
    try:
        number = float(_real(value))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}={_brief(value)} must be a number: {meaning}") from None
    if not math.isfinite(number) or number < low or number > high or (open_low and number == low):
        left = "(" if open_low else "["
        right = f"{high:g}]" if math.isfinite(high) else "inf)"
        raise ValueError(f"{name}={number:g} must lie in {left}{low:g}, {right}: {meaning}")
    return number


def check_reals(name: str, values) -> np.ndarray:
    """Return `values` as float64, or raise ValueError for what float64 does not hold as it is: masked or complex values, text, dates.

    numpy would read a masked array through its mask, and drop the imaginary part of a complex one.
    """
    array = _array(name, values)
    if array.dtype.kind in "iuf":
        return np.asarray(array, dtype=np.float64)
    if array.dtype.kind != "O":
        raise ValueError(f"{name} holds {array.dtype} values, expected real numbers: convert them first")
    try:
        return np.array([float(_real(value)) for value in array.flat], dtype=np.float64).reshape(array.shape)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} holds values that are no real numbers ({error}): convert or drop them first") from None


def check_counts(name: str, values, meaning: str) -> np.ndarray:
    """Return `values` as int64, or raise ValueError unless they are integers as they stand: 199.7 is not 199."""
    array = _array(name, values)
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"{name} holds {array.dtype} values, expected integers: {meaning}")
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} holds {array.max()}, which no integer of 64 bits holds: {meaning}")
    return array.astype(np.int64)


def _array(name: str, values) -> np.ndarray:
    """The values as they stand, as an array; ValueError if some are masked, or they have no shape of one."""
    parts = values if isinstance(values, list | tuple) else [values]
    if any(isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part) for part in parts):
        raise ValueError(f"{name} has masked values: fill or drop them first, what lies behind a mask is no number")
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged lists; tensors that need a gradient
        raise ValueError(f"{name} is no array of numbers: {error}") from None


def _real(value):
    """The value, unless Python would take for a number what is none as it stands: TypeError.

    True and false, text, an array (of which numpy takes the only element), a complex number (of which it takes the real part), a date.
    """
    if isinstance(value, bool | str | bytes | np.ndarray) or (isinstance(value, np.generic) and value.dtype.kind not in "iuf"):
        if isinstance(value, np.ndarray) and value.ndim == 0 and not np.ma.is_masked(value):
            return _real(value[()])
        raise TypeError("a boolean, text, an array or another value that is no real number")
    return value


def _brief(value) -> str:
    """What a message shows of a value that may be of any length: one short line."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and {value.dtype}"
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # an integer of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "..."


def check_keys(source: str, given: Iterable[str], known: Collection[str], required: Iterable[str] = ()) -> None:
    """Raise ValueError if a key is not known, or a required one is missing, with the key that was meant."""
    given, wrong = list(given), [key for key in given if key not in known]
    for key in wrong:
        raise ValueError(f"{source}: there is no {key!r}{_nearest(key, known)}: it takes {', '.join(known)}")
    for key in required:
        if key not in given:
            raise ValueError(f"{source}: {key} is missing: it takes {', '.join(known)}")


def _nearest(value: object, choices: Iterable[str]) -> str:
    near = get_close_matches(str(value), [choice for choice in choices if isinstance(choice, str)], n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def check_choice(name: str, value, choices) -> str:
    """Return `value`, or raise ValueError that lists `choices`, and says which of them looks most like it."""
    try:
        known = value in choices
    except (TypeError, ValueError):  # arrays and what else does not say whether it is equal
        known = False
    if not known:
        raise ValueError(f"{name}={_brief(value)} is not known: use one of {', '.join(map(repr, choices))}{_nearest(value, choices)}")
    return value
