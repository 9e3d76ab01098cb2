"""The learning rate of the real run, from a sweep of others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from lastiterate._checks import check_number
from lastiterate.transfer.held_out import FIELDS, expected_loss, fit_scaling, indicators, point_of, predict_left_out, surface_of, value_of
from lastiterate.transfer.next_group import NextGroup, next_group
from lastiterate.transfer.optima import Optimum, find_optimum, noise_between_seeds
from lastiterate.transfer.runs import Group, Sweep, groups_of
from lastiterate.transfer.scaling import LEVEL_SD, Exponent
from lastiterate.transfer.surface import Waste
from lastiterate.transfer.target import CannotTell, Target, find_target, without_zero_decay

WORDS = {"N": "model size", "D": "tokens", "B": "batch", "W": "weight decay"}
WIDEST = 30.0  # upper over lower end of the 90 % interval: beyond it nothing is told
MOST_GROUPS = 600  # of the fit; the nearest to the target


@dataclass(frozen=True, eq=False)
class Check:
    """The largest setting of the table predicted from the others: mean and largest loss above the best of its sweep, over `groups`."""

    what: str
    mean: float
    worst: float
    groups: int


@dataclass(frozen=True, eq=False)
class TransferredRate:
    """The answer: learning rate and loss with intervals of probability `level`, and what they rest on."""

    target: Target
    level: float
    lr: float
    low: float
    high: float
    loss: float
    loss_low: float
    loss_high: float
    regret: float
    exponents: tuple[Exponent, ...]
    groups: list[Group]
    optima: list[Optimum]
    noise: float
    check: Check | None
    waste: Waste | None
    next_group: NextGroup | None
    identifying: Mapping[str, NextGroup]
    notes: tuple[str, ...]
    sweep: Sweep


def transfer_lr(
    sweep: Sweep,
    n_params: float,
    tokens: float,
    batch: float | None = None,
    weight_decay: float | None = None,
    *,
    like: Mapping[str, str] | None = None,
    level: float = 0.9,
    budget: float = 0.05,
) -> TransferredRate:
    """The learning rate at another size, number of tokens, batch and weight decay, with its interval.

    The best learning rate of each group is found by `find_optimum`, and carried by `Scaling`; the loss is that of `Surface` plus what the
    uncertainty of the learning rate is expected to cost, k Var(ln LR) with the median curvature k of the groups.

    Parameters
    ----------
    sweep : Sweep
        From `read_table` or `read_logs`.
    n_params, tokens : float
        Of the real run.
    batch : float, optional
        In the table's unit; default: the table's, or of several the one of least loss for so many tokens, if the table shows it.
    weight_decay : float, optional
        Default: the commonest of the table.
    like : mapping, optional
        Values of `sweep.level_names` that the real run has; by default the commonest.
    level : float
        Probability of the intervals.
    budget : float
        Share of the real run's cost that the next group may have.

    Raises
    ------
    CannotTell
        If the table does not tell it: one learning rate or group only, bounds on one side only, an interval too wide to be of use.
    """
    check_number("n_params", n_params, "it is the size of the real run's model", open_low=True)
    check_number("tokens", tokens, "they are those of the real run", open_low=True)
    check_number("level", level, "it is the probability of an interval", 0.5, 0.999)
    check_number("budget", budget, "it is a share of the real run's cost", 0, 10, open_low=True)
    notes = list(sweep.notes)
    sweep = without_zero_decay(sweep, weight_decay, notes)
    target = find_target(sweep, n_params, tokens, batch, weight_decay, like or {}, notes)
    everything = groups_of(sweep.runs)
    noise, source = noise_between_seeds([(group.lr, group.loss) for group in everything])
    notes.append(f"noise between seeds: {noise:.2g}, from {source}")
    pairs = [(group, found) for group in everything if (found := find_optimum(group.lr, group.loss, noise))]
    _check_evidence(everything, pairs, target)
    names = ("N", "D", *(["B"] if target.batch is not None else []), *(["W"] if target.weight_decay is not None else []))
    asked = point_of(target, names)
    if len(pairs) > MOST_GROUPS:
        pairs.sort(key=lambda pair: float(np.abs(point_of(pair[0], names) - asked).sum()))
        notes.append(f"of {len(pairs)} groups the {MOST_GROUPS} nearest to the real run were fitted")
        pairs = pairs[:MOST_GROUPS]
    known = sorted({group.level for group, _ in pairs})
    fit = fit_scaling(pairs, names, known)
    mean, sd = (float(value[0]) for value in fit.predict(asked, indicators(target.level, known)))
    if target.level not in known:
        sd = float(np.hypot(sd, LEVEL_SD))
        notes.append("no group of the table agrees with the real run's settings in words (--like): taken as one more of their kind")
    width = ndtri(0.5 + level / 2) * sd
    exponents = fit.exponents
    if (spans := np.exp(2 * ndtri(0.95) * sd)) > WIDEST:
        missing = ", ".join(WORDS[one.name] for one in exponents if one.identified != "yes") or "anything so far away"
        raise CannotTell(
            f"the learning rate cannot be told: its 90 % interval spans a factor of {spans:.0f} ({np.exp(mean) / spans**0.5:.2g} to "
            f"{np.exp(mean) * spans**0.5:.2g}); the table does not identify how it moves with {missing}: run sweeps nearer to the real run"
        )
    done = np.array([point_of(group, names) for group, _ in pairs])
    notes += _beyond(target, names, done)
    surface = surface_of([pair for pair in pairs if pair[0].level == target.level] or pairs, target.weight_decay)
    loss, loss_sd, regret = expected_loss(pairs, surface, target, sd)
    off = ndtri(0.5 + level / 2) * loss_sd
    diverged = [(run.n_params, run.lr) for run in sweep.runs if not np.isfinite(run.loss)]
    identifying = {
        one.name: group
        for one in exponents
        if one.identified != "yes" and one.name != "W" and (group := next_group(fit, asked, budget, done, one.name, one.sd**2, diverged))
    }
    return TransferredRate(
        target, level, float(np.exp(mean)), float(np.exp(mean - width)), float(np.exp(mean + width)), loss, loss - off, loss + off, regret,
        exponents, [group for group, _ in pairs], [found for _, found in pairs], noise, _check(pairs, names), surface.waste(tokens),
        next_group(fit, asked, budget, done, diverged=diverged), identifying, tuple(notes), sweep,
    )  # fmt: skip


def _words(group: Any) -> str:
    parts = [f"{group.n_params:.4g} parameters", f"{group.tokens:.4g} tokens"]
    return ", ".join(parts + ([f"batch {group.batch:g}"] if group.batch else []))


def _check_evidence(everything: Any, pairs: Any, target: Target) -> None:
    if not pairs:
        several = max(len(np.unique(group.lr)) for group in everything)
        why = "each has one learning rate only" if several == 1 else "in each all runs but those of one learning rate diverged, or all did"
        raise CannotTell(
            f"of {len(everything)} groups of runs that share size, tokens and batch none tells its best learning rate: {why}: "
            "run three learning rates or more, a factor of two apart, at two sizes at least"
        )
    values = [(group, found) for group, found in pairs if found.side == 0]
    if not values:
        sides = {found.side for _, found in pairs}
        ends = {1: "the largest", -1: "the smallest"}
        where = " or ".join(ends[side] for side in sides)
        step = "larger" if sides == {1} else "smaller" if sides == {-1} else "further"
        bound = f"{'more' if pairs[0][1].side > 0 else 'less'} than {np.exp(pairs[0][1].x):.2g}"
        raise CannotTell(
            f"in all {len(pairs)} groups {where} learning rate is the best: each tells a bound only (in the first, "
            f"{_words(pairs[0][0])}: {bound}): run {step} learning rates"
        )
    if len(pairs) < 2:
        group, found = values[0]
        how = f"{np.exp(found.x):.3g}, to a factor of {np.exp(1.645 * found.sd):.2f}"
        raise CannotTell(
            f"one group only tells its best learning rate ({how}; {_words(group)}): "
            f"nothing tells how it moves from there to {_words(target)}: run a second size, or another number of tokens"
        )


def _beyond(target: Target, names: Sequence[str], done: Any) -> list[str]:
    found = []
    for j, name in enumerate(names):
        value = np.log(value_of(target, FIELDS[name]))
        over = max(value - done[:, j].max(), done[:, j].min() - value)
        if over > np.log(1.05):
            found.append(f"{WORDS[name]} lies {np.exp(over):.3g} times beyond the table's: an extrapolation")
    return found


def _check(pairs: Any, names: Sequence[str]) -> Check | None:
    """What the rates cost that the table without its largest size, or else longest runs, would have given there."""
    for name, what in (("n_params", "the largest size"), ("tokens", "the most tokens")):
        largest = max(getattr(group, name) for group, _ in pairs)
        out = [group for group, _ in pairs if getattr(group, name) == largest and len(np.unique(group.lr)) >= 3]
        kept = [pair for pair in pairs if getattr(pair[0], name) < largest]
        if out and len({getattr(group, name) for group, _ in kept}) >= 2 and any(found.side == 0 for _, found in kept):
            lost = [one.regret for one in predict_left_out(kept, out, names)]
            return Check(f"{what} ({largest:.3g})", float(np.mean(lost)), float(np.max(lost)), len(out))
    return None
