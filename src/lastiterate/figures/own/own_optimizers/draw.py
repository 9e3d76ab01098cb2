"""own_optimizers: final losses of schedules under several optimizers, against the base learning rate and at the best one."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c
from lastiterate.draw.grids import relplot


def draw(tables, parameters):
    """Panels lr_sweep and differences."""
    optimizers, schedules = list(parameters["models"]), list(next(iter(parameters["models"].values()))["schedules"])
    styles = c.schedule_styles(schedules)
    yield "lr_sweep", lr_sweep(tables["losses"], optimizers, styles)
    yield "differences", differences(tables["differences"], optimizers, styles, parameters["compare"]["reference"])


def lr_sweep(losses, optimizers, styles):
    """Final loss against the base learning rate, an axes for each optimizer: mean and range over the seeds."""
    grid = relplot(
        losses, x="base_lr", y="final_val_loss", col="model_name", col_order=optimizers, hue="label", style="label",
        hue_order=list(styles), style_order=list(styles), palette={name: style.color for name, style in styles.items()},
        markers={name: style.marker for name, style in styles.items()}, dashes=False, errorbar=("pi", 100), height=c.WIDE[1],
        aspect=c.WIDE[0] / c.WIDE[1] / len(optimizers), facet_kws={"sharex": False},
    )  # fmt: skip
    for optimizer, axes in grid.axes_dict.items():
        c.swept(axes, losses[losses.model_name == optimizer].base_lr)
    grid.set_ylabels(c.FINAL_LOSS)
    return grid.figure


def differences(table, optimizers, styles, reference):
    """Best loss of each schedule minus the reference's, paired by seed, beside each other for every optimizer."""
    figure, axes = plt.subplots()
    shown = [label for label in styles if label != reference]
    for i, label in enumerate(shown):
        rows = table[table.label == label].set_index("model_name").loc[optimizers]
        at = np.arange(len(optimizers)) + 0.15 * (i - (len(shown) - 1) / 2)
        axes.errorbar(at, rows.difference, yerr=rows.half_width.fillna(0), **styles[label].dots, capsize=3, label=label)
    axes.axhline(0, color="#8C8C8C", lw=1)
    axes.set_xticks(range(len(optimizers)), optimizers)
    axes.set_ylabel(f"Best loss minus that of {reference}")
    c.legend_above(figure, ncols=len(shown))
    return figure
