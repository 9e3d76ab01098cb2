"""What the noise_limited families share: their convex problem, its constants for the bound, and its best learning rates."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from lastiterate.sgd import Linear, Sweep, draw_batches, hinge_optimum, load_dataset, train_pairs, tune


class HingeProblem:
    """Multiclass hinge loss on principal components of a bundled data set with label noise, trained by SGD with batch size 1.

    Inputs are centred, projected on the first `components` principal components (not whitened), scaled to a mean squared
    norm of 1, and joined by a constant feature `bias`; each label is redrawn with probability `label_noise`. Samples are
    drawn with replacement, as in the theory; a seed's horizons begin with the same samples.
    """

    def __init__(self, dataset: str, components: int, bias: float, label_noise: float, label_seed: int, seeds: int):
        data = load_dataset(dataset)
        scaled = replace(data, inputs=data.inputs / np.abs(data.inputs).max())
        self.data = scaled.principal(components).normalised().with_bias(bias).with_label_noise(label_noise, label_seed)
        self.model = Linear(components + 1, self.data.classes, "hinge")
        self.seeds = seeds

    @cached_property
    def optimum(self):
        """Least loss f* and the weights that attain it, by linear programming."""
        return hinge_optimum(self.data)

    def batches(self, total_steps: int) -> np.ndarray:
        """Samples of every update, (total_steps, seeds, 1)."""
        return draw_batches(len(self.data.labels), total_steps, 1, range(self.seeds), replace=True)

    def tune(self, schedules: Mapping[str, np.ndarray], grid: Mapping, extensions: int) -> dict[str, Sweep]:
        """`lastiterate.sgd.tune` on schedules of one horizon."""
        total_steps = len(next(iter(schedules.values())))
        return tune(self.model, self.data, schedules, self.batches(total_steps), grid, extensions=extensions)

    def train(self, schedules: Mapping[str, np.ndarray], pairs: Sequence, **options):
        """`lastiterate.sgd.train_pairs` on schedules of one horizon."""
        total_steps = len(next(iter(schedules.values())))
        return train_pairs(self.model, self.data, schedules, pairs, self.batches(total_steps), **options)

    def excess(self, loss):
        """Loss above the minimum."""
        return loss - self.optimum.value
