"""two_dimensional: straight lines in 1/sqrt(T), and peak learning rates transferred from the shortest horizon."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c

MOST = 6  # groups shown


def draw(tables, parameters):
    """Panels lines, best_lr and transfer."""
    yield "lines", lines(tables["lines"], tables["points"])
    yield "best_lr", best_lr(tables["best"], tables["exponents"])
    yield "transfer", transfer(tables["transfer"], tables["summary"])


def label_of(row) -> str:
    """A group by its schedule."""
    return f"{row.schedule_name}, c = {row.cooldown:g}" if row.cooldown > 0 else str(row.schedule_name)


def lines(fits, points):
    """What a straight line in 1/sqrt(T) leaves at each eta_ref, one axes per group: the lines themselves would lie on each other."""
    groups = fits.group.unique()[:MOST]
    figure, grid = c.small_multiples(len(groups), c.HORIZON, r"Loss $-$ line, $\times 10^3$", sharex=True, sharey=True)
    for axes, group in zip(grid, groups, strict=True):
        chosen = fits[fits.group == group]
        for fit, style in zip(chosen.itertuples(), c.styles(chosen.eta_ref).values(), strict=True):
            at = points[(points.group == group) & (points.eta_ref == fit.eta_ref)].sort_values("total_steps")
            left = (at.loss - fit.linf - fit.slope * at.total_steps**-0.5) * 1e3
            label = rf"$\eta_{{ref}} = {fit.eta_ref:g}$"
            axes.plot(at.total_steps, left, **style.both, ms=3.5, lw=1, label=label)
        axes.axhline(0, color="black", lw=0.6)
        slopes = f"slopes {chosen.slope.min():.2g} to {chosen.slope.max():.2g}"
        axes.set_title(f"{label_of(chosen.iloc[0])}: {slopes}", fontsize=8)
        axes.set_xscale("log")
        axes.set_xticks(sorted(points.total_steps.unique()), [c.thousands(steps) for steps in sorted(points.total_steps.unique())])
        axes.minorticks_off()
    c.legend_above(figure, grid[0], ncols=min(4, 2 * len(groups)))
    return figure


def best_lr(best, exponents):
    """Measured best peaks against the horizon, and where the rule would take them from the shortest."""
    figure, axes = plt.subplots()
    measured = exponents[exponents.what == "measured"].set_index("group")
    groups = list(best.groupby("group"))
    for (_, rows), colour in zip(groups, plt.get_cmap("viridis")(np.linspace(0, 0.9, len(groups))), strict=True):
        rows = rows.dropna(subset="best_base_lr")
        axes.plot(rows.total_steps, rows.best_base_lr, "o-", ms=4, color=colour, label=label_of(rows.iloc[0]))
        axes.plot(
            rows.total_steps, rows.best_base_lr.iloc[0] * (rows.total_steps / rows.total_steps.iloc[0]) ** -0.5, ":", lw=1, color=colour
        )
    c.loglog(axes)
    pooled = measured.loc["all"]
    axes.set_title(rf"measured: $\gamma^\star \sim T^{{{pooled.exponent:.2f} \pm {pooled.error:.2f}}}$; dotted: $T^{{-1/2}}$", fontsize=9)
    axes.set(xlabel=c.HORIZON, ylabel=r"Best peak learning rate $\gamma^\star$")
    c.legend_above(figure, ncols=3, fontsize=8)
    return figure


def transfer(table, summary):
    """Log error of the peak taken over from the shortest horizon, by rule."""
    figure, axes = plt.subplots()
    for row, style in zip(summary.itertuples(), c.styles(summary.rule).values(), strict=True):
        rows, colour, marker = table[table.rule == row.rule], style.color, style.marker
        name = f"{row.rule}: {row.log_error:.2f}, loss + {row.regret:.4f}"
        spread = {"inverse square root": 0.985, "bound": 1.0, "same": 1.015}[row.rule]
        axes.plot(rows.total_steps / rows.from_steps * spread, rows.log_error, marker, ms=4, mfc="none", color=colour, label=name)
    axes.axhline(0, color="grey", lw=1)
    axes.set(xlabel="Horizon over the horizon that was swept", ylabel=r"$\ln(\gamma_{rule}/\gamma^\star)$")
    c.legend_above(figure, ncols=1, fontsize=8)
    return figure
