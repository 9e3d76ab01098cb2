"""loss_curves: validation loss of wsd and cosine runs at several horizons."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c
from lastiterate.draw.hues import LONG_HORIZONS


def draw(tables, parameters):
    """Panels loss_curves_MODEL."""
    for model, table in tables["loss_curves"].groupby("model_name", sort=False):
        yield f"loss_curves_{model}", loss_curves(table)


def loss_curves(table):
    """Validation loss against step, one hue per schedule, horizons from light to dark."""
    figure, axes = plt.subplots()
    for name, _, colour, rows in LONG_HORIZONS.curves(table):
        axes.plot(rows.step, rows.val_loss, color=colour, ls=c.line(name), lw=1.4)
    last = table[table.step == table.groupby(["schedule", "total_steps"]).step.transform("max")].val_loss
    axes.set(
        xlabel=c.STEP, ylabel=c.loss_label(table, c.LOGGED_LOSS), xlim=(0, None), ylim=(table.val_loss.min() - 0.05, last.max() + 0.75)
    )
    LONG_HORIZONS.legend(axes, table, rates=True, loc="upper right")
    return figure
