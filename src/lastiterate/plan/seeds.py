"""Runs that executed the same learning rates: seeds of one another if their losses lie as close as seeds' do."""

from collections.abc import Sequence

import numpy as np

from lastiterate.plan.pilots import Pilot

SEEDS_WITHIN = 0.04  # of the loss: seeds of a language model differ by a few thousandths of it, near the largest learning rate by 0.03
LEAST_COMMON = 3  # losses that two runs must share to be compared, or averaged
Losses = tuple[np.ndarray, np.ndarray]


def of_equal_lr(pilots: Sequence[Pilot]) -> list[list[Pilot]]:
    """The pilots, those with the same learning rate in every update together."""
    groups: dict[bytes, list[Pilot]] = {}
    for pilot in pilots:
        groups.setdefault(pilot.lr.tobytes(), []).append(pilot)
    return list(groups.values())


def not_seeds(pilots: Sequence[Pilot], loss: str) -> str | None:
    """What to say of runs that executed the same learning rates and end too far apart to be seeds; None if there are none."""
    for same in of_equal_lr(pilots):
        for other in same[1:]:
            if apart(same[0].losses[loss], other.losses[loss]) > SEEDS_WITHIN:
                ends = " and ".join(f"{run.run_id} ({run.losses[loss][1][-1]:.4g})" for run in (same[0], other))
                return (
                    f"{ends} executed the same learning rates, but their {loss} lies further apart than seeds do ({SEEDS_WITHIN:.0%}): "
                    "they differ in something that the logs do not tell; plan from the runs like the one to come (lastiterate plan --only)"
                )
    return None


def apart(one: Losses, other: Losses) -> float:
    """How far two runs' losses lie apart in the second half of what they share, relative to the loss; 0 if they share too little."""
    shared = common([one, other])
    if shared is None:
        return 0.0
    _, (a, b) = shared
    half = slice(a.size // 2, None)
    return float(abs(np.median(a[half] - b[half])) / max(np.median(np.abs(a[half])), np.finfo(float).tiny))


def common(losses: Sequence[Losses]) -> tuple[np.ndarray, list[np.ndarray]] | None:
    """(steps, the losses of each there): on the coarsest grid of them, in between by straight lines; None if they share too little."""
    grid = min((steps for steps, _ in losses), key=len)
    low, high = max(steps[0] for steps, _ in losses), min(steps[-1] for steps, _ in losses)
    steps = grid[(grid >= low) & (grid <= high)]
    if steps.size < LEAST_COMMON:
        return None
    return steps, [np.interp(steps, at, values) for at, values in losses]
