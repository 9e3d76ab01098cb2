"""Base learning rates tuned on a grid that grows until the best is inside it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lastiterate._checks import check_steps
from lastiterate.sgd.train import sgd


@dataclass
class Sweep:
    """Final losses and errors of one schedule, (seeds, B), over base learning rates, increasing, (B,)."""

    base_lr: np.ndarray
    loss: np.ndarray
    error: np.ndarray

    @property
    def best(self) -> int:
        """Index of the base learning rate with the least loss in the mean over seeds."""
        return int(np.argmin(self.loss.mean(axis=0)))

    @property
    def at_edge(self) -> bool:
        """Whether the best base learning rate is the first or the last one tried, and so may lie beyond."""
        return self.best in (0, self.base_lr.size - 1)

    @property
    def tuned_lr(self) -> float:
        """The best base learning rate of the grid."""
        return float(self.base_lr[self.best])

    @property
    def tuned_loss(self) -> np.ndarray:
        """Each seed's loss there, (seeds,)."""
        return self.loss[:, self.best]

    @property
    def tuned_error(self) -> np.ndarray:
        """Each seed's misclassified fraction there, (seeds,)."""
        return self.error[:, self.best]

    def optimum(self, seeds=slice(None)) -> float:
        """`parabola_minimum` of the mean loss over the given seeds (all of them by default)."""
        return parabola_minimum(self.base_lr, self.loss[seeds].mean(axis=0))


def train_pairs(model, data, schedules: Mapping[str, np.ndarray], pairs, batches, **options):
    """`sgd` on runs given as (name of a schedule, base learning rate), in this order; options and result are `sgd`'s.

    A schedule is an array of factors of the base learning rate, shape (T,), or (T, seeds) for one of each seed's own.
    """
    names = list(schedules)
    factors = [np.asarray(schedules[name]).reshape(len(batches), -1) for name in names]
    width = max(f.shape[1] for f in factors)
    table = np.stack([np.broadcast_to(f, (len(batches), width)) for f in factors], axis=-1)  # (T, seeds or 1, schedules)
    chosen = np.array([names.index(name) for name, _ in pairs])
    base = np.array([base_lr for _, base_lr in pairs])
    return sgd(model, data, (row[:, chosen] * base for row in table), batches, runs=len(pairs), **options)


def tune(
    model, data, schedules: Mapping[str, np.ndarray], batches, grid: Mapping, *, extensions: int = 4, halvings: int = 0
) -> dict[str, Sweep]:
    """Train every schedule at every base learning rate of a grid, all at once; let the grid grow where its edge is best.

    Parameters
    ----------
    model, data, schedules, batches
        As for `train_pairs`.
    grid : mapping
        `log2_min`, `log2_max` and `count` of base learning rates equally spaced in log2.
    extensions : int
        How often, at most, a grid grows by two values beyond the edge that is best. `Sweep.at_edge` tells if that was
        not enough.
    halvings : int
        How often, after that, the spacing is halved around the best: one more value on each side of it.
    """
    check_steps("extensions", extensions, 0, "it counts how often a grid may grow")
    check_steps("halvings", halvings, 0, "it counts how often the spacing is halved")
    spacing = (grid["log2_max"] - grid["log2_min"]) / (grid["count"] - 1)
    sweeps: dict[str, Sweep] = {}

    def train(places):
        pairs = [(name, 2.0**place) for name, wanted in places.items() for place in wanted]
        result = train_pairs(model, data, schedules, pairs, batches)
        for name in places:
            mine = [i for i, pair in enumerate(pairs) if pair[0] == name]
            found = Sweep(np.array([pairs[i][1] for i in mine]), result.loss[:, mine], result.error[:, mine])
            sweeps[name] = _merged(sweeps[name], found) if name in sweeps else found

    train({name: [grid["log2_min"] + spacing * i for i in range(grid["count"])] for name in schedules})
    for _ in range(extensions):
        edges = {name: (np.log2(sweep.tuned_lr), -1 if sweep.best == 0 else 1) for name, sweep in sweeps.items() if sweep.at_edge}
        if edges:
            train({name: [edge + side * spacing, edge + 2 * side * spacing] for name, (edge, side) in edges.items()})
    for _ in range(halvings):
        spacing /= 2
        inside = {name: np.log2(sweep.tuned_lr) for name, sweep in sweeps.items() if not sweep.at_edge}
        if inside:
            train({name: [best - spacing, best + spacing] for name, best in inside.items()})
    return sweeps


def parabola_minimum(base_lr: np.ndarray, loss: np.ndarray, reach: float = 1.0) -> float:
    """Where the least-squares parabola in log2 base_lr, through the losses within `reach` octaves of the least, is least.

    NaN if the least is the first or the last of the increasing base learning rates: the minimum may lie beyond.

    >>> base_lr = 2.0 ** np.arange(-5, 2)
    >>> round(parabola_minimum(base_lr, 0.01 / base_lr + base_lr), 3)
    0.099
    """
    best = int(np.argmin(loss))
    if best in (0, base_lr.size - 1):
        return float("nan")
    x = np.log2(base_lr / base_lr[best])
    near = (np.abs(x) <= reach + 1e-9) & np.isfinite(loss)
    curvature, slope, _ = np.polyfit(x[near], loss[near] - loss[best], 2) if near.sum() > 2 else (0.0, 0.0, 0.0)
    return float(base_lr[best] * 2 ** np.clip(-slope / (2 * curvature), -reach, reach)) if curvature > 0 else float(base_lr[best])


def _merged(old: Sweep, new: Sweep) -> Sweep:
    order = np.argsort(np.concatenate([old.base_lr, new.base_lr]))
    return Sweep(*(np.concatenate([getattr(old, key), getattr(new, key)], axis=-1)[..., order] for key in ("base_lr", "loss", "error")))
