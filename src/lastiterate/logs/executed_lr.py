"""The vector of executed learning rates from a log that holds some of them.

Between two logged updates it is a straight line, which is exact within a linear or constant phase; a corner of the
schedule between them is off by less than their distance. Before the first and after the last it is the line through the
two next to it, kept at or above 0, for at most `MAX_GAP` logging intervals; a log that leaves more open tells no vector.
"""

import numpy as np

MAX_GAP = 2.5  # logging intervals that may be missing at either end
CHECK_RTOL = 1e-6  # of the peak: how far a logged learning rate may lie from the stated schedule


def executed_lr(update: np.ndarray, lr: np.ndarray, total_steps: int) -> tuple[np.ndarray | None, str | None, str | None]:
    """Learning rates of updates 1..total_steps from those of some.

    Parameters
    ----------
    update : ndarray of int, shape (n,)
        Updates whose learning rate is known: 1-based, strictly increasing, at most `total_steps`.
    lr : ndarray, shape (n,)
        What they executed.
    total_steps : int
        Number of updates T.

    Returns
    -------
    vector : ndarray, shape (T,), or None
        None if more than 2.5 logging intervals are missing at either end, or nothing is known.
    source : {"log", "interpolated"} or None
    note : str or None
        What a person should know about it.

    Source: none, this project's own.

    >>> vector, source, note = executed_lr(np.array([2, 4]), np.array([1.0, 3.0]), 5)
    >>> vector.tolist(), source
    ([0.0, 1.0, 2.0, 3.0, 4.0], 'interpolated')
    >>> note
    'LR logged at 2 of 5 updates, about every 2: interpolated in between, so that a corner of the schedule is off by up to 2 updates'
    """
    source, note = told_by(update, total_steps)
    if source == "log":
        return np.asarray(lr, np.float64), source, None
    if source is None:
        return None, None, note
    at = np.arange(1, total_steps + 1)
    vector = np.interp(at, update, lr)
    for end, a, b in ((at < update[0], 0, 1), (at > update[-1], -2, -1)):
        if end.any():
            slope = (lr[b] - lr[a]) / (update[b] - update[a])
            vector[end] = np.maximum(lr[a] + slope * (at[end] - update[a]), 0.0)
    return vector, source, note


def told_by(update: np.ndarray, total_steps: int) -> tuple[str | None, str | None]:
    """(source, note) of `executed_lr`, without the vector, which may be long."""
    if update.size == 0:
        return None, "no learning rate of an executed update is in the log"
    if update.size == total_steps:
        return "log", None
    interval = int(np.median(np.diff(update))) if update.size > 1 else total_steps
    before, after = int(update[0]) - 1, total_steps - int(update[-1])
    if max(before, after) > MAX_GAP * interval:
        missing = f"1..{before}" if before >= after else f"{update[-1] + 1}..{total_steps}"
        return None, f"LR not known: updates {missing} have none in the log, which is too much to extend: state the schedule"
    if update.size == 1:
        return None, "LR not known: the log has a single one: state the schedule"
    widest = int(np.max(np.diff(update)))
    note = f"LR logged at {update.size} of {total_steps} updates, about every {interval}: interpolated in between, so that a corner of the "
    return "interpolated", note + f"schedule is off by up to {widest} updates"


def disagreement(schedule, update: np.ndarray, lr: np.ndarray, atol: float = 0.0) -> int | None:
    """Index of the first logged learning rate that is not the schedule's (within 1e-6 of the peak, or `atol`); None if all are."""
    off = np.abs(lr - schedule.lr[update - 1]) > np.maximum(CHECK_RTOL * schedule.peak_lr, atol)
    return int(np.argmax(off)) if off.any() else None
