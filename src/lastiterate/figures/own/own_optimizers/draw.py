"""own_optimizers: final losses of schedules under several optimizers, against the base learning rate and at the best one."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels lr_sweep and differences."""
    optimizers, schedules = list(parameters["models"]), list(next(iter(parameters["models"].values()))["schedules"])
    colours = dict(zip(schedules, c.CATEGORICAL, strict=False))
    yield "lr_sweep", lr_sweep(tables["losses"], optimizers, colours)
    yield "differences", differences(tables["differences"], optimizers, colours, parameters["compare"]["reference"])


def lr_sweep(losses, optimizers, colours):
    """Final loss against the base learning rate, an axes for each optimizer, a line per seed."""
    size = c.WIDE[0] / len(optimizers), c.WIDE[1]
    figure, grid = c.small_multiples(len(optimizers), c.BASE_LR, c.FINAL_LOSS, columns=len(optimizers), size=size, sharey=True)
    for axes, optimizer in zip(grid, optimizers, strict=True):
        for (label, seed), run in losses[losses.model_name == optimizer].groupby(["label", "seed"]):
            axes.plot(
                run.base_lr, run.final_val_loss, "o-", ms=3, lw=1, color=colours[label], label=label if seed == losses.seed.min() else None
            )
        c.swept(axes, losses[losses.model_name == optimizer].base_lr)
        axes.set_title(optimizer)
    grid[-1].legend(fontsize=8)
    return figure


def differences(table, optimizers, colours, reference):
    """Best loss of each schedule minus the reference's, paired by seed, beside each other for every optimizer."""
    figure, axes = plt.subplots()
    shown = [label for label in colours if label != reference]
    for i, label in enumerate(shown):
        rows = table[table.label == label].set_index("model_name").loc[optimizers]
        at = np.arange(len(optimizers)) + 0.15 * (i - (len(shown) - 1) / 2)
        axes.errorbar(at, rows.difference, yerr=rows.half_width.fillna(0), fmt="o", capsize=3, color=colours[label], label=label)
    axes.axhline(0, color="#8C8C8C", lw=1)
    axes.set_xticks(range(len(optimizers)), optimizers)
    axes.set_ylabel(f"Best loss minus that of {reference}")
    axes.legend()
    return figure


if __name__ == "__main__":
    c.run_draw(draw)
