"""loss_curves: validation loss against step of the runs selected for each model."""

import pandas as pd

from lastiterate.figures.runs import load_runs, loss_curves, select


def compute(parameters, inputs):
    """Table loss_curves: model_name, schedule, total_steps, base_lr, step, val_loss (on the subset that is logged along the way)."""
    runs, tables = load_runs(inputs), []
    for model, clauses in parameters["models"].items():
        chosen = select(runs, clauses, one_per=["schedule_name", "total_steps"])
        labels = chosen[["run_id", "schedule_name", "total_steps", "base_lr"]].rename(columns={"schedule_name": "schedule"})
        tables.append(loss_curves(inputs, labels.assign(model_name=model)))
    return {"loss_curves": dict(pd.concat(tables).items())}
