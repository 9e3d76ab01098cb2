"""What a transferred learning rate costs at groups that were run but left out: by size, by tokens, by batch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from lastiterate.transfer.optima import Optimum, find_optimum, noise_between_seeds
from lastiterate.transfer.runs import Group, Sweep, groups_of
from lastiterate.transfer.scaling import Scaling
from lastiterate.transfer.surface import Surface

FIELDS = {"N": "n_params", "D": "tokens", "B": "batch", "W": "weight_decay"}
KINDS = ("size", "horizon", "batch")


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A group that was left out: ln LR as transferred, its standard deviation, and the loss there above the best of its sweep.

    `loss` is that predicted there, with the standard deviation `loss_sd`.
    """

    group: Group
    x: float
    sd: float
    regret: float
    loss: float
    loss_sd: float

    def interval(self, level: float) -> tuple[float, float]:
        """Ends of the interval of probability `level` of the loss."""
        off = ndtri(0.5 + level / 2) * self.loss_sd
        return self.loss - off, self.loss + off


def value_of(group: Any, name: str) -> float:
    """A setting, nan where it is not known."""
    value = getattr(group, name)
    return np.nan if value is None else value


def point_of(group: Any, names: Sequence[str]) -> np.ndarray:
    """Logarithms of the settings `names` ("N", "D", "B", "W")."""
    return np.log([value_of(group, FIELDS[name]) for name in names])


def fit_scaling(pairs: Sequence[tuple[Group, Optimum]], names: Sequence[str], known: Sequence[tuple[str, ...]]) -> Scaling:
    """The fit to groups and their optima; `known` are the levels, of which the columns of its indicators are."""
    levels = np.array([[group.level == one for one in known] for group, _ in pairs], float) if len(known) > 1 else None
    return Scaling(np.array([point_of(group, names) for group, _ in pairs]), [found for _, found in pairs], names, levels)


def indicators(level: tuple[str, ...], known: Sequence[tuple[str, ...]]) -> np.ndarray | None:
    """One row for `Scaling.predict`: which of the known levels it is."""
    return np.array([[one == level for one in known]], float) if len(known) > 1 else None


def surface_of(pairs: Any, weight_decay: float | None) -> Surface:
    """The least losses of groups, of those whose weight decay is nearest to the one asked for if there are three."""
    if weight_decay:
        off: Callable[..., Any] = lambda pair: abs(np.log(pair[0].weight_decay / weight_decay))
        nearest = min(map(off, pairs))
        near = [pair for pair in pairs if off(pair) == nearest]
        pairs = near if len(near) >= 3 else pairs
    n, d, b = (np.array([value_of(group, name) for group, _ in pairs]) for name in ("n_params", "tokens", "batch"))
    return Surface(n, d, b, np.array([found.loss for _, found in pairs]))


def expected_loss(pairs: Any, surface: Surface, at: Any, sd: float) -> tuple[float, float, float]:
    """(loss, its standard deviation, the part of the loss that not knowing ln LR better than `sd` is expected to cost).

    That part is k sd^2 with the median curvature k of the groups; nan, and not in the loss, if none shows a curvature.
    """
    curvatures = [found.curvature for _, found in pairs if np.isfinite(found.curvature)]
    regret = float(np.median(curvatures)) * sd**2 if curvatures else float("nan")
    loss, loss_sd = surface.predict(at.n_params, at.tokens, at.batch)
    return loss + (0 if np.isnan(regret) else regret), loss_sd, regret


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
    surfaces = {level: surface_of([pair for pair in kept if pair[0].level == level] or kept, None) for level in {g.level for g in out}}
    for group in out:
        mean, sd = (float(value[0]) for value in fit.predict(point_of(group, names), indicators(group.level, known)))
        least = np.min([np.median(group.loss[group.lr == rate]) for rate in np.unique(group.lr)])
        loss, loss_sd, _ = expected_loss(kept, surfaces[group.level], group, sd)
        found.append(HeldOut(group, mean, sd, loss_at(group, mean) - float(least), loss, loss_sd))
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
