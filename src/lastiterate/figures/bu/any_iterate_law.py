"""The any-iterate law of arXiv:2602.07145 as regressors."""

import numpy as np

from lastiterate.bound.problem import Problem
from lastiterate.schedules import Schedule


def regressors(schedule: Schedule, steps: np.ndarray) -> np.ndarray:
    """Columns 1, p_t and n_t at the given steps, shape (n, 3); infinite where the learning rate is 0."""
    progress, noise = Problem(schedule, 1.0, 1.0, "last_iterate").every(rtol=1e-10)
    return np.column_stack([np.ones(len(steps)), progress[steps - 1], noise[steps - 1]])
