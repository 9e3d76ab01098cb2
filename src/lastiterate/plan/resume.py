"""Candidates that go on from a checkpoint of a pilot: the factor of the bound, the old learning rate, cooldown by cooldown."""

from collections.abc import Sequence

from lastiterate.plan.candidates import COOLDOWNS, Candidate
from lastiterate.plan.pilots import Pilot
from lastiterate.schedules import two_stage, wsd
from lastiterate.transfer import Extension, extend


def parent(pilots: Sequence[Pilot], from_step: int, run_id: str | None = None) -> Pilot:
    """The pilot that is continued: the one named, or the longest that is in its stable phase after update `from_step`.

    ValueError if there is none, or if several at different learning rates could be meant.
    """
    fits = [pilot for pilot in pilots if not pilot.diverged and pilot.stable(from_step) and run_id in (None, pilot.run_id)]
    if not fits:
        raise ValueError(
            f"from_step={from_step}: no pilot{f' {run_id!r}' if run_id else ''} is in its stable phase (at its peak learning rate) "
            "after that update: continue from an earlier step, or name another run"
        )
    if len({pilot.peak for pilot in fits}) > 1:
        names = ", ".join(f"{pilot.run_id} ({pilot.peak:g})" for pilot in fits[:6])
        raise ValueError(f"from_step={from_step}: several pilots could be continued: name one: {names}")
    return max(fits, key=lambda pilot: (pilot.total_steps, pilot.run_id))


def continued(pilot: Pilot, from_step: int, horizon: int, tuned_steps: int) -> tuple[list[Candidate], Extension]:
    """Candidates that execute the pilot's learning rates until `from_step`, and the bound's own answer.

    At each cooldown fraction: the old learning rate, and the second-stage factor with which it stays optimal if it is
    for `tuned_steps` updates with 20 % cooldown (`lastiterate.transfer.extend`).
    """
    first = wsd(tuned_steps, 0.2, warmup_steps=pilot.warmup_steps, peak_lr=pilot.peak)
    switch = min(from_step, first.warmup_steps + first.stable_steps)
    bound = extend(first, horizon, "second_stage", switch_step=switch)
    found = []
    for cooldown in COOLDOWNS:
        if int(cooldown * (horizon + 1)) > horizon - from_step:
            continue
        common = {"warmup_steps": pilot.warmup_steps, "peak_lr": pilot.peak, "initial_lr_ratio": float(pilot.lr[0] / pilot.peak)}
        found.append(Candidate(f"same LR, cooldown {cooldown:g}", "wsd", wsd(horizon, cooldown, **common), cooldown))
        factor = float(f"{extend(first, horizon, 'second_stage', cooldown=cooldown, switch_step=switch).parameter:.4g}")
        schedule = two_stage(horizon, from_step, factor, cooldown, **common)
        found.append(Candidate(f"LR x {factor:g}, cooldown {cooldown:g}", "two_stage", schedule, cooldown))
    if not found:
        raise ValueError(f"horizon={horizon} leaves no room for a cooldown after from_step={from_step}: give a longer horizon")
    return found, bound
