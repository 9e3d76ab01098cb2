"""The bound's original three-term formula in exact integer arithmetic: slow, and right by construction.

    Omega_T = D^2/(2 S_T) + Q_T/(2 S_T) + 1/2 sum_{k<T} [eta_k/(S_T-S_k)] [(Q_T-Q_{k-1})/(S_T-S_{k-1})],

Source: arXiv:2310.07831, Thm 10. It shares no step with the evaluation in `omega`: no summation by parts, no floats.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_choice, check_number
from lastiterate.bound.problem import KINDS
from lastiterate.schedules import check_lr

_GUARD_BITS = 240  # of the last term's quotients: 72 digits of the largest


def reference_terms(
    lr: Any, grad_norm: ArrayLike = 1.0, distance: float = 1.0, *, kind: str = "last_iterate", steps: Sequence[int] | None = None
) -> list[tuple[Any, ...]]:
    """Three terms (distance, noise, last) of the bound after each update in `steps`, as exact fractions.

    Arguments and errors as `omega`, but `lr` and `grad_norm` may hold fractions; `steps` holds 1-based updates t
    (default: every one with a positive learning rate, in order), O(t) operations on long integers each. A learning rate
    of 0 is no update and is skipped. The first two terms are exact; the last is rounded down by less than 1e-60 of itself.

    Source: arXiv:2310.07831, Thm 10.

    >>> reference_terms([1.0, 1.0], steps=[2])
    [(Fraction(1, 4), Fraction(1, 2), Fraction(1, 2))]
    """
    last_iterate = check_choice("kind", kind, KINDS) == "last_iterate"
    check_number("distance", distance, "it is ||x_1 - x*||", open_low=True)
    rates, unit = _integers(getattr(lr, "lr", lr))
    norms, norm_unit = _integers(np.broadcast_to(np.asarray(grad_norm, dtype=object), len(rates)))
    check_lr(lr)
    sums = list(accumulate(rates, initial=0))
    noises = list(accumulate((rate * rate * g * g for rate, g in zip(rates, norms, strict=True)), initial=0))
    scale = unit * norm_unit**2  # a quotient noises/sums is an integer quotient times this
    result = []
    for t in [t for t, rate in enumerate(rates, 1) if rate] if steps is None else steps:
        if not rates[t - 1]:
            raise ValueError(f"steps: update {t} has learning rate 0, which is no update: ask for an update that moves")
        first = Fraction(distance) ** 2 / (2 * sums[t] * unit)
        second = Fraction(noises[t], 2 * sums[t]) * scale
        third = _last_term(rates, sums, noises, t) * scale / 2 if last_iterate else Fraction(0)
        result.append((first, second, third))
    return result


def _last_term(rates: Any, sums: Any, noises: Any, t: int) -> Any:
    """The sum over k < t of the third term, rounded down in steps far below its size."""
    factors = []
    for k in range(1, t):
        if rates[k - 1]:
            factors.append((rates[k - 1] * (noises[t] - noises[k - 1]), (sums[t] - sums[k]) * (sums[t] - sums[k - 1])))
    if not any(top for top, _ in factors):
        return Fraction(0)
    shift = _GUARD_BITS - max(top.bit_length() - bottom.bit_length() for top, bottom in factors if top)
    if shift >= 0:
        return Fraction(sum((top << shift) // bottom for top, bottom in factors), 1 << shift)
    return Fraction(sum(top // (bottom << -shift) for top, bottom in factors) << -shift)


def _integers(values: np.ndarray) -> Any:
    """Values as exact integers and their common unit."""
    fractions = [Fraction(value) for value in values]
    bottom = lcm(*(fraction.denominator for fraction in fractions))
    return [fraction.numerator * (bottom // fraction.denominator) for fraction in fractions], Fraction(1, bottom)
