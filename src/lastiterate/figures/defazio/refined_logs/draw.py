"""refined_logs: schedules refined from the gradient norms of language models at several base learning rates."""

import matplotlib.pyplot as plt
from matplotlib.colors import LogNorm

from lastiterate.draw import common as c
from lastiterate.draw.grids import relplot
from lastiterate.figures.defazio import refined_curves as r


def draw(tables, parameters):
    """Panels schedules and diagnosis."""
    yield "schedules", schedules(tables["schedules"])
    yield "diagnosis", diagnosis(tables["diagnosis"], tables["bounds"])


def schedules(table):
    """Smoothed norms (above) and refined schedules (below), a column for each schedule of the logged run."""
    names = sorted(table.schedule_name.unique())
    base_lrs = sorted(table.base_lr.unique())
    long = table.melt(["schedule_name", "base_lr", "progress"], ["grad_norm", "lr"], "quantity")
    grid = relplot(
        long, x="progress", y="value", row="quantity", col="schedule_name", col_order=names, hue="base_lr", hue_norm=LogNorm(),
        palette=dict(zip(base_lrs, c.shades("viridis_r", len(base_lrs)), strict=True)), errorbar=None, lw=1.4, height=2.5,
        aspect=4.6 / 2.5, facet_kws={"sharey": "row"}, titles="{col_name} runs", legend_title=c.BASE_LR,
    )  # fmt: skip
    for (quantity, _), axes in grid.axes_dict.items():
        axes.set(xlim=(0, 1), **({"yscale": "log"} if quantity == "grad_norm" else {"ylim": (0, 1.04), "title": ""}))
        if quantity == "lr":
            axes.plot([0, 1], [1, 0], color="black", ls="-.", lw=0.8)
    grid.set_xlabels(r.PROGRESS)
    for axes, label in zip(grid.axes[:, 0], ("Running median of norms", r.REFINED), strict=True):
        axes.set_ylabel(label)
    return grid.figure


def diagnosis(table, bounds):
    """Warmup, power of the decay, and gain in the bound against the base learning rate."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12.5, 3.4))
    refined = bounds[bounds.schedule == "refined"]
    for name, rows in table.groupby("schedule_name"):
        colour = c.shades(name, 1)[0]
        left.plot(rows.base_lr, rows.warmup, "o", ls=c.line(name), color=colour, label=f"norms of {name} runs")
        middle.plot(rows.base_lr, rows.decay_power, "o", ls=c.line(name), color=colour)
        gain = refined[refined.schedule_name == name]
        right.plot(gain.base_lr, gain.ratio, "o", ls=c.line(name), color=colour)
    left.set(ylabel="Warmup (fraction of the run)", ylim=(0, None))
    middle.axhline(1.0, color="black", ls="-.", lw=0.8)
    middle.set(ylabel="Power of the decay", ylim=(0, None))
    right.axhline(1.0, color="black", ls="-.", lw=0.8)
    right.set(ylabel=r"$\Omega_T$ of refined / of linear decay", ylim=(0, 1.05))
    for axes in (left, middle, right):
        c.swept(axes, table.base_lr)
        axes.set_xlabel("Base learning rate of the logged run")
    c.legend_above(figure, left, ncols=table.schedule_name.nunique())
    return figure
