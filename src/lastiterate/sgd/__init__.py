"""Small models really trained: plain SGD with many runs (seeds, base learning rates, schedules) advanced at once."""

from lastiterate.sgd.data import BUNDLED, Dataset, load_dataset
from lastiterate.sgd.losses import LOSSES
from lastiterate.sgd.models import Linear, Network
from lastiterate.sgd.optimum import Optimum, hinge_optimum
from lastiterate.sgd.statistics import jackknife, mean_and_error, paired
from lastiterate.sgd.train import Result, draw_batches, evaluate, sgd
from lastiterate.sgd.tune import Sweep, parabola_minimum, train_pairs, tune

__all__ = [
    "BUNDLED", "LOSSES", "Dataset", "Linear", "Network", "Optimum", "Result", "Sweep", "draw_batches", "evaluate",
    "hinge_optimum", "jackknife", "load_dataset", "mean_and_error", "paired", "parabola_minimum", "sgd", "train_pairs", "tune",
]  # fmt: skip
