"""loss_curves_210m: validation loss of wsd and cosine runs at several horizons."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panel loss_curves."""
    table = tables["loss_curves"]
    figure, axes = plt.subplots()
    groups = {}
    for name, rows in table.groupby("schedule"):
        horizons = sorted(rows.total_steps.unique())
        colours = c.shades(name, len(horizons))
        rates = ", ".join(f"{v:g}" for v in sorted(rows.base_lr.unique()))
        groups[rf"{name}, $\gamma = {rates}$"] = colours
        for horizon, colour in zip(horizons, colours, strict=True):
            run = rows[rows.total_steps == horizon]
            axes.plot(run.step, run.val_loss, color=colour)
    last = table[table.step == table.groupby(["schedule", "total_steps"]).step.transform("max")].val_loss
    axes.set(xlabel=c.STEP, ylabel="Validation loss (subset)", xlim=(0, None), ylim=(last.min() - 0.05, last.max() + 0.75))
    c.shade_legend(axes, groups, [f"{h / 1000:.0f}k" for h in sorted(table.total_steps.unique())], "$T$", loc="upper right")
    yield "loss_curves", figure


if __name__ == "__main__":
    c.run_draw(draw)
