"""convex_example: the subgradient method on a piecewise linear function of two variables."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels loss, loss_seeds and path."""
    yield "loss", loss(tables["loss"], parameters["schedules"])
    yield "loss_seeds", loss_seeds(tables["loss"], parameters)
    yield "path", path(tables)


def colour(name):
    """Colour of a schedule."""
    return c.schedule_styles([name])[name].color


def label(name, schedules):
    """Legend entry of a schedule."""
    return rf"{name}, $\gamma = {schedules[name]['base_lr']:g}$"


def cooldown_start(rows):
    """First step with a lowered learning rate."""
    return rows.t[rows.lr < rows.lr.max()].min()


def loss(table, schedules):
    """f(x_t) on one problem, and where the cooldown of wsd starts."""
    figure, axes = plt.subplots()
    for name, rows in table.groupby("schedule", sort=False):
        axes.plot(rows.t, rows.loss, color=colour(name), lw=1.1, label=label(name, schedules))
    finals = table[table.t == table.t.max()].loss
    axes.set(xlabel=c.STEP, ylabel=r"$f(x_t)$", xlim=(0, None), ylim=(-0.06 * 5 * finals.max(), 5 * finals.max()))
    for name, rows in table[table.schedule == "wsd"].groupby("schedule"):
        axes.axvline(cooldown_start(rows), color="grey", ls=":", lw=1.2, label=f"{name}: cooldown starts")
    axes.legend(loc="upper right")
    return figure


def loss_seeds(table, parameters):
    """Medians and quartiles of f(x_t) over random problems."""
    figure, axes = plt.subplots()
    for name, rows in table.groupby("schedule", sort=False):
        axes.plot(rows.t, rows["median"], color=colour(name), lw=1.4, label=label(name, parameters["schedules"]))
        axes.fill_between(rows.t, rows.low, rows.high, color=colour(name), alpha=0.25, lw=0)
    axes.set(xlabel=c.STEP, ylabel=rf"$f(x_t)$, {parameters['seeds']} problems", xlim=(0, None), yscale="log")
    axes.legend(loc="lower left")
    return figure


def path(tables):
    """The end of the three paths over the contours, wsd dotted in its cooldown and above the others."""
    figure, axes = plt.subplots()
    best = tables["minimiser"].iloc[0]
    paths = tables["paths"]
    late = paths[paths.t > 0.7 * paths.t.max()]
    reach = 1.6 * np.array([np.abs(late.x1 - best.x1).max(), np.abs(late.x2 - best.x2).max()])
    grid1, grid2 = (np.linspace(centre - r, centre + r, 160) for centre, r in zip((best.x1, best.x2), reach, strict=True))
    residuals = tables["problem"].a1.to_numpy() * grid1[None, :, None] + tables["problem"].a2.to_numpy() * grid2[:, None, None]
    values = np.abs(residuals - tables["problem"].b.to_numpy()).max(axis=2)
    axes.contourf(grid1, grid2, values, levels=12, cmap="Greys", alpha=0.6)
    for name, rows in paths.groupby("schedule", sort=False):
        shown = rows[(np.abs(rows.x1 - best.x1) < 8 * reach[0]) & (np.abs(rows.x2 - best.x2) < 8 * reach[1])]
        start = cooldown_start(rows) if name == "wsd" else rows.t.max() + 1
        stable, cooling = shown[shown.t <= start], shown[shown.t >= start]
        above = 4 if name == "wsd" else 3 if name == "constant" else 2
        axes.plot(stable.x1, stable.x2, color=colour(name), lw=0.7, label=name, zorder=above)
        axes.plot(cooling.x1, cooling.x2, color=colour(name), lw=1.3, ls=(0, (1, 1)), zorder=above)
        axes.plot(rows.x1.iloc[-1], rows.x2.iloc[-1], "o", color=colour(name), mec="black", zorder=5)
    axes.plot(best.x1, best.x2, "*", color="gold", mec="black", ms=13, zorder=6, label=r"$x^\star$")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(grid1[0], grid1[-1]), ylim=(grid2[0], grid2[-1]))
    axes.grid(False)
    c.legend_above(figure, ncols=4)
    return figure
