"""loss_curves_210m: validation loss against step of the selected runs."""

from lastiterate.analyse.common import load_history, load_runs, select
from lastiterate.workflow.step import run_step


def compute(parameters, inputs):
    """Table loss_curves: schedule, total_steps, base_lr, step, val_loss (on the subset that is logged along the way)."""
    runs = select(load_runs(inputs), parameters["select"], one_per=["schedule_name", "total_steps"])
    history = load_history(inputs, runs.run_id.tolist(), ["val_loss"]).dropna()
    table = runs[["run_id", "schedule_name", "total_steps", "base_lr"]].merge(history, on="run_id")
    table = table.rename(columns={"schedule_name": "schedule"}).drop(columns="run_id")
    return {"loss_curves": dict(table.items())}


if __name__ == "__main__":
    run_step(compute)
