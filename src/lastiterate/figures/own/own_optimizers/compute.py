"""own_optimizers: the same schedules under several optimizers, each at its own best base learning rate, seed by seed."""

import pandas as pd

from lastiterate.figures.own.paired import best_base_lrs, chosen_runs, differences, interval
from lastiterate.figures.runs import load_runs
from lastiterate.workflow.files import Rows


def compute(parameters, inputs):
    """Tables losses (every run), best (each optimizer and schedule: mean over seeds) and differences to the reference, paired by seed."""
    chosen = chosen_runs(load_runs(inputs), parameters["models"])
    per_seed = pd.DataFrame(best_base_lrs(chosen).columns)
    columns = ["model_name", "label", "base_lr", "seed", "final_val_loss"]
    differing = pd.DataFrame(differences(chosen, per_seed, **parameters["compare"]).columns)
    return {
        "losses": dict(chosen[~chosen.diverged][columns].sort_values(columns[:4]).items()),
        "best": best(per_seed),
        "differences": dict(differing[differing.base_lr == 0].drop(columns="base_lr").items()),
    }


def best(per_seed: pd.DataFrame) -> Rows:
    """Mean over seeds of the best loss and its 95 % interval; `inside` counts the seeds whose best learning rate is inside the grid."""
    rows = Rows()
    for (model, label), group in per_seed.groupby(["model_name", "label"]):
        mean, half = interval(group.best_loss)
        lr = float(group.best_base_lr.median())
        rows.add(model_name=model, label=label, seeds=len(group), inside=int(group.inside.sum()), base_lr=lr, loss=mean, half_width=half)
    return rows
