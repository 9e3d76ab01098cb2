"""own_overfitting_loss: training and validation loss of runs that overfit, and the any-iterate law fitted to either."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c

KINDS = {"train_loss": ("training", c.CATEGORICAL[0]), "val_loss": ("validation", c.CATEGORICAL[4])}
SMOOTHED = 10  # rows of the training loss whose mean is drawn


def draw(tables, parameters):
    """Panel losses: one axes for each schedule."""
    curves, fits = tables["curves"], tables["fits"].set_index(["schedule", "loss_kind"])
    names = list(curves.schedule.unique())
    figure, panels = plt.subplots(1, len(names), figsize=(4.6 * len(names), 3.4), sharey=True, squeeze=False)
    for axes, name in zip(panels[0], names, strict=True):
        for kind, (label, colour) in KINDS.items():
            rows = curves[(curves.schedule == name) & (curves.loss_kind == kind)]
            shown = rows.loss.rolling(SMOOTHED, center=True, min_periods=1).mean() if kind == "train_loss" else rows.loss
            axes.plot(rows.step, shown, color=colour, lw=1.2, label=label)
            axes.plot(rows.step, rows.fitted, "--", color="black", lw=1.0, label=rf"law: $R^2$ = {fits.r2[name, kind]:.2f}")
        late = curves[curves.step > curves.step.max() / 10].loss
        axes.set(xlabel=c.STEP, title=name, xlim=(0, None), ylim=(late.min() - 0.1, late.max() + 0.5))
        axes.legend(fontsize=7.5, loc=(0.42, 0.33), ncols=2)
    panels[0, 0].set(ylabel="Loss")
    yield "losses", figure
