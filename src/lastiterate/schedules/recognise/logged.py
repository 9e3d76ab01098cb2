"""The logged learning rates, as the fits look at them, and the warmup before what they fit."""

from collections.abc import Iterator

import numpy as np

from lastiterate.schedules.recognise.digits import EXACT
from lastiterate.schedules.recognise.warmup import Warmup, warmups
from lastiterate.schedules.schedule import Phase


class Logged:
    """The log and the level of exactness at which it is looked at."""

    def __init__(self, update: np.ndarray, lr: np.ndarray, tol: np.ndarray, rounded: float, total_steps: int | None) -> None:
        self.update, self.lr, self.tol = update, lr, tol
        self.total = int(total_steps or update[-1])
        self.known = total_steps is not None
        self.interval = int(np.median(np.diff(update)))
        self.peak = float(lr.max())
        self.explained = False  # whether a schedule was found that leaves no need to look at others
        self.exact = tol.max() <= EXACT * self.peak * 1.001
        self.close = not rounded  # else equal values need not be equal, and the closest need not be the right one


def before(log: Logged, first: int, peak: float, meets: np.ndarray) -> Iterator[Warmup]:
    """Warmups of the rows before `first`; where there is none, what may lie before the first row."""
    if first:
        yield from warmups(log.update[:first], log.lr[:first], log.tol[:first], peak, meets)
    elif meets[0] <= 1:
        yield Warmup(0, (), f"a warmup before update {log.update[0]}, the first logged, would not show" if log.update[0] > 2 else None)
    elif meets.size == 1:
        yield implied(int(meets[0]), through_zero=False)


def implied(meets: int, through_zero: bool) -> Warmup:
    """The warmup before a body that starts at update `meets`, no row of which is logged: a line that is 0 at update 0 or 1."""
    steps = meets if through_zero else meets - 1
    phase = Phase("warmup", steps, "linear", 0.0, 1.0, meets - (not through_zero), int(through_zero))
    return Warmup(steps, (phase,), f"the warmup of {steps} updates is where the decay starts: no row of it is logged")
