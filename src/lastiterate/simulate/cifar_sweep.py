"""cifar_sweep: inverse-sqrt and inverse-linear decays against linear decay, every curve a small network really trained.

The paper's figure trains on CIFAR-10; this one trains one hidden layer on the digits that ship with scikit-learn.
"""

from dataclasses import replace

import numpy as np

from lastiterate.schedules import linear
from lastiterate.sgd import Network, draw_batches, evaluate, load_dataset, mean_and_error, paired, train_pairs
from lastiterate.simulate.common import base_lr_grid
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import run_step

POWERS = {"inverse-sqrt": 0.5, "inverse-linear": 1.0}


def compute(parameters, inputs=()):
    """Tables curves (training loss, mean over seeds) and final (loss on the training set, fraction misclassified of the test set).

    Differences are to linear decay at its best base learning rate, seed by seed. Labels are redrawn in the training set only.
    """
    data = load_dataset(parameters["dataset"]).standardised().normalised()
    order = np.random.default_rng(parameters["split_seed"]).permutation(len(data.labels))
    test, clean = (replace(data, inputs=data.inputs[i], labels=data.labels[i]) for i in np.split(order, [parameters["test_samples"]]))
    total_steps, seeds = parameters["total_steps"], range(parameters["seeds"])
    schedules, labels = {"linear": linear(total_steps).lr}, {"linear": ("linear", 0)}
    for family, power in POWERS.items():
        for offset in parameters["offsets"]:
            schedules[f"{family} {offset}"] = inverse_decay(total_steps, offset, power)
            labels[f"{family} {offset}"] = (family, offset)
    grid = base_lr_grid(**parameters["base_lr_sweep"])
    pairs = [(name, base_lr) for name in schedules for base_lr in grid.tolist()]
    network = Network(data.inputs.shape[1], data.classes, parameters["hidden"], tuple(seeds))
    batches = draw_batches(len(clean.labels), total_steps, parameters["batch"], seeds, replace=False)
    marks = np.linspace(0, total_steps, parameters["points"] + 1)[1:].round().astype(int).tolist()
    tables = {"curves": Rows(), "final": Rows()}
    for label_noise in parameters["label_noise"]:
        train = clean.with_label_noise(label_noise, parameters["label_seed"])
        result = train_pairs(network, train, schedules, pairs, batches, checkpoints=marks)
        _, wrong = evaluate(network, result.weights, test)
        best = int(np.argmin(result.loss[:, : grid.size].mean(axis=0)))
        for run, (name, base_lr) in enumerate(pairs):
            losses = [result.checkpoints[t][0][:, run].mean() for t in marks]
            shared = {"label_noise": label_noise, "family": labels[name][0], "offset": labels[name][1], "base_lr": base_lr}
            loss, loss_se = mean_and_error(result.loss[:, run])
            difference, difference_se = paired(result.loss[:, run], result.loss[:, best])
            misclassified, misclassified_se = mean_and_error(wrong[:, run])
            tables["curves"].add(**shared, t=marks, loss=losses)
            tables["final"].add(
                **shared, loss=loss, loss_se=loss_se, difference=difference, difference_se=difference_se, misclassified=misclassified,
                misclassified_se=misclassified_se,
            )  # fmt: skip
    return tables


def inverse_decay(total_steps: int, offset: float, power: float) -> np.ndarray:
    """``eta_t = (offset / (offset + t - 1))^power``, t = 1..T.

    >>> inverse_decay(3, 2, 1.0).round(3).tolist()
    [1.0, 0.667, 0.5]
    """
    return (offset / (offset + np.arange(total_steps))) ** power


if __name__ == "__main__":
    run_step(compute)
