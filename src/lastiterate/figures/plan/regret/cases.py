"""The cases of `regret`: which runs a plan may see, and which it chooses among, for every task that a sweep of logged runs allows.

TASKS names them; an entry of the config lists those of its sweep. Each takes the sweep's runs (one model, one seed; with `final_lr_ratio`).

longer    pilots: one schedule at all learning rates of one horizon; choose among the runs of a longer horizon
cooldown  pilots: one schedule at all learning rates; choose among all schedules of the same horizon
base_lr   pilots: all schedules at two neighbouring learning rates; choose among all learning rates and schedules of the horizon
hidden    pilots: the worse half of a horizon's runs (the constant ones too); choose among all of it
one_peak  pilots: all schedules at one learning rate, of horizons up to one; choose among that learning rate's runs of a longer one
continue  pilots: all runs of a horizon; choose among those runs of a longer one, at one learning rate, that are at their peak until
          80 % of the shorter horizon, so that they go on from the checkpoint before a cooldown of 20 %
schedule  pilots: runs of one learning rate up to a horizon: all schedules, one alone, or constant and wsd; choose the schedule of runs of
          5 and of 10 times that horizon
final_2x, final_5x  the same pilots; the final loss of each run of 2, or 5, times that horizon, which nothing is chosen for
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from lastiterate.plan.pilots import Pilot
from lastiterate.schedules import Schedule

FIRST_COOLDOWN = 0.2  # of the run that a case `continue` goes on from
SAME_HORIZON = 1.02  # horizons whose ratio is less are one: ladders round theirs differently by schedule
RATIOS = {"schedule": (5, 10), "final_2x": (2,), "final_5x": (5,)}  # of horizons, to a tenth
SCHEDULES = {"all": None, "cosine": ("cosine",), "wsd": ("wsd", "constant")}  # whose runs are pilots of a ladder's cases
SHAPE = ["schedule_name", "decay_shape", "cooldown", "final_lr_ratio"]


@dataclass(frozen=True)
class Case:
    """One plan: the runs that it may see, those that it chooses among (run ids), and what is hidden from it."""

    task: str
    label: str
    pilots: tuple[str, ...]
    candidates: tuple[str, ...]


def cases(runs: pd.DataFrame, tasks, least: int = 3) -> Iterator[Case]:
    """The cases of the tasks, with at least two pilots, and `least` candidates where there is something to choose."""
    for task in tasks:
        for label, pilots, candidates in TASKS[task](runs):
            if len(pilots) >= 2 and len(candidates) >= (1 if task.startswith("final") else least):
                yield Case(task, label, tuple(pilots), tuple(candidates))


def _decaying(runs):
    """(horizon, its runs that decay, [(longer horizon, its runs)])."""
    ends = runs[runs.decay_shape.notna()]
    for horizon, pool in ends.groupby("total_steps"):
        yield horizon, pool, list(ends[ends.total_steps > horizon].groupby("total_steps"))


def _by_schedule(pool):
    for key, pilots in pool.groupby(SHAPE, sort=True):
        yield f"{key[0]} {key[1]} {key[2]:g}" if key[0] == "wsd" else f"{key[0]} to {key[3]:g}", pilots


def _longer(runs):
    for horizon, pool, later in _decaying(runs):
        for name, pilots in _by_schedule(pool):
            for longer, others in later:
                yield f"{horizon} to {longer}: {name}", pilots.run_id, others.run_id


def _cooldown(runs):
    for horizon, pool, _ in _decaying(runs):
        for name, pilots in _by_schedule(pool):
            yield f"{horizon}: {name}", pilots.run_id, pool.run_id


def _base_lr(runs):
    for horizon, pool, _ in _decaying(runs):
        for pair in pairwise(sorted(pool.base_lr.unique())):
            yield f"{horizon}: {pair[0]:g}, {pair[1]:g}", pool[pool.base_lr.isin(pair)].run_id, pool.run_id


def _hidden(runs):
    for horizon, pool, _ in _decaying(runs):
        worse = pool[pool.final_val_loss > pool.final_val_loss.median()]
        flat = runs[(runs.total_steps == horizon) & runs.decay_shape.isna()]
        yield f"{horizon}: worse half", (*worse.run_id, *flat.run_id), pool.run_id


def _one_peak(runs):
    ends = runs[runs.decay_shape.notna()]
    for horizon, _, later in _decaying(runs):
        for longer, others in later:
            for lr, same in others.groupby("base_lr"):
                pilots = ends[(ends.total_steps <= horizon) & (ends.base_lr == lr)]
                yield f"{horizon} to {longer}: {lr:g}", pilots.run_id, same.run_id


def _continue(runs):
    for horizon, pool, later in _decaying(runs):
        step = round((1 - FIRST_COOLDOWN) * horizon)
        for longer, others in later:
            for lr, same in others.groupby("base_lr"):
                goes_on = same[[Pilot(run.run_id, Schedule.from_json(run.schedule).lr, {}).stable(step) for run in same.itertuples()]]
                yield f"{horizon} to {longer}: {lr:g} from {step}", pool.run_id, goes_on.run_id


def _ladder(runs, task):
    """(label, pilots, the runs of a horizon that is a ratio of the task away)."""
    horizons = horizons_of(runs)
    for name, of in SCHEDULES.items():
        known = runs if of is None else runs[runs.schedule_name.isin(of)]
        for horizon in horizons:
            pilots = known[known.total_steps <= horizon * SAME_HORIZON]
            for longer in horizons:
                if round(longer / horizon, 1) in RATIOS[task]:
                    later = runs[(runs.total_steps / longer).between(1 / SAME_HORIZON, SAME_HORIZON)]
                    yield f"{horizon} to {longer}: from {name}", pilots, later


def _schedule(runs):
    for label, pilots, later in _ladder(runs, "schedule"):
        yield label, pilots.run_id, later.run_id


def _final(task):
    def found(runs):
        for label, pilots, later in _ladder(runs, task):
            for run in later.itertuples():
                yield f"{label}, {run.schedule_name}", pilots.run_id, (run.run_id,)

    return found


def horizons_of(runs: pd.DataFrame) -> list[int]:
    """The horizons of the runs, those that are nearly the same as their largest."""
    found: list[int] = []
    for steps in sorted(runs.total_steps.unique(), reverse=True):
        if not found or steps * SAME_HORIZON < found[-1]:
            found.append(int(steps))
    return found[::-1]


TASKS = {
    "longer": _longer, "cooldown": _cooldown, "base_lr": _base_lr, "hidden": _hidden, "one_peak": _one_peak, "continue": _continue,
    "schedule": _schedule, "final_2x": _final("final_2x"), "final_5x": _final("final_5x"),
}  # fmt: skip
