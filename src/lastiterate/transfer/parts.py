"""A schedule cut into what an extension may change: a head, the last stable phase, and the cooldown after it."""

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lastiterate.schedules import SHAPES, Phase, Schedule

_OPEN_ENDED = ("constant", "inverse_sqrt")  # shapes that go on as they are, whatever the horizon
_NO_DECAY = Phase("decay", 0, "linear", 1.0, 0.0, 1, 1)


@dataclass(frozen=True)
class Parts:
    """Phases of a schedule in three parts; `cooled` and `second_stage` build others of its kind, all with peak 1.

    A cooldown is counted in entries N as in `lastiterate.schedules`: N - 1 are executed, so N = 1 is none.
    """

    name: str
    head: tuple[Phase, ...]  # warmup, earlier stages: kept as they are
    stable: Any  # a Phase; None if the decay follows the warmup at once, as in cosine
    decay: Phase  # of no updates if the schedule ends without one

    @classmethod
    def of(cls, schedule: Schedule) -> "Parts":
        """Cut a schedule; ValueError if it does not end in a stable phase, a decay, or the one and then the other."""
        if not isinstance(schedule, Schedule):
            raise ValueError(
                f"schedule is a {type(schedule).__name__}, expected a lastiterate.schedules.Schedule, whose phases can be extended"
            )
        decay = schedule.phases[-1] if schedule.phases[-1].kind == "decay" else _NO_DECAY
        rest = [phase for phase in schedule.phases if phase.steps and phase is not decay]
        if rest and rest[-1].kind == "stable" and rest[-1].shape in _OPEN_ENDED:
            if not decay.steps or math.isclose(decay.start, last_factor(rest[-1]), rel_tol=1e-12):
                return cls(schedule.name, tuple(rest[:-1]), rest[-1], decay)
        elif decay.steps and all(phase.kind == "warmup" for phase in rest):
            return cls(schedule.name, tuple(rest), None, decay)
        kinds = ", ".join(f"{phase.kind} ({phase.shape} from {phase.start:g})" for phase in schedule.phases)
        raise ValueError(
            f"schedule {schedule.name!r} has the phases {kinds}; expected an end of stable, of stable and a decay from its value, or of "
            "one decay after the warmup: build the longer schedule yourself and use transfer_base_lr"
        )

    @property
    def head_steps(self) -> int:
        """Updates before the stable phase."""
        return sum(phase.steps for phase in self.head)

    @property
    def stable_end(self) -> int:
        """Last update before the cooldown."""
        return self.head_steps + (self.stable.steps if self.stable else 0)

    def longest(self, total_steps: int) -> int:
        """Entries N of the longest cooldown at a horizon: it leaves one stable update."""
        return total_steps - self.head_steps

    def fraction(self, count: int, total_steps: int) -> float:
        """The shortest decimal c that `entries` turns into N = `count`."""
        if count == 1:
            return 0.0
        return 1.0 if count == total_steps else shortest_fraction(count, total_steps + 1)

    def entries(self, cooldown: float, total_steps: int) -> int:
        """N = int(c (T+1)), one less if the cooldown would leave no stable update; ValueError if it does not fit at all."""
        count, longest = int(cooldown * (total_steps + 1)), self.longest(total_steps)
        if count > longest + 1:
            raise ValueError(
                f"cooldown={cooldown:g} of total_steps={total_steps} does not fit after the first {self.head_steps} updates: "
                f"use at most {self.fraction(longest, total_steps)}"
            )
        return max(min(count, longest), 1)

    def kept_entries(self, total_steps: int) -> int:
        """N at another horizon for the same cooldown fraction; all of it if the decay starts right after the head."""
        if not self.decay.steps:
            return 1
        if self.stable.steps == 1:
            return self.longest(total_steps)
        return self.entries(self.fraction(self.decay.steps + 1, self.stable_end + self.decay.steps), total_steps)

    def cooled(self, total_steps: int, count: int) -> Schedule:
        """The same head and stable phase at another horizon, with a cooldown of N = `count` entries."""
        stable = replace(self.stable, steps=total_steps + 1 - self.head_steps - count)
        name = "wsd" if self.name == "constant" and count > 1 else self.name
        return Schedule(name, (*self.head, stable, self._decay(count - 1, last_factor(stable))), 1.0)

    def second_stage(self, total_steps: int, count: int, switch_step: int, factor: float) -> Schedule:
        """As `cooled`, with everything after update `switch_step` multiplied by `factor`."""
        first = replace(self.stable, steps=switch_step - self.head_steps)
        rest = total_steps + 1 - switch_step - count
        if rest < 0:
            raise ValueError(
                f"a cooldown of {count} entries starts before switch_step={switch_step} at new_total_steps={total_steps}: switch earlier, "
                "or give a longer horizon or a shorter cooldown"
            )
        offset = first.offset + (first.steps if first.shape == "inverse_sqrt" else 0)
        second = replace(self.stable, steps=rest, start=factor * first.start, offset=offset)
        last = last_factor(second if rest else replace(first, start=second.start))
        return Schedule("two_stage", (*self.head, first, second, self._decay(count - 1, last, factor)), 1.0)

    def stretched(self, total_steps: int) -> Schedule:
        """A schedule without a stable phase at another horizon."""
        return Schedule(self.name, (*self.head, self._decay(total_steps - self.head_steps, self.decay.start)), 1.0)

    def linear(self, total_steps: int) -> Schedule:
        """Linear decay to 0 right after the same warmup, the worst-case optimal schedule."""
        warmup = tuple(phase for phase in self.head if phase.kind == "warmup")
        plain = Parts("linear", warmup, Phase("stable", 1), _NO_DECAY)
        return plain.cooled(total_steps, plain.longest(total_steps))

    def _decay(self, steps: int, start: float, factor: float = 1.0) -> Phase:
        """The decay over another number of updates; one that is cut off before its end stays cut off at the same place."""
        beyond = self.decay.span - self.decay.steps
        span = steps + beyond if abs(beyond) <= 1 or not self.decay.steps else round(self.decay.span * steps / self.decay.steps)
        return replace(self.decay, steps=steps, start=start, end=factor * self.decay.end, span=max(span, 1))


def shortest_fraction(count: int, entries: int) -> float:
    """The decimal fraction c of fewest digits with int(c entries) = count, as float64 multiplies.

    >>> shortest_fraction(800, 4001), shortest_fraction(2534, 4001), shortest_fraction(29, 50)
    (0.2, 0.6334, 0.59)
    """
    for digits in itertools.count(1):
        first = -(-count * 10**digits // entries)
        for fraction in (first / 10**digits, (first + 1) / 10**digits):  # 0.58 * 50 < 29
            if int(fraction * entries) == count:
                return fraction
    raise AssertionError("there are infinitely many digits")


def common_steps(a: Schedule, b: Schedule) -> int:
    """Updates from the first on that execute the same factors of the peak in both schedules."""
    shorter = min(a.total_steps, b.total_steps)
    same = a.with_peak_lr(1.0).lr[:shorter] == b.with_peak_lr(1.0).lr[:shorter]
    return shorter if same.all() else int(np.argmin(same))


def last_factor(phase: Phase, steps: int | None = None) -> float:
    """Factor of the peak at the last update of a phase, or at its update `steps`."""
    position = phase.offset + (phase.steps if steps is None else steps) - 1
    return float(SHAPES[phase.shape](np.array([position]), phase)[0])
