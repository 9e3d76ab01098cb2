"""any_iterate: the any-iterate law on training runs, in sample and from the first half to the second."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c
from lastiterate.draw.grids import strip


def draw(tables, parameters):
    """Panels figures2to5, r2 and identification."""
    fits = tables["fits"]
    fits = fits[fits.burn_in == parameters["burn_in"][-1]]
    classes = fits["class"].unique()
    colours = {name: style.color for name, style in c.styles(classes).items()}
    yield "figures2to5", figures2to5(tables["curves"], parameters["split"])
    yield "r2", r2(fits, colours)
    yield "identification", identification(fits, colours, parameters["max_amplification"])


def figures2to5(curves, split):
    """Of each class the run of median second-half R2."""
    names = curves["class"].unique()
    figure, grid = c.small_multiples(len(names), "Step (thousands)", "Loss")
    for axes, name in zip(grid, names, strict=True):
        rows = curves[curves["class"] == name]
        x = rows.step / 1000
        axes.plot(x, rows.loss, color="black", lw=1.6, label="logged")
        axes.plot(x, rows.in_sample, color=c.CATEGORICAL[0], lw=1.2, label="fit of all")
        axes.plot(x, rows.predicted, "--", color=c.CATEGORICAL[4], lw=1.2, label="fit of the first half")
        axes.axvline(split * rows.total_steps.iloc[0] / 1000, color="grey", lw=0.8, ls=":")
        axes.set_title(name, fontsize=9)
    c.legend_above(figure, grid[0], ncols=3)
    return figure


def r2(fits, colours):
    """1 - R2 of every run by class: in sample (grey) and on the second half, crosses where the fit does not identify the noise."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    grey = dict.fromkeys(colours, "#A0A0A0")
    missed = fits.assign(in_sample=1 - fits.r2, second=1 - fits.r2_second)
    strip(axes, missed, x="class", y="in_sample", colours=grey, size=2.5, jitter=0.3, alpha=0.6)
    for identified, marker in ((True, "o"), (False, "X")):
        strip(axes, missed[missed.identified == identified], x="class", y="second", colours=colours, marker=marker, size=4, jitter=0.2)
    axes.axhline(0.05, color="grey", ls="--", lw=1)
    axes.set_xticks(range(len(colours)), [name.replace(", ", "\n").replace("_", "\n") for name in colours])
    axes.set(yscale="log", ylabel="$1 - R^2$", xlabel="")
    return figure


def identification(fits, colours, limit):
    """1 - R2 on the second half against the amplification."""
    figure, axes = plt.subplots()
    for name, colour in colours.items():
        rows = fits[fits["class"] == name]
        positive = rows.window_grad_norm2_free > 0
        axes.plot(rows.amplification[positive], 1 - rows.r2_second[positive], "o", ms=3.5, mfc="none", color=colour, label=name)
        axes.plot(rows.amplification[~positive], 1 - rows.r2_second[~positive], "x", ms=4, color=colour)
    axes.axvline(limit, color="grey", ls="--", lw=1)
    axes.axhline(0.05, color="grey", ls="--", lw=1)
    c.loglog(axes)
    axes.set(xlabel="Amplification of the noise coefficient's error", ylabel="$1 - R^2$ on the second half")
    c.legend_above(figure, ncols=3)
    return figure
