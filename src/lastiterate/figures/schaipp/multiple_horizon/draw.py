"""multiple_horizon: cosine and wsd at several horizons."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c
from lastiterate.draw.hues import HORIZONS, LONG_HORIZONS, RATES


def draw(tables, parameters):
    """Panels lr_sweep, convergence, fit_gamma_star (each also as _ablation) multiple_base_lr and only_convergence."""
    for kind in ("last_iterate", "average_iterate"):
        chosen = {name: table[table.kind == kind] for name, table in tables.items() if "kind" in table}
        yield "lr_sweep" + c.suffix(kind), HORIZONS.lr_sweep(chosen)
        yield "convergence" + c.suffix(kind), convergence(chosen)
        yield "fit_gamma_star" + c.suffix(kind), fit_gamma_star(chosen)
    yield "multiple_base_lr", multiple_base_lr(tables["multiple_base_lr"])
    yield "only_convergence", only_convergence(tables["only_convergence"])


def convergence(tables):
    """Tuned schedules beside their bounds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    for name, _, colour, rows in HORIZONS.curves(tables["convergence"]):
        left.plot(rows.t, rows.lr, color=colour, ls=c.line(name))
        right.plot(rows.t, rows.omega, color=colour, ls=c.line(name))
    left.set(xlabel=c.STEP, ylabel=c.TUNED_LR, xlim=(0, None), ylim=(0, None))
    right.set(xlabel=c.STEP, ylabel=c.TUNED_BOUND, xlim=(0, None), ylim=(0, 0.45))
    HORIZONS.legend(right, tables["convergence"], loc="upper right")
    return figure


def fit_gamma_star(tables):
    """gamma* against the horizon, with the power law through it."""
    figure, axes = plt.subplots()
    for name, rows in tables["tuned"].groupby("schedule"):
        colour = c.shades(name, 1)[0]
        fit = tables["fit_gamma_star"].set_index("schedule").loc[name]
        grid = np.linspace(0.8 * rows.total_steps.min(), 1.2 * rows.total_steps.max(), 100)
        label = rf"{name}: $\gamma^\star = {fit.factor:.2f}\, T^{{{fit.exponent:.3f}}}$"
        axes.plot(grid, fit.factor * grid**fit.exponent, ls=c.line(name), color=colour, label=label)
        axes.plot(rows.total_steps, rows.base_lr, "o", color=colour, mec="black")
    axes.set(xlabel=c.HORIZON, ylabel=r"Optimal base learning rate $\gamma^\star$", ylim=(0, None))
    axes.legend(loc="upper right")
    return figure


def multiple_base_lr(table):
    """Omega_t of cosine and wsd at several base learning rates."""
    figure, axes = plt.subplots()
    for name, _, colour, rows in RATES.curves(table):
        axes.plot(rows.t, rows.omega, color=colour, ls=c.line(name))
    handles = {
        rf"{name}, $\gamma = {rows.base_lr.min():g}$ to ${rows.base_lr.max():g}$": c.Line2D(
            [], [], color=c.shades(name, rows.base_lr.nunique())[-1], ls=c.line(name)
        )
        for name, rows in table.groupby("schedule")
    }
    axes.legend(handles.values(), list(handles), title="light to dark, small to large $\\gamma$:", title_fontsize=8.5, loc="upper right")
    axes.set(xlabel=c.STEP, ylabel=c.BOUND, xlim=(0, None), ylim=(0.02, 0.45))
    return figure


def only_convergence(table):
    """Omega_t of cosine and wsd at long horizons, each schedule at one base learning rate."""
    figure, axes = plt.subplots()
    for name, _, colour, rows in LONG_HORIZONS.curves(table):
        axes.plot(rows.t, rows.omega, color=colour, ls=c.line(name))
    last = table[table.t == table.total_steps].omega
    axes.set(xlabel=c.STEP, ylabel=c.BOUND, xlim=(0, None), ylim=(0.7 * last.min(), 6 * last.max()))
    LONG_HORIZONS.legend(axes, table, rates=True, loc="upper right")
    return figure
