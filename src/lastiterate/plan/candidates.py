"""The schedules that a plan chooses among, and the defaults that people use."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lastiterate.laws.fitting import SAME_PEAK
from lastiterate.schedules import Schedule, cosine, linear, wsd

COOLDOWNS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FAMILIES = ("wsd", "wsd-1-sqrt", "linear", "cosine")
STEPS_PER_OCTAVE = 2  # base learning rates tried, between those of the pilots
REACH = 2.0  # factor beyond the pilots' learning rates that is still tried


@dataclass(frozen=True)
class Candidate:
    """A schedule with its label, family and the settings that tell it apart."""

    label: str
    family: str
    schedule: Schedule
    cooldown: float | None = None

    @property
    def base_lr(self) -> float:
        """Peak learning rate."""
        return self.schedule.peak_lr


def base_lrs(peaks: Sequence[float], diverged: Sequence[float] = ()) -> list[float]:
    """Base learning rates to try: the pilots' range and a factor of 2 beyond it, two per octave; below any that diverged.

    >>> base_lrs([0.001])
    [0.001]
    >>> base_lrs([0.001, 0.002], diverged=[0.004])
    [0.0005, 0.000707, 0.001, 0.00141, 0.002, 0.00283]
    """
    low, high = min(peaks), max(peaks)
    if high <= SAME_PEAK * low:
        return [float(np.median(peaks))]
    count = max(1, round(STEPS_PER_OCTAVE * float(np.log2(high / low))))
    beyond = REACH ** (np.arange(1, STEPS_PER_OCTAVE + 1) / STEPS_PER_OCTAVE)
    grid = np.concatenate([low / beyond[::-1], low * (high / low) ** (np.arange(count + 1) / count), high * beyond])
    limit = min(diverged, default=np.inf)
    return [float(f"{lr:.3g}") for lr in grid if lr < limit * (1 - 1e-9)]


def candidates(
    total_steps: int, lrs: Sequence[float], warmup_steps: int, families: Sequence[str] = FAMILIES, warmup_start: float = 0.0
) -> list[Candidate]:
    """Every family at every base learning rate, wsd at nine cooldown fractions; `warmup_start` is the warmup's first factor."""
    found = []
    for lr in lrs:
        common = {"warmup_steps": warmup_steps, "peak_lr": lr, "initial_lr_ratio": warmup_start}
        for family, shape in (("wsd", "linear"), ("wsd-1-sqrt", "1-sqrt")):
            for cooldown in COOLDOWNS if family in families else ():
                if int(cooldown * (total_steps + 1)) + warmup_steps <= total_steps:
                    schedule = wsd(total_steps, cooldown, shape, **common)
                    found.append(Candidate(f"wsd, {shape} cooldown {cooldown:g}, {lr:g}", family, schedule, cooldown))
        if "linear" in families:
            found.append(Candidate(f"linear, {lr:g}", "linear", linear(total_steps, **common)))
        if "cosine" in families:
            found.append(Candidate(f"cosine, {lr:g}", "cosine", cosine(total_steps, **common)))
    return found


def replace_peak(one: Candidate, factor: float) -> Candidate:
    """The same schedule at another base learning rate."""
    lr = float(f"{factor * one.base_lr:.3g}")
    return Candidate(f"{one.label.rpartition(', ')[0]}, {lr:g}", one.family, one.schedule.with_peak_lr(lr), one.cooldown)


def defaults(best: Candidate, pilot_lr: float | None = None) -> list[Candidate]:
    """What people use without a plan, at the same base learning rate and warmup; and `best` itself at that of the best pilot."""
    schedule, lr = best.schedule, best.base_lr
    total_steps, start = schedule.total_steps, float(schedule.lr[0] / lr) if schedule.warmup_steps else 0.0
    common = {"warmup_steps": schedule.warmup_steps, "peak_lr": lr, "initial_lr_ratio": start}
    kept = [] if pilot_lr is None else [Candidate(f"same at LR {pilot_lr:g}", best.family, schedule.with_peak_lr(pilot_lr), best.cooldown)]
    return [
        Candidate("cosine to 0.1", "cosine", cosine(total_steps, final_lr_ratio=0.1, **common)),
        Candidate("cosine to 0", "cosine", cosine(total_steps, **common)),
        Candidate("wsd, 20 % cooldown", "wsd", wsd(total_steps, 0.2, **common), 0.2),
        Candidate("linear", "linear", linear(total_steps, **common)),
        *kept,
    ]
