"""The nearest settings of a trainer: every decay that it has, with its lengths and levels fitted for the largest deviation.

For each `Reach` of a trainer the warmup's length W, the decay's begin S, length N, last factor r and power, and the peak are
searched (integers as integers) for the least ``max_t |lr_t - wanted_t|``, first by differential evolution on a run of at most
`COARSE` updates, then by steps of halving length on the run itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import differential_evolution

from lastiterate.schedules.export.form import Form, Reach

COARSE = 300
PEAK, WARMUP, BEGIN, LENGTH, FINAL, POWER = range(6)


@dataclass(frozen=True)
class Space:
    """Parameters (PEAK .. POWER) of the forms that a reach has on a run of `total` updates, and their bounds."""

    form: Form
    reach: Reach
    total: int

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """Lowest and highest value of each."""
        total = self.total
        warmup = min(2 * self.scaled(self.form.warmup_steps) + 2, total - 1) if self.form.rises else 0
        begin = (0, total) if self.reach.begin == "any" else (0, 0)
        length = (1, 1) if self.reach.end == "run" else (1, 4 * total)
        power = (0.05, 8.0) if self.reach.shape == "power" else (0.1, 100.0) if self.reach.shape == "inverse" else (1.0, 1.0)
        return [(0.05, 1.0), (0, warmup), begin, length, (0.0, 0.98), power]

    def scaled(self, count: int) -> int:
        """A count of the run as one of this space's."""
        return round(count * self.total / self.form.total_steps)

    def build(self, parameters) -> Form:
        """The form of these parameters, all counts in [0, total]."""
        warmup, begin, length = (round(parameters[i]) for i in (WARMUP, BEGIN, LENGTH))
        begin = max(begin, warmup) if self.reach.begin == "any" else warmup
        length = max(self.total - begin, 1) if self.reach.end == "run" else length
        return replace(
            self.form,
            total_steps=self.total,
            peak_lr=self.form.peak_lr * float(parameters[PEAK]),
            phases=(),
            warmup_steps=warmup,
            decay_begin=begin,
            decay_steps=length,
            decay_shape=self.reach.shape,
            decay_power=float(parameters[POWER]),
            final=float(parameters[FINAL]),
            whole=True,
        )


def fitted(form: Form, reach: Reach, wanted: np.ndarray, candidates: Callable, executed: Callable, after: int = 0) -> dict | None:
    """Settings of one reach that come nearest to `wanted`, or None if it makes none.

    Parameters
    ----------
    form : Form
        Of the schedule.
    reach : Reach
    wanted : ndarray, shape (T,)
        Learning rates of the schedule.
    candidates : callable
        Form -> settings; executed : callable, (settings, T) -> learning rates, both the trainer's.
    after : int
        Updates at the begin that do not count.
    """
    total = wanted.size
    coarse = Space(form, reach, min(total, COARSE))
    seen = wanted[np.round(np.linspace(0, total - 1, coarse.total)).astype(int)]
    free = [i for i, (low, high) in enumerate(coarse.bounds) if low < high]
    base = np.array([low for low, _ in coarse.bounds])
    guess = [1.0, coarse.scaled(form.warmup_steps), coarse.scaled(form.decay_begin), coarse.scaled(form.decay_steps), form.final, 1.0]
    guess = np.clip(guess, *np.transpose(coarse.bounds))

    def loss(space: Space, lr: np.ndarray, parameters) -> tuple[float, dict | None]:
        best = (np.inf, None)
        for values in candidates(space.build(parameters)):
            off = np.abs(executed(values, space.total) - lr)[after * space.total // total :]
            found = float(off.max() + 1e-3 * off.mean())
            best = (found, values) if found < best[0] else best
        return best

    def coarse_loss(x) -> float:
        base[free] = x
        return min(loss(coarse, seen, base)[0], 10 * form.peak_lr)  # no settings at all are worse than any

    result = differential_evolution(
        coarse_loss,
        [coarse.bounds[i] for i in free],
        integrality=[i in (WARMUP, BEGIN, LENGTH) for i in free],
        x0=guess[free],
        popsize=6,
        maxiter=50,
        tol=1e-4,
        seed=0,
        polish=False,
    )
    base[free] = result.x
    whole = Space(form, reach, total)
    start = base.copy()
    start[[WARMUP, BEGIN, LENGTH]] *= total / coarse.total
    return _polish(lambda parameters: loss(whole, wanted, parameters), start, whole.bounds, free, total / coarse.total)


def _polish(loss: Callable, start: np.ndarray, bounds: list, free: list[int], scale: float) -> dict | None:
    """Steps in one and in two parameters at a time, halved when none improves."""
    best, values = loss(start)
    steps = np.array([0.02, 2 * scale, 2 * scale, 4 * scale, 0.02, 0.1])
    rng = np.random.default_rng(0)
    for _ in range(12):
        moves = [sign * (np.arange(6) == i) for i in free for sign in (1, -1)]
        moves += [np.isin(np.arange(6), rng.choice(free, min(2, len(free)), replace=False)) * rng.choice((-1, 1), 6) for _ in range(12)]
        improved = False
        for move in moves:
            there = np.clip(start + move * steps, *np.transpose(bounds))
            found, made = loss(there)
            if found < best:
                best, values, start, improved = found, made, there, True
        if not improved:
            steps = np.where(np.isin(np.arange(6), (WARMUP, BEGIN, LENGTH)), np.maximum(steps / 2, 0.6), steps / 2)
    return values
