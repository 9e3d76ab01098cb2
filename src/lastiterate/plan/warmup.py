"""Where the planned run's warmup starts: where the pilots' did, or where the trainer's does."""

from collections.abc import Sequence

import numpy as np

from lastiterate.plan.pilots import Pilot
from lastiterate.schedules import wsd
from lastiterate.schedules.export import TOLERANCE, nearest


def warmup_start(pilots: Sequence[Pilot], warmup_steps: int, trainer: str | None = None) -> float:
    """First factor of a warmup of `warmup_steps` updates, a fraction of the peak.

    The pilots' own: 1/(W + 1), which depends on the length, if that is what each of them has, else their median. With a trainer, the first
    of that, 0 and 1/(W + 1) that it can execute, and the pilots' own if it can execute none.

    >>> warmup_start([Pilot("a", np.array([0.25, 0.5, 0.75, 1.0, 1.0]), {})], 9)
    0.1
    >>> warmup_start([Pilot("a", np.array([0.0, 0.5, 1.0, 1.0, 1.0]), {})], 9, "torchtitan")
    0.1
    """
    known = [(float(pilot.lr[0]) / pilot.peak, 1 / (pilot.warmup_steps + 1)) for pilot in pilots if pilot.warmup_steps]
    if not known or not warmup_steps:
        return 0.0
    step = 1 / (warmup_steps + 1)
    own = step if all(abs(start / first - 1) < 1e-3 for start, first in known) else float(np.median([start for start, _ in known]))
    for start in (own, 0.0, step) if trainer else ():
        tried = wsd(4 * warmup_steps + 20, warmup_steps=warmup_steps, initial_lr_ratio=start)
        if nearest(tried, trainer, search=False).deviation <= TOLERANCE:
            return start
    return own
