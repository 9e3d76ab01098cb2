"""horizon_transfer_logs: a trained run extended to longer horizons, with the same and with an adapted learning rate."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c
from lastiterate.figures.schaipp.extension_losses import extension_losses

NAMES = {"first": "first run", "same_lr": "same LR", "lowered_lr": "LR lowered by theory"}
COLOURS = {"first": c.CATEGORICAL[1], "same_lr": "#8C8C8C", "lowered_lr": c.CATEGORICAL[2]}


def draw(tables, parameters):
    """Panels horizon_transfer_MODEL and schedules_MODEL."""
    for model in parameters["models"]:
        curves, schedules = (tables[name][tables[name].model_name == model] for name in ("curves", "schedules"))
        yield f"horizon_transfer_{model}", extension_losses(curves, NAMES, COLOURS)
        yield f"schedules_{model}", extended_schedules(schedules)


def extended_schedules(table):
    """Learning rates of the runs, those of the first run's peak as 1."""
    figure, axes = plt.subplots()
    peak = table[table.extension == "first"].lr.max()
    for extension in ("same_lr", "lowered_lr", "first"):
        for i, (_, rows) in enumerate(table[table.extension == extension].groupby("total_steps")):
            axes.plot(rows.t, rows.lr / peak, color=COLOURS[extension], label=None if i else NAMES[extension], zorder=3 - i)
    axes.set(xlabel=c.STEP, ylabel=r"Schedule $\eta_t$", xlim=(0, None), ylim=(0, 1.35))
    axes.xaxis.set_major_formatter(c.thousands)
    axes.legend(loc="upper right", ncols=3)
    return figure
