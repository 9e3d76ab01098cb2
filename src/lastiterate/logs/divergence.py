"""Whether a run diverged: its loss is no number at the end, or left its own past for good.

A loss leaves its past where it ends above a level that it had first passed in the first half of its descent, and never comes
back: with m_i the running median of the losses, b the row of the least of them and e the least of those in the last tenth,
    e > m_b + 4 s,   e > m_i first holds no longer at a row i <= b / 2,   and no row after b + LEAST_TAIL is at m_b + 2 s again,
where s is the spread of one loss about its running median. A learning rate that rises again after b explains as much, and is no divergence.
"""

import numpy as np

LEAST_ROWS = 12  # below which a loss has no past to leave
LEAST_TAIL = 3  # rows that the loss must stay away
SPREADS = 4.0
MOST_ROWS = 160  # of more, the medians of as many groups are looked at: so many that a running median ends within LEAST_TAIL


def left_for_good(values: np.ndarray) -> int | None:
    """Index of the best (median) loss before the loss left its past for good; None if it did not.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite losses in the order of their steps.

    Source: none, this project's own.

    >>> fine = 3 + 7 / np.sqrt(np.arange(1, 41))
    >>> left_for_good(fine), left_for_good(np.append(fine, [6.9, 7.0, 7.1, 7.0, 7.05]))
    (None, 38)
    """
    n = values.size
    if n < LEAST_ROWS:
        return None
    if n > MOST_ROWS:
        rows, extra = -(-n // MOST_ROWS), n % -(-n // MOST_ROWS)
        best = left_for_good(np.median(values[extra:].reshape(-1, rows), axis=1))
        return None if best is None else extra + best * rows + rows // 2
    width = max(3, n // 40) | 1
    smooth = _running_median(values, width)
    spread = 1.4826 * np.median(np.abs(values - smooth))
    best = int(np.argmin(smooth))
    tail = smooth[best + LEAST_TAIL :]
    if tail.size < max(LEAST_TAIL, n // 20):
        return _late(values, smooth, spread)
    end = float(smooth[-max(LEAST_TAIL, n // 10) :].min())
    if end <= smooth[best] + SPREADS * spread or tail.min() <= smooth[best] + 2 * spread:
        return None
    first = int(np.argmax(smooth <= end))
    return best if first <= best / 2 else None


def _late(values: np.ndarray, smooth: np.ndarray, spread: float) -> int | None:
    """The same of a loss that left in its last rows: too few for a level, but above all that it had after its first tenth."""
    n = values.size
    last = values[-LEAST_TAIL:]
    before = smooth[n // 10 : -LEAST_TAIL]
    return int(np.argmin(smooth)) if before.size and last.min() > before.max() + 10 * spread else None


def _running_median(values: np.ndarray, width: int) -> np.ndarray:
    """Medians of windows of an odd width, the ends repeated."""
    padded = np.pad(values, width // 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)
