"""noise_limited_extension: strategies for a longer horizon against going on at the same learning rate."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c
from lastiterate.figures.defazio.trajectories import trajectories


def draw(tables, parameters):
    """Panels differences and trajectories."""
    names = list(tables["extension"].strategy.unique())
    colours = {name: style.color for name, style in c.styles(["same", *names]).items()}
    yield "differences", differences(tables["extension"], colours)
    figure, _, right = trajectories(tables["trajectories"], "strategy", colours)
    c.legend_above(figure, right, ncols=4)
    yield "trajectories", figure


def differences(table, colours):
    """Paired differences to the same learning rate, from the tuned base learning rate and from ones below it."""
    starts = table.start_lr.unique()
    figure, panels = plt.subplots(1, len(starts), figsize=c.WIDE, sharey=True, squeeze=False)
    horizons = sorted(table.total_steps.unique())
    names = [name for name in colours if name != "same"]
    for axes, start in zip(panels[0], starts, strict=True):
        for offset, name in zip(np.linspace(-0.3, 0.3, len(names)), names, strict=True):
            rows = table[(table.start_lr == start) & (table.strategy == name)].set_index("total_steps").loc[horizons]
            place = np.arange(len(horizons)) + offset
            axes.errorbar(place, 1e3 * rows.difference, yerr=2e3 * rows.difference_se, fmt="o", capsize=3, color=colours[name], label=name)
        axes.axhline(0, color=colours["same"])
        axes.set_xticks(range(len(horizons)), [f"$T = {h}$" for h in horizons])
        axes.set_title(f"base learning rate: {start}")
    panels[0][0].set_ylabel(r"Loss minus that at the same LR, $\times 10^3$")
    c.legend_above(figure, panels[0][0], ncols=len(names))
    return figure
