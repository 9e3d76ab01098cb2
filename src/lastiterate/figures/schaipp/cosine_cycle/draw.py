"""cosine_cycle: cosine schedules whose cycle is longer than the run."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels lr_sweep, convergence and horizons, each also as _ablation."""
    for kind in ("last_iterate", "average_iterate"):
        chosen = {name: t[t.kind == kind] for name, t in tables.items()}
        first = {name: chosen[name][chosen[name].total_steps == parameters["total_steps"][0]] for name in ("lr_sweep", "tuned")}
        yield "lr_sweep" + c.suffix(kind), lr_sweep(first)
        yield "convergence" + c.suffix(kind), convergence(chosen["convergence"])
        yield "horizons" + c.suffix(kind), horizons(chosen["tuned"])


def colours(cycles):
    """A shade for each cycle length, the shortest darkest."""
    return dict(zip(sorted(cycles, reverse=True), c.shades("viridis", len(cycles))[::-1] * 0.95, strict=True))


def lr_sweep(tables):
    """Omega_T against gamma, the optimum of each curve marked."""
    figure, axes = plt.subplots()
    shade = colours(tables["tuned"].cycle_length.unique())
    for cycle, rows in tables["lr_sweep"].groupby("cycle_length"):
        axes.plot(rows.base_lr, rows.omega, color=shade[cycle], label=f"{cycle:g}")
    for row in tables["tuned"].itertuples():
        axes.plot(row.base_lr, row.omega, "o", color=shade[row.cycle_length], mec="black", zorder=5)
    c.loglog(axes)
    axes.set(xlabel=c.BASE_LR, ylabel=c.FINAL_BOUND)
    c.legend_above(figure, title="Cycle length / $T$", ncols=5)
    return figure


def convergence(table):
    """Schedules at one base learning rate beside their bounds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    shade = colours(table.cycle_length.unique())
    for cycle, rows in table.groupby("cycle_length"):
        left.plot(rows.t, rows.lr, color=shade[cycle])
        right.plot(rows.t, rows.omega, color=shade[cycle], label=f"{cycle:g}")
    last = table[table.t == table.t.max()].omega
    left.set(xlabel=c.STEP, ylabel=c.LR, xlim=(0, None), ylim=(0, None))
    right.set(xlabel=c.STEP, ylabel=c.BOUND, xlim=(0, None), ylim=(0.8 * last.min(), 3.4 * last.min()))
    right.legend(title="Cycle length / $T$", loc="upper right", ncols=2)
    return figure


def horizons(table):
    """Tuned bound times sqrt(T) against the cycle length: what a wrong cycle costs, at every horizon."""
    figure, axes = plt.subplots()
    groups = list(table.groupby("total_steps"))
    for i, ((total_steps, rows), colour) in enumerate(zip(groups, c.shades("cosine", len(groups)), strict=True)):
        marker = c.MARKERS[i % len(c.MARKERS)]
        axes.plot(rows.cycle_length, rows.omega * np.sqrt(total_steps), marker=marker, color=colour, label=f"$T = {total_steps}$")
    axes.set(xlabel="Cycle length / $T$", ylabel=r"Tuned bound $\Omega_T \sqrt{T}$")
    axes.legend(loc="best")
    return figure
