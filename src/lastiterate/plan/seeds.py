"""Runs that executed the same learning rates: seeds of one another if their losses lie as close as seeds' do."""

from collections.abc import Sequence

import numpy as np

from lastiterate.plan.pilots import Pilot

SEEDS_WITHIN = 0.04  # of the loss: seeds of a language model differ by a few thousandths of it, near the largest learning rate by 0.03
LEAST_COMMON = 3  # losses that two runs must share to be compared, or averaged
SAME_LR = 0.02  # of the peak: two schedules whose learning rates differ by less, but for their warmups, tell the same
Losses = tuple[np.ndarray, np.ndarray]


def of_equal_lr(pilots: Sequence[Pilot]) -> list[list[Pilot]]:
    """The pilots, those with the same learning rate in every update together."""
    groups: dict[bytes, list[Pilot]] = {}
    for pilot in pilots:
        groups.setdefault(pilot.lr.tobytes(), []).append(pilot)
    return list(groups.values())


def distinct(pilots: Sequence[Pilot]) -> list[Pilot]:
    """The pilots without those that tell nothing that another does not.

    A pilot is left out if a longer one, or an earlier one of the same length, executed the same learning rates from the end of the
    warmup of both on until its own end (to 2 % of the peak): a seed, another warmup, the same run cut short.

    >>> from lastiterate.schedules import cosine, wsd
    >>> run = lambda schedule: Pilot(schedule.name, schedule.lr, {})
    >>> [len(distinct([run(wsd(600, warmup_steps=10)), run(other)])) for other in (wsd(600, warmup_steps=60), wsd(600, 0.4), cosine(600))]
    [1, 2, 2]
    """
    kept: list[Pilot] = []
    for pilot in sorted(pilots, key=lambda pilot: -pilot.total_steps):
        if not any(_tells_as_much(other, pilot) for other in kept):
            kept.append(pilot)
    return [pilot for pilot in pilots if any(pilot is one for one in kept)]


def _tells_as_much(other: Pilot, pilot: Pilot) -> bool:
    """Whether `other`, no shorter, executed what `pilot` did after the warmup of both."""
    first = max(other.warmup_steps, pilot.warmup_steps)
    if 2 * first >= pilot.total_steps:  # mostly warmup: not the same unless all of it is
        first = 0
    if len(pilot.lr) * (1 + SAME_LR) >= len(other.lr):  # as long, but for a few updates: compared by the share of the run
        at = np.arange(first, pilot.total_steps) * (other.total_steps / pilot.total_steps)
        there = np.interp(at, np.arange(other.total_steps), other.lr)
    else:
        there = other.lr[first : pilot.total_steps]
    return bool(np.abs(there - pilot.lr[first:]).max() <= SAME_LR * max(pilot.peak, other.peak))


def not_seeds(pilots: Sequence[Pilot], loss: str) -> str | None:
    """What to say of runs that executed the same learning rates and end too far apart to be seeds; None if there are none.

    Runs whose logs tell different seeds are seeds, however far apart they end.
    """
    for same in of_equal_lr(pilots):
        for other in same[1:]:
            told = None not in (same[0].seed, other.seed) and same[0].seed != other.seed
            if not told and apart(same[0].losses[loss], other.losses[loss]) > SEEDS_WITHIN:
                ends = " and ".join(f"{run.run_id} ({run.losses[loss][1][-1]:.4g})" for run in (same[0], other))
                return (
                    f"{ends} executed the same learning rates, but their {loss} lies further apart than seeds do ({SEEDS_WITHIN:.0%}): "
                    "they differ in something that the logs do not tell; plan from the runs like the one to come (lastiterate plan --only)"
                )
    return None


def noise_between(pilots: Sequence[Pilot], loss: str) -> float | None:
    """Standard deviation of the final losses of runs with equal learning rates, over all such; None if there are none."""
    groups = [np.array([run.losses[loss][1][-1] for run in same]) for same in of_equal_lr(pilots) if len(same) > 1]
    free = sum(len(group) - 1 for group in groups)
    return float(np.sqrt(sum(((group - group.mean()) ** 2).sum() for group in groups) / free)) if free else None


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
