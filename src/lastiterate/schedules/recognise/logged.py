"""The logged learning rates, as the fits look at them, and the warmup before what they fit."""

from collections.abc import Iterator

import numpy as np

from lastiterate.schedules.recognise.digits import CLOSE, EXACT
from lastiterate.schedules.recognise.warmup import Warmup, warmups


class Logged:
    """The log and the level of exactness at which it is looked at."""

    def __init__(self, update, lr, tol, total_steps):
        self.update, self.lr, self.tol = update, lr, tol
        self.total = int(total_steps or update[-1])
        self.known = total_steps is not None
        self.interval = int(np.median(np.diff(update)))
        self.peak = float(lr.max())
        self.exact = tol.max() <= EXACT * self.peak * 1.001
        self.close = tol.max() <= CLOSE * self.peak * 1.001


def before(log: Logged, first: int, peak: float, meets: np.ndarray) -> Iterator[Warmup]:
    """Warmups of the rows before `first`; where there is none, what may lie before the first row."""
    if first:
        yield from warmups(log.update[:first], log.lr[:first], log.tol[:first], peak, meets)
    elif meets[0] <= 1:
        note = f"a warmup before update {log.update[0]}, the first logged, would not show" if log.update[0] > 2 else None
        yield Warmup(0, (), note)
