"""Which steps of a long run go into a table: as many as a figure can show."""

import numpy as np


def drawn_steps(total_steps: int, most: int = 1200, kinks=()) -> np.ndarray:
    """The steps (1-based) of a long run that a figure shows: all of at most `most`, else evenly spaced, and denser at both ends.

    A step after which a curve bends, given in `kinks`, and the step after it are always among them.
    """
    if total_steps <= most:
        return np.arange(1, total_steps + 1)
    near = np.geomspace(1, total_steps / 2, most // 6).astype(int)
    even = np.linspace(1, total_steps, most - 2 * near.size).astype(int)
    bends = [step for kink in kinks for step in (kink, kink + 1) if 1 <= step <= total_steps]
    return np.unique(np.concatenate([near, even, total_steps + 1 - near, np.array(bends, dtype=int)]))
