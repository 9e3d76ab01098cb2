"""cifar_sweep: inverse-sqrt and inverse-linear decays against linear decay, every curve a small network really trained.

The paper's figure trains on CIFAR-10; here one hidden layer learns the digits that ship with scikit-learn, shifted by up to
one pixel, with label noise of every copy's own, so that the network cannot memorise its data.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from lastiterate.figures.bound_tables import base_lr_grid
from lastiterate.schedules import linear
from lastiterate.sgd import Dataset, Network, draw_batches, load_dataset, mean_and_error, paired, train_pairs
from lastiterate.workflow.files import Rows

POWERS = {"inverse-sqrt": 0.5, "inverse-linear": 1.0}


def compute(parameters, inputs=()):
    """Tables curves (held-out loss, mean over seeds), final and counts; differences are to tuned linear decay, seed by seed."""
    train, test = load_data(**parameters["data"])
    total_steps, seeds = parameters["total_steps"], range(parameters["seeds"])
    schedules, labels = {"linear": linear(total_steps).lr}, {"linear": ("linear", 0)}
    for family, power in POWERS.items():
        for offset in parameters["offsets"]:
            schedules[f"{family} {offset}"] = inverse_decay(total_steps, offset, power)
            labels[f"{family} {offset}"] = (family, offset)
    grid = base_lr_grid(**parameters["base_lr_sweep"])
    pairs = [(name, base_lr) for name in schedules for base_lr in grid.tolist()]
    network = Network(train.inputs.shape[1], train.classes, parameters["hidden"], tuple(seeds))
    batches = draw_batches(len(train.labels), total_steps, parameters["batch"], seeds, replace=False)
    marks = np.linspace(0, total_steps, parameters["points"] + 1)[1:].round().astype(int).tolist()
    result = train_pairs(network, train, schedules, pairs, batches, checkpoints=marks, test=test)
    best = int(np.argmin(result.loss[:, : grid.size].mean(axis=0)))
    curves, final = Rows(), Rows()
    for run, (name, base_lr) in enumerate(pairs):
        shared = {"family": labels[name][0], "offset": labels[name][1], "base_lr": base_lr}
        curves.add(**shared, t=marks, loss=[result.checkpoints[t][0][:, run].mean() for t in marks])
        loss, loss_se = mean_and_error(result.loss[:, run])
        difference, difference_se = paired(result.loss[:, run], result.loss[:, best])
        misclassified, misclassified_se = mean_and_error(result.error[:, run])
        final.add(
            **shared, loss=loss, loss_se=loss_se, difference=difference, difference_se=difference_se, misclassified=misclassified,
            misclassified_se=misclassified_se,
        )  # fmt: skip
    return {"curves": curves, "final": final, "counts": counts(pd.DataFrame(final.columns))}


def counts(final: pd.DataFrame) -> Rows:
    """How many runs of each family end worse than tuned linear decay, or better, by two standard errors of the paired difference."""
    rows = Rows()
    for family in POWERS:
        runs = final[final.family == family]
        worse, better = (sign * runs.difference > 2 * runs.difference_se for sign in (1, -1))
        rows.add(family=family, runs=len(runs), worse=int(worse.sum()), better=int(better.sum()), share_worse=worse.mean())
    return rows


def load_data(test_samples: int, split_seed: int, label_noise: float, label_seed: int) -> tuple[Dataset, Dataset]:
    """Training digits in all nine shifts by up to one pixel, and held-out digits as they are; labels noisy in both."""
    data = load_dataset("digits")
    scaled = replace(data, inputs=data.inputs / 16)
    order = np.random.default_rng(split_seed).permutation(len(data.labels))
    test, train = (replace(data, inputs=scaled.inputs[i], labels=data.labels[i]) for i in np.split(order, [test_samples]))
    images = np.pad(train.inputs.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    shifts = [images[:, i : i + 8, j : j + 8].reshape(-1, 64) for i in range(3) for j in range(3)]
    train = replace(train, inputs=np.concatenate(shifts), labels=np.tile(train.labels, len(shifts)))
    return train.with_label_noise(label_noise, label_seed), test.with_label_noise(label_noise, label_seed)


def inverse_decay(total_steps: int, offset: float, power: float) -> np.ndarray:
    """``eta_t = (offset / (offset + t - 1))^power``, t = 1..T.

    >>> inverse_decay(3, 2, 1.0).round(3).tolist()
    [1.0, 0.667, 0.5]
    """
    return (offset / (offset + np.arange(total_steps))) ** power
