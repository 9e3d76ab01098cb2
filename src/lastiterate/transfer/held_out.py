"""What a transferred learning rate costs at groups that were run but left out: by size, by tokens, by batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lastiterate.transfer.optima import Optimum, find_optimum, noise_between_seeds
from lastiterate.transfer.runs import Group, Sweep, groups_of
from lastiterate.transfer.scaling import Scaling

FIELDS = {"N": "n_params", "D": "tokens", "B": "batch", "W": "weight_decay"}
KINDS = ("size", "horizon", "batch")


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A group that was left out: ln LR as transferred, its standard deviation, and the loss there above the best of its sweep."""

    group: Group
    x: float
    sd: float
    regret: float


def value_of(group, name: str) -> float:
    """A setting, nan where it is not known."""
    value = getattr(group, name)
    return np.nan if value is None else value


def point_of(group, names: Sequence[str]) -> np.ndarray:
    """Logarithms of the settings `names` ("N", "D", "B", "W")."""
    return np.log([value_of(group, FIELDS[name]) for name in names])


def fit_scaling(pairs: Sequence[tuple[Group, Optimum]], names: Sequence[str], known: Sequence[tuple[str, ...]]) -> Scaling:
    """The fit to groups and their optima; `known` are the levels, of which the columns of its indicators are."""
    levels = np.array([[group.level == one for one in known] for group, _ in pairs], float) if len(known) > 1 else None
    return Scaling(np.array([point_of(group, names) for group, _ in pairs]), [found for _, found in pairs], names, levels)


def indicators(level: tuple[str, ...], known: Sequence[tuple[str, ...]]) -> np.ndarray | None:
    """One row for `Scaling.predict`: which of the known levels it is."""
    return np.array([[one == level for one in known]], float) if len(known) > 1 else None


def loss_at(group: Group, x: float) -> float:
    """The loss of a group's sweep at ln LR = x: linear in ln LR between the rates that were run, that of the end beyond them."""
    rates = np.unique(group.lr)
    losses = np.array([np.median(group.loss[group.lr == rate]) for rate in rates])
    finite = np.isfinite(losses)
    return float(np.interp(x, np.log(rates[finite]), losses[finite]))


def predict_left_out(kept: Sequence[tuple[Group, Optimum]], out: Sequence[Group], names: Sequence[str]) -> list[HeldOut]:
    """Each group of `out` predicted from `kept`."""
    known, found = sorted({group.level for group, _ in kept}), []
    fit = fit_scaling(kept, names, known)
    for group in out:
        mean, sd = fit.predict(point_of(group, names), indicators(group.level, known))
        least = np.min([np.median(group.loss[group.lr == rate]) for rate in np.unique(group.lr)])
        found.append(HeldOut(group, float(mean[0]), float(sd[0]), loss_at(group, float(mean[0])) - float(least)))
    return found


def held_out(sweep: Sweep, kind: str) -> Iterator[tuple[float, list[HeldOut]]]:
    """(what was left out, its groups) for each size or batch in turn, or for the longest runs of each size, all left out at once (nan).

    The groups must know what `kind` needs, and all have a batch; weight decay is not used.
    """
    everything = groups_of(sweep.runs)
    names = ("N", "D", "B") if everything[0].batch is not None else ("N", "D")
    if kind == "horizon":
        longest: dict[float, float] = {}
        for group in everything:
            longest[group.n_params] = max(longest.get(group.n_params, 0.0), group.tokens)
        masks = [(np.nan, [group.tokens == longest[group.n_params] for group in everything])]
    else:
        name = FIELDS[{"size": "N", "batch": "B"}[kind]]
        masks = [(value, [getattr(g, name) == value for g in everything]) for value in sorted({getattr(g, name) for g in everything})]
    for value, mask in masks:
        rest = [group for group, out in zip(everything, mask, strict=True) if not out]
        out = [group for group, left in zip(everything, mask, strict=True) if left and len(np.unique(group.lr)) >= 3]
        if not rest:
            continue
        noise, _ = noise_between_seeds([(group.lr, group.loss) for group in rest])
        kept = [(group, found) for group in rest if (found := find_optimum(group.lr, group.loss, noise))]
        if out and kept:
            yield value, predict_left_out(kept, out, names)
