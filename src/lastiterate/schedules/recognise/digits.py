"""How exactly learning rates were logged, and the round numbers that lie within that."""

from decimal import Decimal

import numpy as np

EXACT, SINGLE, CLOSE = 1e-9, 3e-7, 1e-6  # of the peak: what double and single precision leave, what a schedule may be off by
COARSEST = 6e-3  # of the peak: rounding beyond that tells no schedule
LEAST_DIGITS, MOST_DIGITS = 3, 9  # significant digits that rounded values have
SAMPLE = 500


def tolerances(lr: np.ndarray) -> list[tuple[np.ndarray, bool]]:
    """How far each logged learning rate may lie from the executed one, shape (n,), and whether that is its rounding; tightest first.

    Double (or single) precision; half a unit of the last digit where the values were rounded to fewer digits than that, all to
    the same number of significant digits, or of decimals (the wider of the two at each value); and 1e-6 of the peak.
    """
    peak = float(lr.max())
    single = bool((lr == lr.astype(np.float32)).all())
    found = [(np.full(lr.shape, (SINGLE if single else EXACT) * peak), False)]
    values = np.unique(lr[lr > 0])
    values = values[np.unique(np.linspace(0, values.size - 1, SAMPLE).astype(int))]
    written = [Decimal(repr(float(value))).normalize().as_tuple() for value in values]
    significant = max(len(number.digits) for number in written)
    decimals = max(-int(number.exponent) for number in written)
    if LEAST_DIGITS <= significant <= MOST_DIGITS:
        with np.errstate(divide="ignore"):
            magnitude = np.where(lr > 0, np.floor(np.log10(lr)), -300.0)
        rounded = 0.5 * np.maximum(10.0 ** (magnitude - significant + 1), 10.0**-decimals) * (1 + 1e-6)
        if rounded.max() <= COARSEST * peak:
            return [*found, (np.maximum(rounded, EXACT * peak), True)]
    return [*found, (np.full(lr.shape, CLOSE * peak), False)]


def snap(value: float, half_width: float, most: int = 6) -> float:
    """The decimal number of fewest digits, at most `most`, within `half_width` of the value; the value itself if there is none.

    >>> snap(0.00030000002, 1e-10), snap(0.1234567891, 1e-10)
    (0.0003, 0.1234567891)
    """
    for digits in range(1, most + 1):
        rounded = float(f"{value:.{digits - 1}e}")
        if abs(rounded - value) <= half_width:
            return rounded
    return value


def digits_of(value: float) -> int:
    """Significant digits of a number, at most 12; 0 for 0.

    >>> digits_of(0.0003), digits_of(12500), digits_of(0.0)
    (1, 3, 0)
    """
    text = f"{value:.11e}".split("e")[0].replace(".", "").replace("-", "").rstrip("0")
    return len(text)


def rounder(first: int, second: int) -> int:
    """Of two step counts the one with fewer significant digits; the first if they have as many.

    >>> rounder(101, 100), rounder(363, 362)
    (100, 363)
    """
    return second if digits_of(second) < digits_of(first) and second > 0 else first
