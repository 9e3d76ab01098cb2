"""convex_suite: multinomial logistic regression by mini-batch SGD, each schedule with its own tuned base learning rate."""

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from lastiterate.refine import refine
from lastiterate.schedules import cosine, inverse_sqrt, linear, piecewise
from lastiterate.sgd import Linear, draw_batches, load_dataset, mean_and_error, paired, train_pairs, tune
from lastiterate.workflow.files import Rows
from lastiterate.workflow.sources import RAW
from lastiterate.workflow.step import StepError


def compute(parameters, inputs=()):
    """Tables summary, lr_sweep, refined, counts and totals; `inputs` are the receipts of sources of LIBSVM files."""
    tables = {name: Rows() for name in ("summary", "lr_sweep", "refined")}
    sets = {name: (name, epochs) for name, epochs in parameters["epochs"].items()}
    sets |= {path.name: (path, parameters["libsvm_epochs"]) for path in _fetched(inputs)}
    for name, (where, epochs) in sets.items():
        for label_noise in parameters["label_noise"]:
            data = load_dataset(where).with_label_noise(label_noise, parameters["label_seed"]).standardised().normalised().with_bias()
            Experiment(data, epochs, parameters).add_to(tables, dataset=name, label_noise=label_noise)
    counts = _counts(tables["summary"].columns)
    return {**tables, "counts": counts, "totals": _totals(counts.columns)}


class Experiment:
    """Every schedule tuned on one data set; `refined 1` comes from the norms of tuned linear decay, `refined 2` from its own."""

    def __init__(self, data, epochs, parameters):
        samples, features = data.inputs.shape
        self.data, self.parameters = data, parameters
        self.total_steps = -(-samples * epochs // parameters["batch"])
        self.model = Linear(features, data.classes, "softmax")
        self.batches = draw_batches(samples, self.total_steps, parameters["batch"], range(parameters["seeds"]), replace=False)
        self.norms = {}
        self.schedules = {
            "linear": linear(self.total_steps).lr,
            "cosine": cosine(self.total_steps).lr,
            "step": stepwise(self.total_steps, **parameters["step"]),
            "1/sqrt": inverse_sqrt(self.total_steps).lr,
        }
        self.sweeps = self.tune(self.schedules)
        last = "linear"
        for name in [f"refined {number + 1}" for number in range(parameters["rounds"])]:
            self.schedules[name] = self.refined(last)
            self.sweeps |= self.tune({name: self.schedules[name]})
            last = name

    def tune(self, schedules):
        """Sweeps of these schedules."""
        options = {name: self.parameters[name] for name in ("extensions", "halvings")}
        return tune(self.model, self.data, schedules, self.batches, self.parameters["base_lr_sweep"], **options)

    def refined(self, name):
        """Refined schedules from the batch gradient norms of the tuned run of schedule `name`: (T, seeds), each seed by itself."""
        pairs = [(name, self.sweeps[name].tuned_lr)]
        norms = train_pairs(self.model, self.data, self.schedules, pairs, self.batches, grad_norm=True).grad_norm[:, :, 0]
        self.norms[name] = norms
        found = [refine(own, self.parameters["smoothing"], total_steps=self.total_steps, drop_invalid=True) for own in norms.T]
        return np.stack([one.lr for one in found], axis=1)

    def add_to(self, tables, **labels):
        """Append to the tables; the misclassified fraction is that at the base learning rate that is best for it, not for the loss."""
        for name, sweep in self.sweeps.items():
            loss, loss_se = mean_and_error(sweep.tuned_loss)
            difference, difference_se = paired(sweep.tuned_loss, self.sweeps["linear"].tuned_loss)
            wrong_lr, wrong = least_misclassified(sweep)
            _, reference = least_misclassified(self.sweeps["linear"])
            misclassified, misclassified_se = mean_and_error(wrong)
            misclassified_difference, misclassified_difference_se = paired(wrong, reference)
            tables["summary"].add(
                **labels, schedule=name, total_steps=self.total_steps, seeds=self.parameters["seeds"], base_lr=sweep.tuned_lr,
                at_edge=int(sweep.at_edge), loss=loss, loss_se=loss_se, difference=difference, difference_se=difference_se,
                misclassified_base_lr=wrong_lr, misclassified=misclassified, misclassified_se=misclassified_se,
                misclassified_difference=misclassified_difference, misclassified_difference_se=misclassified_difference_se,
            )  # fmt: skip
            tables["lr_sweep"].add(
                **labels, schedule=name, base_lr=sweep.base_lr, loss=sweep.loss.mean(axis=0), misclassified=sweep.error.mean(axis=0)
            )
        at = np.unique(np.linspace(0, self.total_steps - 1, self.parameters["points"]).round().astype(int))
        for name, norms in self.norms.items():
            result = f"refined {list(self.norms).index(name) + 1}"
            low, middle, high = np.quantile(self.schedules[result][at], [0, 0.5, 1], axis=1)
            tables["refined"].add(
                **labels, schedule=result, t=at + 1, progress=(at + 1) / self.total_steps,
                grad_norm=np.sqrt((norms**2).mean(axis=1))[at], lr=middle, lr_low=low, lr_high=high,
            )  # fmt: skip


def stepwise(total_steps: int, fractions: list[float], factor: float) -> np.ndarray:
    """Step schedule: multiplied by `factor` after each of the fractions of the updates.

    >>> stepwise(6, [0.5, 0.85], 0.1).round(3).tolist()
    [1.0, 1.0, 1.0, 0.1, 0.1, 0.01]
    """
    return piecewise(total_steps, [int(f * total_steps) for f in fractions], [factor**k for k in range(len(fractions) + 1)]).lr


def least_misclassified(sweep) -> tuple[float, np.ndarray]:
    """The base learning rate with the least misclassified fraction in the mean over seeds, and each seed's fraction there."""
    mean = sweep.error.mean(axis=0)
    best = int(np.argmin(np.where(np.isnan(mean), np.inf, mean)))
    return float(sweep.base_lr[best]), sweep.error[:, best]


def _counts(summary) -> Rows:
    """On how many data sets each schedule is better or worse than linear decay by two standard errors, or neither, by measure."""
    rows = Rows()
    for measure, prefix in (("loss", ""), ("misclassified", "misclassified_")):
        keys = ("label_noise", "schedule", f"{prefix}difference", f"{prefix}difference_se")
        cells = list(zip(*(summary[key] for key in keys), strict=True))
        for noise, name in dict.fromkeys((noise, name) for noise, name, _, _ in cells if name != "linear"):
            mine = [(difference, 2 * error) for n, s, difference, error in cells if (n, s) == (noise, name)]
            better, worse = sum(d < -e for d, e in mine), sum(d > e for d, e in mine)
            rows.add(measure=measure, label_noise=noise, schedule=name, better=better, worse=worse, neither=len(mine) - better - worse)
    return rows


def _totals(counts) -> Rows:
    """The counts over all label noises, by measure; `net` is how many more data sets a schedule wins than loses against linear decay."""
    table, rows = pd.DataFrame(counts), Rows()
    for (measure, schedule), found in table.groupby(["measure", "schedule"], sort=False):
        better, worse, neither = (int(found[key].sum()) for key in ("better", "worse", "neither"))
        rows.add(measure=measure, schedule=schedule, better=better, worse=worse, neither=neither, net=better - worse)
    return rows


def _fetched(receipts: Iterable[Path]) -> list[Path]:
    """The files of the sources with these receipts."""
    found = []
    for receipt in receipts:
        with Path(receipt).open(newline="", encoding="utf-8") as file:
            found += [RAW / row["path"] for row in csv.DictReader(file)]
    if len({path.name for path in found}) < len(found):
        raise StepError(
            "two files of the LIBSVM sources have the same name, by which the tables tell them apart: drop one from the sources"
        )
    return found
