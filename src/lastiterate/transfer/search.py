"""The setting of a schedule whose optimal base learning rate is a given one."""

import math
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar

from lastiterate.schedules import Schedule
from lastiterate.transfer.base_lr import tuned_shape
from lastiterate.transfer.parts import Parts

_SCAN = 8  # points looked at on each side of the start
_FACTOR_BITS = 10  # log2 of the factors of a second stage are searched from 2^-10 to 2^10


class Search:
    """Schedules at the new horizon, and how far ln gamma* of each is from that of the first horizon.

    `kept` is the number of cooldown entries N of the first horizon's fraction, `target` the first horizon's gamma*.
    """

    def __init__(self, parts: Parts, total_steps: int, kept: Any, target: float, grad_norm: ArrayLike) -> None:
        self.parts, self.total_steps, self.kept, self.target, self.grad_norm = parts, total_steps, kept, target, grad_norm

    def base_lr(self, schedule: Schedule) -> float:
        """gamma* for D = 1."""
        return tuned_shape(schedule, self.grad_norm).base_lr

    def mismatch(self, schedule: Schedule) -> float:
        """Logarithm of gamma* over the target."""
        return math.log(self.base_lr(schedule) / self.target)

    @cached_property
    def unadapted(self) -> Schedule:
        """The schedule with the old cooldown fraction."""
        return self.parts.cooled(self.total_steps, self.kept) if self.parts.stable else self.parts.stretched(self.total_steps)

    def cooldown(self) -> tuple[float, bool, Schedule]:
        """(fraction, whether it keeps gamma*, schedule) of the best number of entries."""
        longest = self.parts.longest(self.total_steps)
        build: Callable[[Any], Any] = lambda count: self.parts.cooled(self.total_steps, count)
        mismatch = lru_cache(None)(lambda count: self.mismatch(build(count)))
        entries, found = nearest_root(lambda x: mismatch(round(x)), self.kept, (1, longest), xtol=0.5, rising=True)
        near = range(max(round(entries) - 1, 1), min(round(entries) + 1, longest) + 1)
        count = min(near, key=lambda count: abs(mismatch(count)))
        return self.parts.fraction(count, self.total_steps), found, build(count)

    def second_stage(self, switch_step: Any) -> tuple[float, bool, Schedule]:
        """(factor, whether it keeps gamma*, schedule) of the best factor after update `switch_step`."""
        build: Callable[[Any], Any] = lambda bits: self.parts.second_stage(self.total_steps, self.kept, switch_step, 2.0**bits)
        objective: Callable[[Any], float] = lambda bits: self.mismatch(build(bits))
        bits, found = nearest_root(objective, 0.0, (-_FACTOR_BITS, _FACTOR_BITS), xtol=1e-9, rising=False)
        return 2.0**bits, found, build(bits)


def nearest_root(
    function: Callable[[float], float], start: float, ends: tuple[float, float], xtol: float, *, rising: bool
) -> tuple[float, bool]:
    """(x, found): the first root met from `start` to one of `ends`, or, if there is none, where the function is closest to 0.

    Eight points towards each end are looked at, those where a function that is `rising` (or not) at the start has its
    root first; a sign change between two of them is then narrowed to `xtol`.
    """
    value = function(start)
    if value == 0:
        return start, True
    upwards = (value < 0) == rising
    seen = [(start, value)]
    for end in sorted(ends, reverse=upwards):
        before = start
        for x in np.linspace(start, end, _SCAN + 1)[1:].tolist() if end != start else ():
            seen.append((x, function(x)))
            if seen[-1][1] * value <= 0:
                return float(brentq(function, before, x, xtol=xtol)), True
            before = x
    seen.sort()
    best = min(range(len(seen)), key=lambda i: abs(seen[i][1]))
    low, high = seen[max(best - 1, 0)][0], seen[min(best + 1, len(seen) - 1)][0]
    options = {"xatol": max(xtol, 1e-3 * (high - low))}
    inner = minimize_scalar(lambda x: abs(function(x)), bounds=(low, high), method="bounded", options=options)  # type: ignore[call-overload]  # xatol alone
    return (float(inner.x), False) if inner.fun < abs(seen[best][1]) else (seen[best][0], False)
