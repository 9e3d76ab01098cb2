"""schedule_comparison: six schedules at one horizon."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels lr_sweep and convergence, each also as _ablation."""
    for kind in ("last_iterate", "average_iterate"):
        chosen = {name: table[table.kind == kind] for name, table in tables.items()}
        styles = c.schedule_styles(chosen["tuned"].schedule)
        yield "lr_sweep" + c.suffix(kind), lr_sweep(chosen, styles)
        yield "convergence" + c.suffix(kind), convergence(chosen, styles)


def lr_sweep(tables, styles):
    """Omega_T against gamma, optima marked; the curves' order in the legend is that of their optimum's value."""
    figure, axes = plt.subplots()
    for row in tables["tuned"].sort_values("omega", ascending=False).itertuples():
        rows = tables["lr_sweep"][tables["lr_sweep"].schedule == row.schedule]
        axes.plot(rows.base_lr, rows.omega, **styles[row.schedule].curve, label=row.schedule)
        axes.plot(row.base_lr, row.omega, "o", color=styles[row.schedule].color, mec="black", zorder=5)
    c.loglog(axes)
    axes.set(xlabel=c.BASE_LR, ylabel=c.FINAL_BOUND, ylim=(0.8 * tables["tuned"].omega.min(), 1.0))
    c.legend_above(figure, ncols=3)
    return figure


def convergence(tables, styles):
    """Tuned schedules beside their bounds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    for name, rows in tables["convergence"].groupby("schedule", sort=False):
        left.plot(rows.t, rows.lr, **styles[name].curve)
        right.plot(rows.t, rows.omega, **styles[name].curve, label=name)
    left.set(xlabel=c.STEP, ylabel=c.TUNED_LR, xlim=(0, None))
    top = 1.6 * tables["tuned"].base_lr[tables["tuned"].schedule != "1/sqrt"].max()
    left.set_ylim(0, top)
    right.set(xlabel=c.STEP, ylabel=c.TUNED_BOUND, xlim=(0, None), ylim=(0, 0.35))
    right.legend(loc="upper right", ncols=2)
    return figure
