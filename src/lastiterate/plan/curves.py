"""Curves of losses that laws are fitted to, from pilots: without the first descent, thinned, seeds averaged."""

from collections.abc import Sequence

import numpy as np

from lastiterate.laws import Curve
from lastiterate.plan.pilots import Pilot
from lastiterate.plan.seeds import SEEDS_WITHIN, apart, common, of_equal_lr

POINTS = 100  # losses of a run that a law is fitted to, spread evenly
SKIP = 0.04  # of a run's updates: its first descent, which no law describes; at least twice the warmup


def pilot_curves(pilots: Sequence[Pilot], loss: str, init_std=None, weight_decay=None) -> list[Curve]:
    """Curves to fit, one for each distinct vector of learning rates; repeats (seeds) are averaged.

    The first descent is left out: the larger of 4 % of the updates and twice the warmup. At most 100 losses are
    kept: validation losses as they were logged, spread evenly with the last one kept; training losses as means over as many
    windows. A seed that logs at other steps is interpolated to the coarsest of them; a run whose losses lie further from the
    first one's than seeds' do, or that shares no steps with it, has a curve of its own.
    """
    curves = []
    for same in of_equal_lr(pilots):
        parts = [(pilot, _thinned(*pilot.losses[loss], pilot, loss)) for pilot in same]
        parts = [(pilot, part) for pilot, part in parts if len(part[0]) >= 3]
        while parts:
            first = parts[0][1]
            seeds = [part for _, part in parts if apart(first, part) <= SEEDS_WITHIN and common([first, part])]
            shared = common(seeds) or (first[0], [first[1]])
            curves.append(Curve(same[0].lr, shared[0], np.mean(shared[1], axis=0), parts[0][0].run_id, init_std, weight_decay))
            used = seeds if common(seeds) else [first]
            parts = [(pilot, part) for pilot, part in parts if not any(part is seed for seed in used)]
    return curves


def _thinned(steps: np.ndarray, values: np.ndarray, pilot: Pilot, loss: str) -> tuple[np.ndarray, np.ndarray]:
    keep = (steps > max(SKIP * pilot.total_steps, 2 * pilot.warmup_steps)) & (steps <= pilot.total_steps) & (values > 0)
    steps, values = steps[keep].astype(np.int64), values[keep]
    count = min(POINTS, len(steps))
    if loss == "val_loss" or count == len(steps):
        at = np.unique(np.linspace(0, len(steps) - 1, count).round().astype(int)) if count else []
        return steps[at], values[at]
    windows = np.array_split(np.arange(len(steps)), count)
    return np.array([round(float(steps[w].mean())) for w in windows]), np.array([values[w].mean() for w in windows])


def coarse(curve: Curve, points: int) -> Curve:
    """The curve with about `points` losses: means over windows of equal counts, and the last loss as it is."""
    last = len(curve.step) - 1
    if last < points:
        return curve
    windows = np.array_split(np.arange(last), points - 1)
    step = np.array([*(round(float(curve.step[window].mean())) for window in windows), curve.step[-1]])
    loss = np.array([*(curve.loss[window].mean() for window in windows), curve.loss[-1]])
    return Curve(curve.lr, step, loss, curve.name, curve.init_std, curve.weight_decay)
