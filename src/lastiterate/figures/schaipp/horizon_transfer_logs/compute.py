"""horizon_transfer_logs: a trained run extended to longer horizons, with the same and with an adapted learning rate."""

import numpy as np
import pandas as pd

from lastiterate.figures.runs import load_runs, loss_curves
from lastiterate.figures.schaipp.extension_runs import select_extensions
from lastiterate.figures.thinning import drawn_steps
from lastiterate.schedules import Schedule
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError


def compute(parameters, inputs):
    """Tables curves, schedules, and gains: final losses on the whole validation set, and what the gain is worth in steps."""
    runs = select_extensions(parameters["models"], load_runs(inputs))
    curves = loss_curves(inputs, runs[["run_id", "model_name", "extension", "total_steps"]])
    schedules = Rows()
    for run in runs.itertuples():
        lr, steps = Schedule.from_json(run.schedule).lr, drawn_steps(run.total_steps)
        schedules.add(model_name=run.model_name, extension=run.extension, total_steps=run.total_steps, t=steps, lr=lr[steps - 1])
    return {"curves": dict(curves.items()), "schedules": schedules, "gains": gains(runs, curves, parameters["slope"])}


def gains(runs, curves, slope) -> Rows:
    """For each model and horizon: same_lr minus lowered_lr, and how many steps of the same_lr run are worth that much.

    The slope of the same_lr run is that of a line through its logged losses from `from` to `to` steps after its
    cooldown starts. The published window reaches 4,000 steps into the cooldown; the one that ends where the cooldown
    starts is reported beside it.
    """
    rows = Rows()
    final = {(run.model_name, run.extension, run.total_steps): run for run in runs.itertuples()}
    for model, extension, horizon in final:
        if extension != "same_lr":
            continue
        if (model, "lowered_lr", horizon) not in final:
            raise StepError(f"{model}: there is no lowered_lr run of {horizon} steps to compare the same_lr run with: select one")
        same, lowered = final[model, "same_lr", horizon], final[model, "lowered_lr", horizon]
        curve = curves[(curves.model_name == model) & (curves.extension == "same_lr") & (curves.total_steps == horizon)]
        start = horizon - same.decay_steps - 1
        published = steps_to_gain(curve, start + slope["from"], start + slope["to"], slope["gain"])
        before = steps_to_gain(curve, start - (slope["to"] - slope["from"]), start, slope["gain"])
        gain = same.final_val_loss - lowered.final_val_loss
        rows.add(
            model_name=model, total_steps=horizon, same_lr=same.final_val_loss, lowered_lr=lowered.final_val_loss, gain=gain,
            steps_per_gain=published, steps_saved=gain / slope["gain"] * published,
            steps_per_gain_before_cooldown=before, steps_saved_before_cooldown=gain / slope["gain"] * before,
        )  # fmt: skip
    return rows


def steps_to_gain(curve: pd.DataFrame, first: int, last: int, gain: float) -> float:
    """Steps in which a line through the logged losses at `first` <= step <= `last` falls by `gain`; infinite if it rises."""
    window = curve[curve.step.between(first, last)]
    if len(window) < 2:
        raise StepError(f"only {len(window)} logged validation losses between steps {first} and {last}: widen slope.from and slope.to")
    slope = np.polyfit(window.step - first, window.val_loss, 1)[0]
    return float(gain / -slope) if slope < 0 else float("inf")
