"""laws: the leaderboard of loss laws, what their predictions miss, and the learning rate that they would choose."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn
from matplotlib.colors import LogNorm

from lastiterate.draw import common as c

ONE_PEAK, SEVERAL_PEAKS, RIVAL = "norm-power", "norm-stiff", "multi-power"
REACH, LINEAR_TO = 15, 20  # thousandths of loss: how far the axes of the residuals go, and how far those of the peaks are linear
MISSED = r"Loss $-$ prediction $\times 10^3$"


def draw(tables, parameters):
    """Panels leaderboard, residuals, across_peaks and best_lr."""
    yield "leaderboard", leaderboard(tables["leaderboard"])
    shown = tables["predictions"]
    yield "residuals", residuals(shown[shown.split == "published"])
    across = shown[shown.split == parameters["best_lr"]["split"]]
    yield "across_peaks", across_peaks(across)
    yield "best_lr", best_lr(tables["best_lr"])


def leaderboard(table):
    """Mean absolute error of each law (rows, the best on average first) on each split, x 1000; colour: over the split's least."""
    wide = table.pivot(index="law", columns="split", values="MAE")[list(dict.fromkeys(table.split))] * 1e3
    ratio = wide / wide.min()
    order = np.log(ratio).mean(axis=1).sort_values().index
    figure, axes = plt.subplots(figsize=(0.75 * wide.shape[1] + 2.6, 0.3 * len(wide) + 1.4))
    seaborn.heatmap(
        ratio.loc[order], norm=LogNorm(1, 10), cmap="cividis_r", annot=wide.loc[order], fmt=".1f", annot_kws={"size": 8}, linewidths=0.5,
        cbar_kws={"label": "error over the split's least", "extend": "max", "ticks": [1, 2, 5, 10], "format": "%g"}, ax=axes,
    )  # fmt: skip
    axes.set(xlabel="", ylabel="")
    axes.set_xticks(np.arange(wide.shape[1]) + 0.5, [name.replace("_", "\n") for name in wide], rotation=0)
    axes.tick_params(length=0, labelsize=8)
    axes.grid(False)
    return figure


def residuals(table):
    """What two laws miss on the test curves of the published split."""
    groups, table = list(dict.fromkeys(table.group)), table.assign(run=table.run_id.str.rsplit("/", n=1).str[-1])
    runs = c.styles(sorted(table.run.unique()))
    figure, grid = plt.subplots(2, len(groups), figsize=(4.6 * len(groups), 6.2), sharex=True, sharey=True, squeeze=False)
    for column, group in zip(grid.T, groups, strict=True):
        for axes, law in zip(column, (RIVAL, ONE_PEAK), strict=True):
            rows = table[(table.group == group) & (table.law == law)]
            missed = (rows.loss - rows.prediction) * 1e3
            for run, part in rows.groupby("run"):
                axes.plot(part.step / 1e3, missed[part.index], color=runs[run].color, lw=1, label=run)
            outside = (missed.abs() > REACH).mean()
            axes.text(0.02, 0.03, f"outside the axes: {outside:.1%}" if outside else "", fontsize=8, transform=axes.transAxes)
            axes.axhline(0, color="black", lw=0.6)
            axes.set(title=f"{law}, {group.split()[-1]}", xscale="log", ylim=(-REACH, REACH))
    for axes in grid[-1]:
        axes.set(xlabel="Step (thousands)")
        axes.set_xticks([2, 5, 10, 20, 50], labels=["2", "5", "10", "20", "50"])
        axes.minorticks_off()
    for axes in grid[:, 0]:
        axes.set(ylabel=MISSED)
    c.legend_above(figure, grid[0, 0], ncols=3)
    return figure


def across_peaks(table):
    """What the laws miss at peak learning rates that they have not seen; linear within the grey band, logarithmic outside."""
    laws = list(dict.fromkeys(table.law))
    figure, grid = plt.subplots(1, len(laws), figsize=(3.7 * len(laws), 3.6), sharex=True, sharey=True, squeeze=False)
    styles = c.styles(sorted(set(table.peak_lr.round(12))))
    for axes, law in zip(grid[0], laws, strict=True):
        axes.axhspan(-LINEAR_TO, LINEAR_TO, color="#EEEEEE", zorder=0)
        for peak, style in styles.items():
            rows = table[(table.law == law) & np.isclose(table.peak_lr, peak)]
            for i, (_, part) in enumerate(rows.groupby("run_id")):
                label = rf"$\gamma = {peak:g}$" if i == 0 else None
                axes.plot(part.step / 1e3, (part.loss - part.prediction) * 1e3, **style.curve, lw=0.7, alpha=0.7, label=label)
        axes.axhline(0, color="black", lw=0.6)
        axes.set_yscale("symlog", linthresh=LINEAR_TO)
        axes.set(title=law, xlabel="Step (thousands)")
        axes.yaxis.set_major_formatter("{x:g}")
    grid[0, 0].set(ylabel=MISSED)
    c.legend_above(figure, grid[0, 0], ncols=len(styles))
    return figure


def best_lr(table):
    """Final loss against the peak learning rate: true, and as predicted from the training peaks (shifted to the same mean)."""
    table = table[(table.law == SEVERAL_PEAKS) & (table.schedule_name == "wsd") & (table.decay_shape == "linear")]
    cooldowns = sorted(set(table.cooldown))
    figure, axes = plt.subplots()
    for cooldown in cooldowns:
        colour = c.fraction_map()(cooldown)
        rows = table[table.cooldown == cooldown].groupby("base_lr")[["predicted", "final_val_loss"]].mean()
        shift = (rows.final_val_loss - rows.predicted).mean()
        axes.plot(rows.index, rows.final_val_loss, "o", color=colour, mec="black", mew=0.5)
        axes.plot(rows.index, rows.predicted + shift, color=colour, lw=1.4)
    axes.set(xscale="log", xlabel=c.BASE_LR, ylabel=c.FINAL_LOSS, ylim=(None, table.final_val_loss.min() + 0.16))
    c.fraction_bar(figure, axes, c.COOLDOWN)
    return figure
