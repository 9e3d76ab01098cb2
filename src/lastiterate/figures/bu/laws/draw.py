"""laws: the leaderboard of loss laws, what their predictions miss, and the learning rate that they would choose."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c

ONE_PEAK, SEVERAL_PEAKS, RIVAL = "norm-power", "norm-stiff", "multi-power"
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
    """Mean absolute error of each law on each split, with bootstrap intervals."""
    splits = list(dict.fromkeys(table.split))
    figure, grid = c.small_multiples(len(splits), columns=-(-len(splits) // 2), size=(2.3, 3.2), sharey=True)
    laws = list(dict.fromkeys(table.law))
    for axes, split in zip(grid, splits, strict=True):
        rows = table[table.split == split].set_index("law").loc[laws]
        at = np.arange(len(laws))[::-1]
        for y, row in zip(at, rows.itertuples(), strict=True):
            colour = (
                c.CATEGORICAL[4] if row.Index in (ONE_PEAK, SEVERAL_PEAKS) else c.CATEGORICAL[0] if row.parameters else c.CATEGORICAL[1]
            )
            axes.plot([row.MAE_low, row.MAE_high], [y, y], color=colour, lw=1.2)
            axes.plot(row.MAE, y, "o", ms=4.5, color=colour)
        axes.set(xscale="log", title=split.replace("_", " "), yticks=at, yticklabels=laws, xlim=(table.MAE_low.min() / 1.3, 0.3))
        axes.grid(axis="x", alpha=0.3)
    figure.supxlabel("Mean absolute error on test curves")
    return figure


def residuals(table):
    """What two laws miss on the test curves of the published split."""
    groups = list(dict.fromkeys(table.group))
    figure, grid = plt.subplots(2, len(groups), figsize=(4.6 * len(groups), 6.2), sharex=True, sharey=True, squeeze=False)
    for column, group in zip(grid.T, groups, strict=True):
        for axes, law in zip(column, (RIVAL, ONE_PEAK), strict=True):
            rows = table[(table.group == group) & (table.law == law)]
            for (run, part), colour in zip(rows.groupby("run_id"), c.CATEGORICAL, strict=False):
                axes.plot(part.step / 1e3, (part.loss - part.prediction) * 1e3, color=colour, lw=1, label=run.rsplit("/", 1)[-1])
            axes.axhline(0, color="black", lw=0.6)
            axes.set(title=f"{law}, {group.split()[-1]}", xscale="log", ylim=(-15, 15))
    for axes in grid[-1]:
        axes.set(xlabel="Step (thousands)")
        axes.set_xticks([2, 5, 10, 20, 50], labels=["2", "5", "10", "20", "50"])
        axes.minorticks_off()
    for axes in grid[:, 0]:
        axes.set(ylabel=MISSED)
    c.legend_above(figure, grid[0, 0], ncols=3)
    return figure


def across_peaks(table):
    """What the laws miss at peak learning rates that they have not seen."""
    laws = list(dict.fromkeys(table.law))
    figure, grid = plt.subplots(1, len(laws), figsize=(3.7 * len(laws), 3.6), sharex=True, sharey=True)
    peaks = sorted(set(table.peak_lr))
    for axes, law in zip(np.atleast_1d(grid), laws, strict=True):
        for peak, colour in zip(peaks, (c.CATEGORICAL[0], c.CATEGORICAL[3], c.CATEGORICAL[4]), strict=False):
            rows = table[(table.law == law) & np.isclose(table.peak_lr, peak)]
            for i, (_, part) in enumerate(rows.groupby("run_id")):
                label = rf"$\gamma = {peak:g}$" if i == 0 else None
                axes.plot(part.step / 1e3, (part.loss - part.prediction) * 1e3, color=colour, lw=0.6, alpha=0.6, label=label)
        axes.axhline(0, color="black", lw=0.6)
        axes.set(title=law, xlabel="Step (thousands)", ylim=(-80, 80))
    np.atleast_1d(grid)[0].set(ylabel=MISSED)
    np.atleast_1d(grid)[0].legend()
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


if __name__ == "__main__":
    c.run_draw(draw)
