"""loss_curves: validation loss of wsd and cosine runs at several horizons."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels loss_curves_MODEL."""
    for model, table in tables["loss_curves"].groupby("model_name", sort=False):
        yield f"loss_curves_{model}", loss_curves(table)


def loss_curves(table):
    """Validation loss against step, one hue per schedule, horizons from light to dark."""
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
    axes.set(xlabel=c.STEP, ylabel=c.LOGGED_LOSS, xlim=(0, None), ylim=(table.val_loss.min() - 0.05, last.max() + 0.75))
    c.shade_legend(axes, groups, [f"{h / 1000:.3g}k" for h in sorted(table.total_steps.unique())], "$T$", loc="upper right")
    return figure


if __name__ == "__main__":
    c.run_draw(draw)
