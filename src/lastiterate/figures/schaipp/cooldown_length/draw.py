"""cooldown_length: wsd with ten cooldown fractions, for each decay shape."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels lr_sweep, convergence and cooldown_range, each also as _1-sqrt, _ablation and _1-sqrt_ablation."""
    for shape in tables["tuned"].decay_shape.unique():
        for kind in ("last_iterate", "average_iterate"):
            chosen = {name: t[(t.kind == kind) & (t.decay_shape == shape)] for name, t in tables.items()}
            yield "lr_sweep" + c.suffix(kind, shape), lr_sweep(chosen)
            yield "convergence" + c.suffix(kind, shape), convergence(chosen)
            yield "cooldown_range" + c.suffix(kind, shape), cooldown_range(chosen["cooldown_range"])


def lr_sweep(tables):
    """Omega_T against gamma, optima marked, coloured by cooldown fraction."""
    figure, axes = plt.subplots()
    for cooldown, rows in tables["lr_sweep"].groupby("cooldown"):
        axes.plot(rows.base_lr, rows.omega, color=c.fraction_map()(cooldown), alpha=0.8)
    for row in tables["tuned"].itertuples():
        axes.plot(row.base_lr, row.omega, "o", color=c.fraction_map()(row.cooldown), mec="black", zorder=5)
    c.loglog(axes)
    axes.set(xlabel=c.BASE_LR, ylabel=c.FINAL_BOUND)
    c.fraction_bar(figure, axes, c.COOLDOWN)
    return figure


def convergence(tables):
    """Tuned schedules beside their bounds."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    for cooldown, rows in tables["convergence"].groupby("cooldown"):
        colour = c.fraction_map()(cooldown)
        left.plot(rows.t, rows.lr, color=colour)
        right.plot(rows.t, rows.omega, color=colour)
    left.set(xlabel=c.STEP, ylabel=c.TUNED_LR, xlim=(0, None), ylim=(0, None))
    right.set(xlabel=c.STEP, ylabel=c.TUNED_BOUND, xlim=(0, None), ylim=(0.8 * tables["tuned"].omega.min(), 0.35))
    c.fraction_bar(figure, right, c.COOLDOWN)
    return figure


def cooldown_range(table):
    """Omega_T against the cooldown fraction at fixed base learning rates."""
    figure, axes = plt.subplots()
    values = sorted(table.base_lr.unique())
    for i, (base_lr, colour) in enumerate(zip(values, c.shades("Blues", len(values)), strict=True)):
        rows, marker = table[table.base_lr == base_lr], c.MARKERS[i % len(c.MARKERS)]
        axes.plot(rows.cooldown, rows.omega, marker=marker, color=colour, label=rf"$\gamma = {base_lr:g}$")
    axes.set(xlabel=c.COOLDOWN, ylabel=c.FINAL_BOUND, xlim=(-0.02, 1.02))
    axes.legend(ncols=2, loc="best")
    return figure
