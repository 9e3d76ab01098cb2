"""convex_suite: logistic regression, schedules against linear decay."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

from lastiterate.draw import common as c

STYLES = c.schedule_styles(("linear", "cosine", "step", "1/sqrt", "refined 1", "refined 2"))


def draw(tables, parameters):
    """Panels comparison, misclassified, lr_sweep and refined."""
    yield "comparison", comparison(tables["summary"], "difference", "Final loss minus that of linear decay", 1e-5)
    yield "misclassified", comparison(tables["summary"], "misclassified_difference", "Misclassified fraction minus linear decay's", 1e-3)
    yield "lr_sweep", lr_sweep(tables)
    yield "refined", refined(tables["refined"])


def noise_title(noise):
    """Title of a group of axes."""
    return f"{100 * noise:g} % of the labels redrawn" if noise else "labels as they are"


def comparison(summary, column, label, threshold):
    """Paired differences to linear decay with two standard errors; the scale is linear within the grey band, logarithmic outside."""
    noises = summary.label_noise.unique()
    names = [name for name in summary.schedule.unique() if name != "linear"]
    figure, panels = plt.subplots(1, len(noises), figsize=c.WIDE, sharey=True, squeeze=False)
    sets = list(summary.dataset.unique())
    for axes, noise in zip(panels[0], noises, strict=True):
        for offset, name in zip(np.linspace(0.3, -0.3, len(names)), names, strict=True):
            rows = summary[(summary.label_noise == noise) & (summary.schedule == name)].set_index("dataset").loc[sets]
            place = np.arange(len(sets))[::-1] + offset
            error = 2 * rows[f"{column}_se"]
            axes.errorbar(rows[column], place, xerr=error, ms=4, elinewidth=1.2, capsize=2, **STYLES[name].dots, label=name)
        axes.axvline(0, color=STYLES["linear"].color, lw=1.2)
        axes.axvspan(-threshold, threshold, color="#EEEEEE", zorder=0)
        axes.set_xscale("symlog", linthresh=threshold)
        axes.set(xlabel=label, title=noise_title(noise))
    panels[0][0].set_yticks(np.arange(len(sets))[::-1], [name.replace("_", " ") for name in sets])
    c.legend_above(figure, panels[0][0], ncols=len(names))
    return figure


def grid(table):
    """A figure, and (axes, rows) for each label noise (from top to bottom) and data set."""
    noises, sets = table.label_noise.unique(), table.dataset.unique()
    figure, panels = plt.subplots(len(noises), len(sets), figsize=(2.5 * len(sets), 2.5 * len(noises)), squeeze=False)
    cells = []
    for row, noise in zip(panels, noises, strict=True):
        for axes, name in zip(row, sets, strict=True):
            axes.set_title(f"{name.replace('_', ' ')}, {noise_title(noise)}", fontsize=7.5)
            cells.append((axes, table[(table.label_noise == noise) & (table.dataset == name)]))
    return figure, cells


def lr_sweep(tables):
    """Final loss against the base learning rate; dots mark the tuned ones, rings those at an edge of what was tried."""
    best = tables["summary"].set_index(["dataset", "label_noise", "schedule"])
    figure, cells = grid(tables["lr_sweep"])
    for axes, rows in cells:
        for (name, noise, schedule), run in rows.groupby(["dataset", "label_noise", "schedule"], sort=False):
            point = best.loc[(name, noise, schedule)]
            axes.plot(run.base_lr, run.loss, **STYLES[schedule].curve, lw=1.2, label=schedule)
            axes.plot(point.base_lr, point.loss, "o", ms=4, color=STYLES[schedule].color, mfc="none" if point.at_edge else None)
        axes.set_xscale("log")
        tuned = tables["summary"].merge(rows[["dataset", "label_noise"]].drop_duplicates())
        low = min(rows.loss.min(), tuned.loss.min())
        if low > 0.1:
            axes.set_ylim(0.995 * low, 1.15 * low)
        else:
            axes.set(yscale="log", ylim=(max(0.8 * low, 1e-9), None))
            axes.yaxis.set_minor_formatter(NullFormatter())
    figure.supxlabel(c.BASE_LR, fontsize=10)
    figure.supylabel("Final loss", fontsize=10)
    c.legend_above(figure, cells[0][0], ncols=6)
    return figure


def refined(table):
    """Refined schedules of both rounds (median and range over seeds), and the gradient norms of the first."""
    figure, cells = grid(table)
    for axes, rows in cells:
        norms = rows[rows.schedule == rows.schedule.iloc[0]]
        axes.plot(
            norms.progress,
            norms.grad_norm / norms.grad_norm.max(),
            color="#BBBBBB",
            lw=0.7,
            label="gradient norm of linear decay / its maximum",
        )
        for schedule, run in rows.groupby("schedule"):
            axes.fill_between(run.progress, run.lr_low, run.lr_high, color=STYLES[schedule].color, alpha=0.2, lw=0)
            axes.plot(run.progress, run.lr, **STYLES[schedule].curve, lw=1.2, label=schedule)
        axes.plot([0, 1], [1, 0], color=STYLES["linear"].color, lw=1, ls=":", label="linear decay")
        axes.set(xlim=(0, 1), ylim=(0, 1.05))
    figure.supxlabel("Step $t/T$", fontsize=10)
    figure.supylabel(r"Factor $\eta_t/\gamma$", fontsize=10)
    c.legend_above(figure, cells[0][0], ncols=4)
    return figure
