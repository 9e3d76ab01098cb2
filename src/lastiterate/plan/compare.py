"""Settings that a person is choosing between: predicted, ranked, and told apart where the laws tell them apart."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastiterate.plan.choose import choose
from lastiterate.plan.plausible import Plausible
from lastiterate.schedules import Schedule

if TYPE_CHECKING:
    from lastiterate.plan.planner import Plan


@dataclass(frozen=True)
class Compared:
    """One of the settings.

    `predicted` is its final loss, `low` and `high` the ends of its interval; `loses` is how much worse it is than the one chosen, with
    an interval of its own, since what two settings share cancels in their difference. `reached` is False where its learning rate
    is beyond what the pilots tell, or not below one that diverged: then it is not chosen.
    """

    name: str
    predicted: float
    low: float
    high: float
    loses: float
    loses_low: float
    loses_high: float
    reached: bool

    @property
    def apart(self) -> bool:
        """Whether the interval of the difference to the one chosen leaves out 0."""
        return self.loses_low > 0 or self.loses_high < 0


def compare(plan: Plan, schedules: Mapping[str, Schedule]) -> tuple[tuple[Compared, ...], str]:
    """The settings, best first, and the name of the one to take.

    Each final loss is the predicted one of the chosen setting plus the difference between the two, which the plausible laws tell
    better than either (`Plausible.difference`).

    Parameters
    ----------
    plan : Plan
        Of a run from its start.
    schedules : mapping of name to Schedule
        With as many updates as the plan.

    Raises
    ------
    ValueError
        For a plan that continues a run, a schedule of another length, or if no learning rate is within reach.

    Source: this project's own, docs/plan.md.
    """
    total = plan.schedule.total_steps
    if plan.start_step:
        raise ValueError("--compare is about runs from their start: leave out --from-step")
    for name, schedule in schedules.items():
        if schedule.total_steps != total:
            raise ValueError(f"--compare {name}: has {schedule.total_steps} updates, but the horizon is {total}")
    limit = min((pilot.peak for pilot in plan.pilots if pilot.diverged), default=np.inf)
    usable = [name for name, schedule in schedules.items() if schedule.lr.max() < limit * (1 - 1e-9)]
    if not usable:
        raise ValueError(f"--compare: a pilot diverged at a peak of {limit:g}, and none of these is below it: add a lower learning rate")
    choice = choose(plan.laws, [schedules[name] for name in usable])
    chosen = usable[choice.index]
    reached = {name for name, value in zip(usable, choice.regret, strict=True) if np.isfinite(value)}
    found = contrasted(plan.laws, schedules, chosen, plan.level, reached)
    return tuple(sorted(found, key=lambda one: (one.name != chosen, one.predicted))), chosen


def contrasted(
    laws: Plausible, schedules: Mapping[str, Schedule], chosen: str, level: float, reached: Container[str] | None = None
) -> tuple[Compared, ...]:
    """Each setting against the one chosen, in their order; all are within reach where `reached` does not tell."""
    losses = laws.losses(list(schedules.values()))
    columns = dict(zip(schedules, losses.T[:, :, None], strict=True))
    first = float(laws.predicted(columns[chosen])[0])
    found = []
    for name, values in columns.items():
        low, high = (float(end[0]) for end in laws.interval(values, level))
        loses, below, above = (float(end[0]) for end in laws.difference(values - columns[chosen], level))
        found.append(Compared(name, first + loses, low, high, loses, below, above, reached is None or name in reached))
    return tuple(found)


def as_report(compared: tuple[Compared, ...], chosen: str) -> dict:
    """What plan.json and --json hold of it."""
    return {"compared": [as_row(one) for one in compared], "chosen": chosen}


def as_row(one: Compared) -> dict:
    """One setting as plain values."""
    return vars(one) | {"apart": one.apart}
