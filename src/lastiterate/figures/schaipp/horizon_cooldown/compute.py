"""horizon_cooldown: a trained run extended with the same cooldown fraction, with an adapted one, and at a lowered learning rate."""

from lastiterate.figures.runs import load_runs, loss_curves
from lastiterate.figures.schaipp.extension_runs import select_extensions


def compute(parameters, inputs):
    """Tables curves (logged losses) and finals (losses on the whole validation set), by model and extension."""
    runs = select_extensions(parameters["models"], load_runs(inputs))
    labels = ["model_name", "extension", "total_steps", "cooldown"]
    finals = runs[[*labels, "base_lr", "final_val_loss"]]
    return {"curves": dict(loss_curves(inputs, runs[["run_id", *labels]]).items()), "finals": dict(finals.items())}
