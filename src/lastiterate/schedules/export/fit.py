"""The nearest settings of a trainer: every decay that it has, with its lengths and levels fitted for the largest deviation.

For each `Reach` of a trainer the warmup's length W, the decay's begin S, length N, last factor r and power, and the peak are
searched (counts as integers) for the least ``max_t |lr_t - wanted_t|``: by differential evolution, then by steps of halving length. A
long run is seen at `SEEN` of its updates, closer to each other where its phases meet, and at those where the settings so found are
furthest off, until these are no further off than the others.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lastiterate.schedules.export.form import Form, Reach

SEEN = 300
ROUNDS = 5
PEAK, WARMUP, BEGIN, LENGTH, FINAL, POWER = range(6)
COUNTS = np.array([WARMUP, BEGIN, LENGTH])


@dataclass(frozen=True)
class Space:
    """The forms that a reach has, as parameters PEAK .. POWER.

    Counts are fourth roots of their share of the longest, so that lengths of tens and of ten thousands are equally easy to come by.
    """

    form: Form
    reach: Reach

    @property
    def longest(self) -> np.ndarray:
        """Longest warmup, begin and length."""
        total = self.form.total_steps
        warmup = min(2 * self.form.warmup_steps + 2, total - 1) if self.form.rises else 0
        return np.array([warmup, total if self.reach.begin == "any" else 0, 4 * total if self.reach.end == "any" else 0])

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """Lowest and highest value of each."""
        power = (0.05, 8.0) if self.reach.shape == "power" else (0.1, 100.0) if self.reach.shape == "inverse" else (1.0, 1.0)
        return [(0.05, 1.0), *((0.0, float(longest > 0)) for longest in self.longest), (0.0, 0.98), power]

    def roots(self, counts: Any) -> np.ndarray:
        """Counts (warmup, begin, length) as parameters."""
        return (np.clip(counts, 0, self.longest) / np.maximum(self.longest, 1)) ** 0.25

    def build(self, parameters: Any) -> Form:
        """The form of these parameters."""
        warmup, begin, length = (int(count) for count in np.round(self.longest * np.asarray(parameters)[COUNTS] ** 4))
        begin = max(begin, warmup) if self.reach.begin == "any" else warmup
        length = max(self.form.total_steps - begin, 1) if self.reach.end == "run" else max(length, 1)
        return replace(
            self.form,
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


def fitted(
    form: Form, reach: Reach, wanted: np.ndarray, candidates: Callable[..., Any], executed: Callable[..., Any], after: int = 0
) -> dict[str, Any] | None:
    """Settings of one reach that come nearest to `wanted`, or None if it makes none.

    Parameters
    ----------
    form : Form
        Of the schedule.
    reach : Reach
    wanted : ndarray, shape (T,)
        Learning rates of the schedule.
    candidates : callable
        Form -> settings; executed : callable, (settings, counts) -> learning rates, both the trainer's.
    after : int
        Updates at the begin that do not count.
    """
    from scipy.optimize import differential_evolution  # here: its import takes half a second and 45 MB, and readers of logs come by

    space, seen = Space(form, reach), _seen(form, wanted.size, after)
    free = [i for i, (low, high) in enumerate(space.bounds) if low < high]

    def loss(parameters: Any) -> tuple[float, dict[str, Any] | None]:
        best = (np.inf, None)
        for values in candidates(space.build(parameters)):
            off = np.abs(executed(values, seen) - wanted[seen])
            found = float(off.max() + 1e-3 * off.mean())
            best = (found, values) if found < best[0] else best
        return best

    start = np.array([low for low, _ in space.bounds])

    def free_loss(x: np.ndarray) -> float:
        start[free] = x
        return min(loss(start)[0], 10 * form.peak_lr)  # no settings at all are worse than any

    guess = np.array([1.0, *space.roots([form.warmup_steps, form.decay_begin, form.decay_steps]), form.final, 1.0])
    guess = np.clip(guess, *np.transpose(space.bounds))
    bounds = [space.bounds[i] for i in free]
    limits: Any = bounds
    found = differential_evolution(free_loss, limits, x0=guess[free], popsize=5, maxiter=50, tol=1e-4, seed=0, polish=False)
    start[free] = found.x
    for _ in range(ROUNDS):
        start = _polish(loss, start, space, free)
        reached, values = loss(start)
        if values is None:
            return None
        off = np.abs(executed(values, wanted.size) - wanted)
        off[:after] = 0.0
        if off.max() <= reached * 1.001:
            break
        worst = np.argpartition(off, -min(5, off.size))[-5:]
        seen = np.union1d(seen, worst)
    return values


def _seen(form: Form, total: int, after: int) -> np.ndarray:
    """Counts at which a run is looked at: all of a short one; else evenly spread, and denser where its phases meet."""
    if total <= 2 * SEEN:
        return np.arange(after, total)
    ends = np.cumsum([0, *(phase.steps for phase in form.phases)])[: SEEN // 10]
    near = np.unique(np.geomspace(1, total, 24).astype(int))
    spread = [np.linspace(0, total - 1, SEEN).astype(int), *(end + side * near for end in ends for side in (-1, 1)), ends]
    found = np.unique(np.concatenate(spread))
    return found[(found >= after) & (found < total)]


def _polish(loss: Callable[..., Any], start: np.ndarray, space: Space, free: list[int]) -> np.ndarray:
    """Steps in one and in two parameters at a time, halved when none improves; counts by at least 1."""
    best, rng, bounds = loss(start)[0], np.random.default_rng(0), np.transpose(space.bounds)
    share = 0.05
    for _ in range(18):
        moves = [sign * (np.arange(6) == i) for i in free for sign in (1, -1)]
        moves += [np.isin(np.arange(6), rng.choice(free, min(2, len(free)), replace=False)) * rng.choice((-1, 1), 6) for _ in range(12)]
        improved = False
        for move in moves:
            there = start + move * share * np.array([1, 0, 0, 0, 1, 4])
            counts = np.round(space.longest * start[COUNTS] ** 4)
            there[COUNTS] = space.roots(counts + move[COUNTS] * np.maximum(np.round(share * counts), 1))
            there = np.clip(there, *bounds)
            found, _ = loss(there)
            if found < best:
                best, start, improved = found, there, True
        if not improved:
            share /= 2
    return start
