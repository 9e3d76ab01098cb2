"""cooldown_length_logs: what the cooldown fraction does to trained models."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels convergence, cooldown_range, lr_sweep and best_lr."""
    yield "convergence", convergence(tables["convergence"])
    yield "cooldown_range", cooldown_range(tables["final_losses"], parameters.get("cooldown_range_base_lr"))
    yield "lr_sweep", lr_sweep(tables["final_losses"], tables["fits"])
    yield "best_lr", best_lr(tables["fits"], tables["theory"])


def convergence(table):
    """Validation loss along training of the best run for each cooldown."""
    figure, axes = plt.subplots()
    for cooldown, rows in table.groupby("cooldown"):
        axes.plot(rows.step, rows.val_loss, color=c.fraction_map()(cooldown), lw=1.4)
    last = table[table.step == table.step.max()].val_loss
    axes.set(xlabel=c.STEP, ylabel=c.loss_label(table, c.LOGGED_LOSS), xlim=(0, None), ylim=(last.min() - 0.03, last.min() + 0.55))
    c.fraction_bar(figure, axes, c.COOLDOWN)
    return figure


def cooldown_range(table, base_lrs):
    """Final loss against the cooldown fraction at fixed base learning rates (the three largest if none are named)."""
    figure, axes = plt.subplots()
    base_lrs = base_lrs or np.sort(table.base_lr.unique())[-3:]
    for i, (base_lr, colour) in enumerate(zip(sorted(base_lrs), c.shades("Blues", len(base_lrs)), strict=True)):
        marker = c.MARKERS[i % len(c.MARKERS)]
        rows = table[np.isclose(table.base_lr, base_lr)].sort_values("cooldown")
        axes.plot(rows.cooldown, rows.final_val_loss, marker=marker, color=colour, label=rf"$\gamma = {base_lr:g}$")
    axes.set(xlabel=c.COOLDOWN, ylabel=c.loss_label(table, c.FINAL_LOSS), xlim=(0, 1.03))
    axes.legend(loc="upper right")
    return figure


def lr_sweep(table, fits):
    """Final loss against the base learning rate with the fits in the bound's form, minima marked."""
    figure, axes = plt.subplots()
    grid = np.geomspace(table.base_lr.min() / 1.3, table.base_lr.max() * 2, 200)
    for fit in fits.itertuples():
        colour = c.fraction_map()(fit.cooldown)
        rows = table[table.cooldown == fit.cooldown]
        axes.plot(rows.base_lr, rows.final_val_loss, "o", color=colour, mec="black", mew=0.5)
        axes.plot(grid, fit.inverse / grid + fit.linear * grid + fit.floor, color=colour, lw=1.4)
        if np.isfinite(fit.best_base_lr):
            value = 2 * np.sqrt(fit.inverse * fit.linear) + fit.floor
            axes.plot(fit.best_base_lr, value, "|", color=colour, ms=12, mew=1.5)
    best = table.final_val_loss.min()
    axes.set(xscale="log", xlabel=c.BASE_LR, ylabel=c.loss_label(table, c.FINAL_LOSS), ylim=(best - 0.01, best + 0.09))
    c.fraction_bar(figure, axes, c.COOLDOWN)
    return figure


def best_lr(fits, theory):
    """The fits' best base learning rates, and their log-distance to that of the longest cooldown, over the bound's."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    left.plot(fits.cooldown, fits.best_base_lr * 1e3, "o-", color=c.CATEGORICAL[0])
    left.set(xlabel=c.COOLDOWN, ylabel=r"Best base learning rate $\gamma_c \times 10^3$", xlim=(0, 1.03), ylim=(0, None))
    longest = fits.cooldown.max()
    right.plot(theory.cooldown, theory.log_ratio, "--", color=c.CATEGORICAL[1], label="bound, same schedules")
    right.plot(fits.cooldown, fits.log_ratio, "o-", color=c.CATEGORICAL[4], label="fits to final losses")
    right.legend(loc="upper right")
    right.set(xlabel=c.COOLDOWN, ylabel=rf"$\ln \gamma_{{{longest:g}}} - \ln \gamma_c$", xlim=(0, 1.03))
    return figure
