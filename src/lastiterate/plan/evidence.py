"""What pilot runs can and cannot tell, and the run that would settle what they cannot."""

from collections.abc import Sequence
from dataclasses import dataclass

from lastiterate.laws.fitting import SAME_PEAK
from lastiterate.plan.pilots import Pilot
from lastiterate.plan.seeds import distinct

FAR = 4.0  # horizons beyond this multiple of the longest pilot are called far
TOO_FAR = 20.0  # and beyond this are refused


@dataclass(frozen=True)
class Question:
    """A question that a plan asks of the pilots.

    `name` is one of "noise", "base_lr", "bracket", "horizon", "held_out"; `settle` is the pilot run that would identify it.
    """

    name: str
    identified: bool
    because: str
    settle: str = ""


def questions(pilots: Sequence[Pilot], horizon: int) -> list[Question]:
    """What the pilots identify, for a run of `horizon` updates; diverged runs count only as a limit of the learning rate.

    Parameters
    ----------
    pilots : sequence of Pilot
    horizon : int
        Updates of the run to plan.

    Returns
    -------
    list of Question
        noise, base_lr, bracket, horizon, held_out.

    Source: this project's own rules, docs/plan.md.

    >>> import numpy as np
    >>> from lastiterate.plan import Pilot
    >>> from lastiterate.schedules import constant
    >>> run = Pilot("a", constant(100, peak_lr=0.001).lr, {"val_loss": (np.arange(1, 101), np.full(100, 3.0))})
    >>> questions([run], 200)[0].settle
    'cool one down: wsd of 100 updates, cooldown 0.2, base LR 0.001 (it can branch from a checkpoint)'
    """
    ran = [pilot for pilot in pilots if not pilot.diverged]
    peaks = sorted({pilot.peak for pilot in ran})
    longest = max((pilot.total_steps for pilot in ran), default=0)
    several = bool(peaks) and peaks[-1] > SAME_PEAK * peaks[0]
    limit = min((pilot.peak for pilot in pilots if pilot.diverged), default=float("inf"))
    decaying, flat = [p for p in ran if p.decays], [p for p in ran if not p.decays]
    return [
        _noise(decaying, flat, peaks, longest),
        _base_lr(peaks, several, limit),
        _bracket(ran, peaks, several, limit),
        _horizon(ran, longest, horizon),
        _held_out(ran),
    ]


def _noise(decaying, flat, peaks, longest) -> Question:
    if decaying:
        return Question("noise", True, f"{len(decaying)} pilots end at half of their peak learning rate or below, {len(flat)} do not")
    cool = (
        f"cool one down: wsd of {longest} updates, cooldown 0.2, base LR {peaks[-1]:g} (it can branch from a checkpoint)" if peaks else ""
    )
    return Question("noise", False, "no pilot's learning rate falls to half of its peak: the loss of any cooldown is a guess", cool)


def higher(lr: float, limit: float) -> float | None:
    """The next base learning rate to try above `lr`: twice it, or between it and one that diverged; None if there is no room.

    >>> higher(0.001, float("inf")), higher(0.001, 0.0018), higher(0.001, 0.001)
    (0.002, 0.00134, None)
    """
    found = 2 * lr if 2 * lr < limit else float(f"{(lr * limit) ** 0.5:.3g}")
    return found if found > 1.1 * lr and found < limit else None


def _base_lr(peaks, several, limit) -> Question:
    if several:
        return Question("base_lr", True, f"the pilots' peak learning rates span {peaks[0]:g} to {peaks[-1]:g}")
    if not peaks:
        return Question("base_lr", False, "no usable pilot")
    return Question(
        "base_lr",
        False,
        f"all pilots share one peak learning rate, {peaks[0]:g}",
        f"run one pilot again at base LR {f'{above:g} and one at ' if (above := higher(peaks[-1], limit)) else ''}{peaks[0] / 2:g}",
    )


def _bracket(ran, peaks, several, limit) -> Question:
    """Whether the lowest final loss of some group of equal horizon and shape lies inside the group's learning rates."""
    if not several:
        return Question("bracket", False, "a best learning rate needs three to be bracketed", "")
    groups: dict[tuple, dict[float, float]] = {}
    for pilot in ran:
        name = "val_loss" if "val_loss" in pilot.losses else "train_loss"
        shape = (pilot.total_steps, tuple((pilot.lr[:: max(1, pilot.total_steps // 16)] / pilot.peak).round(2)))
        groups.setdefault(shape, {})[pilot.peak] = float(pilot.losses[name][1][-1])
    ends = []
    for (updates, _), finals in groups.items():
        order = sorted(finals)
        best = min(order, key=finals.get)
        if len(order) >= 3 and order[0] < best < order[-1]:
            return Question("bracket", True, f"among pilots of {updates} updates the best learning rate lies inside the range")
        if len(order) >= 2:
            ends.append(best == order[-1])
    up = not ends or sum(ends) * 2 >= len(ends)
    lr = higher(peaks[-1], limit) if up else peaks[0] / 2
    if lr is None:
        return Question("bracket", True, f"a pilot diverged at {limit:g}, and no learning rate below it is left to try")
    return Question("bracket", False, "the best pilots lie at an end of the learning rates tried", f"run one pilot again at base LR {lr:g}")


def _horizon(ran, longest, horizon) -> Question:
    if not longest or horizon > TOO_FAR * longest:
        wanted = int(horizon / TOO_FAR) + 1
        return Question(
            "horizon", False, f"the horizon of {horizon} is more than {TOO_FAR:g} times the longest pilot's {longest}",
            f"a pilot of at least {wanted} updates",
        )  # fmt: skip
    ratio = horizon / longest
    several = len({pilot.total_steps for pilot in ran}) > 1
    if ratio > FAR and not several:
        return Question(
            "horizon", False, f"{ratio:.3g} times the pilots' single horizon: nothing checks the law at another one",
            f"a pilot of {2 * longest} updates, or one of {longest // 2}",
        )  # fmt: skip
    return Question("horizon", True, f"{ratio:.3g} times the longest pilot ({longest} updates)")


def _held_out(ran) -> Question:
    count = len(distinct(ran))
    because = f"{count} pilots with different learning rates"
    if count >= 4:
        return Question("held_out", True, because)
    return Question(
        "held_out", False, because + ": too few to choose between laws by leaving one out", "pilots at other cooldowns, four in all"
    )
