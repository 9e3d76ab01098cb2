"""Settings that a person is choosing between: predicted, ranked, and told apart where the laws tell them apart."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lastiterate.plan.choose import choose
from lastiterate.plan.planner import Plan
from lastiterate.schedules import Schedule


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
    losses = dict(zip(schedules, plan.laws.losses(list(schedules.values())).T[:, :, None], strict=True))
    predicted = {name: float(plan.laws.predicted(values)[0]) for name, values in losses.items()}
    found = []
    for name, values in losses.items():
        low, high = (float(end[0]) for end in plan.laws.interval(values, plan.level))
        loses, below, above = (float(end[0]) for end in plan.laws.difference(values - losses[chosen], plan.level))
        found.append(Compared(name, predicted[chosen] + loses, low, high, loses, below, above, name in reached))
    return tuple(sorted(found, key=lambda one: (one.name != chosen, one.predicted))), chosen


def as_report(compared: tuple[Compared, ...], chosen: str) -> dict:
    """What plan.json and --json hold of it."""
    return {"compared": [vars(one) | {"apart": one.apart} for one in compared], "chosen": chosen}


def in_words(compared: tuple[Compared, ...], level: float) -> list[str]:
    """A line for each setting: its loss, and how much worse it is than the first, with intervals."""
    width = max(len(one.name) for one in compared)
    lines = [f"compared, {level:.0%} intervals; the first is the one to take:"]
    for number, one in enumerate(compared):
        text = f"  {one.name:<{width}}  {one.predicted:.4f} ({one.low:.4f} to {one.high:.4f})"
        if number:
            text += f"  {one.loses:+.4f} ({one.loses_low:+.4f} to {one.loses_high:+.4f}{'' if one.apart else ', not told apart'})"
        lines.append(text + ("" if one.reached else "  beyond the pilots' learning rates"))
    return lines
