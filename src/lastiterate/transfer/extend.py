"""Extending a tuned run to a longer horizon while its base learning rate stays optimal.

The base learning rate gamma_0 is optimal for the first horizon T0, and gamma* falls with the horizon. An extension
changes one parameter p of the schedule so that ``gamma*(p; T) = gamma_0`` again:

    cooldown      the fraction c that is cooled: longer cooldowns want larger learning rates
    second_stage  the factor rho of everything after `switch_step`, the cooldown fraction kept
    base_lr       the base learning rate itself: a new run at gamma*(T)/gamma*(T0) times the old one

The first two branch from a checkpoint of the first run. If m = ln gamma*(p; T) - ln gamma_0 is left over, the bound at gamma_0 is
``Omega_T* cosh(m)``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lastiterate._checks import check_choice, check_number, check_steps
from lastiterate.schedules import Schedule
from lastiterate.transfer.base_lr import tuned_shape
from lastiterate.transfer.parts import Parts, common_steps, last_factor
from lastiterate.transfer.search import Search

METHODS = ("cooldown", "second_stage", "base_lr")

_PARAMETERS = {"cooldown": "cooldown fraction", "second_stage": "second-stage factor", "base_lr": "factor on the old one"}


class Trials(NamedTuple):
    """A grid of settings, for comparison with the root."""

    parameter: np.ndarray  # cooldown fractions or factors
    base_lr: np.ndarray  # gamma* of each, in the unit D/G
    picked: float  # the parameter whose gamma* is closest to the first horizon's


@dataclass(frozen=True)
class Extension:
    """Result of `extend`; bounds are predicted Omega_T, in the unit D G."""

    schedule: Schedule  # to run, peak_lr included
    how: str
    parameter: float  # cooldown fraction, factor rho of the second stage, or factor on the base learning rate
    found: bool  # whether a setting keeps the base learning rate; if not, this is the one that comes closest
    mismatch: float  # ln gamma* of the schedule - ln of the base learning rate that it runs at
    bound: float
    unadapted_bound: float  # at the old base learning rate with the old cooldown fraction
    linear_bound: float  # of tuned linear decay after the same warmup
    branch_step: int  # updates shared with the first run, whose checkpoint after them is needed; 0 for a new run
    assumed: tuple[str, ...]  # one sentence each
    trials: Trials | None = None

    @property
    def text(self) -> str:
        """What was found and assumed, one sentence a line."""
        what, change = _PARAMETERS[self.how], self.bound / self.unadapted_bound - 1
        found = (
            f"{self.schedule.total_steps} updates at base learning rate {self.schedule.peak_lr:g}, {what} {self.parameter:.6g}.",
            f"Predicted bound {self.bound:.5g}, {change:+.1%} from the old base learning rate and cooldown fraction; "
            f"tuned linear decay has {self.linear_bound:.5g}.",
        )
        return "\n".join((*found, *self.assumed))


def extend(
    schedule: Schedule,
    new_total_steps: int,
    how: str = "cooldown",
    *,
    cooldown: float | None = None,
    switch_step: int | None = None,
    trials: Sequence[float] | None = None,
    grad_norm: ArrayLike = 1.0,
    distance: float = 1.0,
) -> Extension:
    """Extend a schedule that is tuned for its horizon T0 to another horizon T (formulas in the module's head).

    The parameter is the root of ``ln gamma*(p; T) - ln gamma_0`` nearest to the schedule as it is. A cooldown has an
    integer number N of entries: its root is the best N, given as the shortest decimal c with N = int(c (T+1)).

    Parameters
    ----------
    schedule : Schedule
        The first horizon, whose peak_lr is taken to be optimal. It ends in a stable phase (constant or 1/sqrt) or in one and
        a decay; what comes before (warmup, earlier stages) is kept. A schedule without a decay gets a linear one.
    new_total_steps : int
        T, more than the updates that the first run executes before its cooldown.
    how : {"cooldown", "second_stage", "base_lr"}
        What is adapted; "base_lr" also takes schedules that decay right after the warmup (cosine).
    cooldown : float in [0, 1], optional
        Cooldown fraction at T for a second stage, for how="base_lr", and for the unadapted schedule; by default the first run's.
    switch_step : int, optional
        Last update of the first stage; by default (and at most) the last before the first run's cooldown.
    trials : array-like of float, optional
        Parameters to evaluate for comparison.
    grad_norm, distance
        G, or G_t of the longer horizon (the shorter uses its beginning), and D. They set the unit of the bounds; peak_lr
        need not be in the unit D/G.

    Returns
    -------
    Extension

    Raises
    ------
    ValueError
        If a horizon, step or option does not fit, or the schedule has no phase that can be extended.

    Source: arXiv:2501.18965, section 5.1. Deviation: a root, not the best of 33 trials.

    >>> from lastiterate.schedules import wsd
    >>> longer = extend(wsd(4000, cooldown=0.2, peak_lr=1e-3), 8000)
    >>> longer.parameter, longer.branch_step, longer.schedule.peak_lr
    (0.6327, 2939, 0.001)
    >>> round(longer.bound, 6), round(longer.unadapted_bound, 6), round(longer.linear_bound, 6)
    (0.02252, 0.025628, 0.022372)
    """
    check_choice("how", how, METHODS)
    parts = Parts.of(schedule)
    total_steps = _check_horizon(parts, new_total_steps, how)
    kept = _kept_entries(parts, total_steps, cooldown)
    switch_step = _check_switch(parts, switch_step, how)
    first = tuned_shape(schedule, grad_norm, distance)
    search = Search(parts, total_steps, kept, first.base_lr / distance, grad_norm)
    grid = None if trials is None else _evaluate(search, trials, how, switch_step, distance)
    unadapted = tuned_shape(search.unadapted, grad_norm, distance)
    unadapted_mismatch = math.log(unadapted.base_lr / first.base_lr)
    if how == "base_lr":
        factor = parameter = math.exp(unadapted_mismatch)
        found, longer, mismatch, branch_step = True, search.unadapted, 0.0, 0
    else:
        factor = 1.0
        parameter, found, longer = search.cooldown() if how == "cooldown" else search.second_stage(switch_step)
        mismatch, branch_step = search.mismatch(longer), common_steps(schedule, longer)
    return Extension(
        schedule=longer.with_peak_lr(factor * schedule.peak_lr),
        how=how,
        parameter=parameter,
        found=found,
        mismatch=mismatch,
        bound=tuned_shape(longer, grad_norm, distance).value * math.cosh(mismatch),
        unadapted_bound=unadapted.value * math.cosh(unadapted_mismatch),
        linear_bound=tuned_shape(parts.linear(total_steps), grad_norm, distance).value,
        branch_step=branch_step,
        assumed=tuple(_sentences(schedule, longer, parts, how, parameter, found, mismatch, branch_step, grad_norm)),
        trials=grid,
    )


def _check_horizon(parts: Parts, new_total_steps: int, how: str) -> int:
    """T, if the schedule can be extended to it in this way."""
    total_steps = check_steps("new_total_steps", new_total_steps, 1, "it counts the updates of the extended run")
    if how != "base_lr" and parts.stable is None:
        raise ValueError(
            f"schedule {parts.name!r} has no stable phase that a longer run could branch from: use how='base_lr' for a new run"
        )
    done, what = (parts.head_steps, "before the part that is stretched") if how == "base_lr" else (parts.stable_end, "before its cooldown")
    if total_steps <= done:
        raise ValueError(f"new_total_steps={total_steps} must exceed {done}, the updates that the first run executes {what}")
    if parts.stable and parts.decay.end > (lowest := last_factor(parts.stable, total_steps - parts.head_steps)):
        raise ValueError(
            f"final_lr_ratio={parts.decay.end:g} exceeds {lowest:g}, which the stable phase reaches by new_total_steps={total_steps}: "
            "a decay must not rise; lower it, or give a shorter horizon"
        )
    return total_steps


def _kept_entries(parts: Parts, total_steps: int, cooldown: float | None) -> int | None:
    """Cooldown entries at T for the old fraction, or for the one that was given."""
    if cooldown is None:
        return parts.kept_entries(total_steps) if parts.stable else None
    check_number("cooldown", cooldown, "it is a fraction of new_total_steps", 0.0, 1.0)
    if parts.stable is None:
        raise ValueError(f"cooldown={cooldown} has no meaning for schedule {parts.name!r}, which is all decay: leave it out")
    return parts.entries(cooldown, total_steps)


def _check_switch(parts: Parts, switch_step: int | None, how: str) -> int | None:
    """Last update of the first stage."""
    if switch_step is None:
        return parts.stable_end
    if how != "second_stage":
        raise ValueError(f"switch_step={switch_step} has no meaning for how={how!r}: leave it out, or use how='second_stage'")
    switch = check_steps("switch_step", switch_step, parts.head_steps + 1, "it is the last update of the first stage")
    if switch > parts.stable_end:
        raise ValueError(f"switch_step={switch} must be at most {parts.stable_end}, the last update before the first run's cooldown")
    return switch


def _evaluate(search: Any, trials: Any, how: str, switch_step: int | None, distance: float) -> Trials:
    """gamma* of every trial."""
    if how == "base_lr":
        raise ValueError("trials have no meaning for how='base_lr', whose factor has a closed form: leave them out")
    parts, total_steps = search.parts, search.total_steps
    values = np.array(trials, dtype=np.float64).reshape(-1)
    if not values.size:
        raise ValueError("trials is empty, expected at least one parameter")
    for value in values:
        check_number("trials", value, f"each is a {_PARAMETERS[how]}", 0.0, 1.0 if how == "cooldown" else math.inf, open_low=True)
    if how == "cooldown":
        built = (parts.cooled(total_steps, parts.entries(value, total_steps)) for value in values.tolist())
    else:
        built = (parts.second_stage(total_steps, search.kept, switch_step, value) for value in values.tolist())
    base_lr = np.array([search.base_lr(schedule) for schedule in built])
    return Trials(values, base_lr * distance, float(values[np.argmin(np.abs(base_lr - search.target))]))


def _sentences(
    schedule: Schedule,
    longer: Schedule,
    parts: Parts,
    how: str,
    parameter: float,
    found: Any,
    mismatch: Any,
    branch_step: int | None,
    grad_norm: ArrayLike,
) -> Any:
    """What was assumed, and what the caller must know to run the result."""
    first_steps, ratio, loss = schedule.total_steps, longer.total_steps / schedule.total_steps, math.cosh(mismatch) - 1
    if not found:
        yield (
            f"No {_PARAMETERS[how]} keeps the base learning rate at {ratio:.3g} times the first horizon: the best, "
            f"{parameter:.6g}, is optimal at {math.exp(mismatch):.4f} times it, and loses {loss:.2%} of the bound."
        )
    yield f"Assumed: base learning rate {schedule.peak_lr:g} is optimal for the first horizon of {first_steps} updates."
    norms = "constant gradient norms" if np.ndim(grad_norm) == 0 else "the gradient norms that were given"
    yield f"Assumed: the bound for convex f with {norms} orders schedules and learning rates as training does."
    if how == "base_lr":
        yield "A new run from its first update on: it shares no learning rate with the first run."
        return
    end = f"the first run cooled down after update {parts.stable_end}" if parts.decay.steps else "its end"
    yield (
        f"It branches from the first run's checkpoint after update {branch_step}, until which both execute the same learning rates ({end})."
    )
    if longer.decay_steps and not parts.decay.steps:
        yield f"The first run had no cooldown: a {parts.decay.shape} one was taken."
