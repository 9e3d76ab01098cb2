"""own_runs: best base learning rates over horizons and schedules, and paired differences between schedules, seed by seed.

Runs of one seed share weights and data order, so differences are taken within a seed, and their spread is that over
seeds. Seeds are few: intervals are t intervals over them, and the number of seeds stands beside each.
"""

import pandas as pd

from lastiterate.figures.own.paired import add_paired, best_base_lrs, chosen_runs, differences, interval
from lastiterate.figures.runs import load_runs
from lastiterate.fits import log_slope
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError


def compute(parameters, inputs):
    """Tables losses, best, exponents and differences; extensions where the parameters say which runs are extended."""
    chosen = chosen_runs(load_runs(inputs), parameters["models"])
    best = best_base_lrs(chosen)
    columns = ["model_name", "label", "total_steps", "base_lr", "seed", "final_train_loss", "final_val_loss", "diverged"]
    tables = {
        "losses": dict(chosen[columns].sort_values(columns[:5]).items()),
        "best": best,
        "exponents": exponents(pd.DataFrame(best.columns), parameters["horizon_labels"]),
        "differences": differences(chosen, pd.DataFrame(best.columns), **parameters["compare"]),
    }
    return tables | ({"extensions": extensions(chosen, **parameters["extend"])} if "extend" in parameters else {})


def exponents(best: pd.DataFrame, labels: list[str]) -> Rows:
    """Slope of log best base LR against log T for each model and schedule: per seed, then mean and 95 % interval over seeds.

    Horizons whose best value lies at an end of the grid are left out. The bound's own slope stands beside it.
    """
    rows = Rows()
    for (model, label), group in best[best.label.isin(labels) & (best.inside == 1)].groupby(["model_name", "label"]):
        slopes = [log_slope(part.total_steps, part.best_base_lr) for _, part in group.groupby("seed") if part.total_steps.nunique() >= 3]
        if slopes:
            mean, half = interval(slopes)
            line = group.drop_duplicates("total_steps")
            rows.add(
                model_name=model, label=label, seeds=len(slopes), exponent=mean, half_width=half,
                bound_exponent=log_slope(line.total_steps, line.bound_lr), horizons=group.total_steps.nunique(),
            )  # fmt: skip
    if not rows.columns:
        raise StepError("no schedule has three horizons with a best base learning rate inside the grid: widen the sweep")
    return rows


def extensions(chosen: pd.DataFrame, total_steps: int, reference: str, adapted: list[str]) -> Rows:
    """Final loss of adapted extensions minus that of the same base learning rate, in the same seed, at every base LR."""
    rows = Rows()
    at = chosen[(chosen.total_steps == total_steps) & ~chosen.diverged]
    add_paired(rows, at[at.label.isin(adapted)], at[at.label == reference], ["model_name", "base_lr"], "final_val_loss")
    if not rows.columns:
        raise StepError(
            f"no run of {total_steps} steps is labelled {', '.join(adapted)} and paired with {reference}: correct extend in config.yaml"
        )
    return rows
