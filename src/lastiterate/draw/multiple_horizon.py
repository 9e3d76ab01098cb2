"""multiple_horizon: cosine and wsd at several horizons."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels lr_sweep, convergence, fit_gamma_star (each also as _ablation) multiple_base_lr and only_convergence."""
    for kind in ("last_iterate", "average_iterate"):
        chosen = {name: table[table.kind == kind] for name, table in tables.items() if "kind" in table}
        yield "lr_sweep" + c.suffix(kind), lr_sweep(chosen)
        yield "convergence" + c.suffix(kind), convergence(chosen)
        yield "fit_gamma_star" + c.suffix(kind), fit_gamma_star(chosen)
    yield "multiple_base_lr", multiple_base_lr(tables["multiple_base_lr"])
    yield "only_convergence", only_convergence(tables["only_convergence"])


def curves(table, by):
    """Yield (schedule, value of `by`, its colour, its rows), and collect the colours of every schedule."""
    for name, rows in table.groupby("schedule"):
        values = sorted(rows[by].unique())
        for value, colour in zip(values, c.shades(name, len(values)), strict=True):
            yield name, value, colour, rows[rows[by] == value]


def horizon_legend(owner, table, **options):
    """Legend of the shades that `curves` assigns to horizons, in axes or above a figure."""
    groups = {name: c.shades(name, rows.total_steps.nunique()) for name, rows in table.groupby("schedule")}
    c.shade_legend(owner, groups, [f"{v:g}" for v in sorted(table.total_steps.unique())], "$T$", **options)


def lr_sweep(tables):
    """Omega_T against gamma, the optimum of each curve marked."""
    figure, axes = plt.subplots()
    best = tables["tuned"].set_index(["schedule", "total_steps"])
    for name, horizon, colour, rows in curves(tables["lr_sweep"], "total_steps"):
        axes.plot(rows.base_lr, rows.omega, color=colour, alpha=0.8)
        axes.plot(*best.loc[(name, horizon), ["base_lr", "omega"]], "o", color=colour, mec="black", zorder=5)
    c.loglog(axes)
    axes.set(xlabel=c.BASE_LR, ylabel=c.FINAL_BOUND)
    horizon_legend(figure, tables["lr_sweep"], loc="outside upper center", ncols=2)
    return figure


def convergence(tables):
    """Tuned schedules beside their bounds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    for _, _, colour, rows in curves(tables["convergence"], "total_steps"):
        left.plot(rows.t, rows.lr, color=colour)
        right.plot(rows.t, rows.omega, color=colour)
    left.set(xlabel=c.STEP, ylabel=c.TUNED_LR, xlim=(0, None), ylim=(0, None))
    right.set(xlabel=c.STEP, ylabel=c.TUNED_BOUND, xlim=(0, None), ylim=(0, 0.45))
    horizon_legend(right, tables["convergence"], loc="upper right")
    return figure


def fit_gamma_star(tables):
    """gamma* against the horizon, with the power law through it."""
    figure, axes = plt.subplots()
    for name, rows in tables["tuned"].groupby("schedule"):
        colour = c.shades(name, 1)[0]
        fit = tables["fit_gamma_star"].set_index("schedule").loc[name]
        grid = np.linspace(0.8 * rows.total_steps.min(), 1.2 * rows.total_steps.max(), 100)
        label = rf"{name}: $\gamma^\star = {fit.factor:.2f}\, T^{{{fit.exponent:.3f}}}$"
        axes.plot(grid, fit.factor * grid**fit.exponent, "--", color=colour, label=label)
        axes.plot(rows.total_steps, rows.base_lr, "o", color=colour, mec="black")
    axes.set(xlabel="Horizon $T$", ylabel=r"Optimal base learning rate $\gamma^\star$", ylim=(0, None))
    axes.legend(loc="upper right")
    return figure


def multiple_base_lr(table):
    """Omega_t of cosine and wsd at several base learning rates."""
    figure, axes = plt.subplots()
    for _, _, colour, rows in curves(table, "base_lr"):
        axes.plot(rows.t, rows.omega, color=colour)
    groups = {
        rf"{name}, $\gamma = {rows.base_lr.min():g}$ to ${rows.base_lr.max():g}$": c.shades(name, rows.base_lr.nunique())
        for name, rows in table.groupby("schedule")
    }
    handles = [c.Line2D([], [], color=colours[-1]) for colours in groups.values()]
    axes.legend(handles, list(groups), title="light to dark, small to large $\\gamma$:", title_fontsize=8.5, loc="upper right")
    axes.set(xlabel=c.STEP, ylabel=c.BOUND, xlim=(0, None), ylim=(0.02, 0.45))
    return figure


def only_convergence(table):
    """Omega_t of cosine and wsd at long horizons, each schedule at one base learning rate."""
    figure, axes = plt.subplots()
    for _, _, colour, rows in curves(table, "total_steps"):
        axes.plot(rows.t, rows.omega, color=colour)
    groups = {
        rf"{name}, $\gamma = {rows.base_lr.iloc[0]:g}$": c.shades(name, rows.total_steps.nunique())
        for name, rows in table.groupby("schedule")
    }
    last = table[table.t == table.total_steps].omega
    axes.set(xlabel=c.STEP, ylabel=c.BOUND, xlim=(0, None), ylim=(0.7 * last.min(), 6 * last.max()))
    c.shade_legend(axes, groups, [f"{v / 1000:g}k" for v in sorted(table.total_steps.unique())], "$T$", loc="upper right")
    return figure


if __name__ == "__main__":
    c.run_draw(draw)
