"""Counts of updates on the command line."""

from argparse import ArgumentTypeError


def steps(text: str) -> int:
    """Updates from "200000", "200k" or "1.5M"; ArgumentTypeError for anything else.

    >>> steps("200k"), steps("1.5M"), steps("40000")
    (200000, 1500000, 40000)
    """
    factor = {"k": 10**3, "m": 10**6}.get(text[-1:].lower(), 1)
    try:
        count = float(text[:-1] if factor > 1 else text) * factor
    except ValueError:
        count = -1.0
    if not (1 <= count < 2**53 and count == round(count)):
        raise ArgumentTypeError(f"{text!r} is not a number of updates such as 40000, 200k or 1.5M")
    return int(count)
