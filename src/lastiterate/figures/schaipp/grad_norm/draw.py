"""grad_norm: how gradient norms depend on the base learning rate, on the step, and on the sum of learning rates so far."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c
from lastiterate.draw.hues import RATES

NORM = r"Gradient norm $\|g_t\|$"
LOSS = "Training loss"


def draw(tables, parameters):
    """Panels mean_grad_norm, log_grad_norm, log_train_loss, over_time and scatter."""
    yield "mean_grad_norm", mean_grad_norm(tables["mean"], tables["mean_fits"])
    yield "log_grad_norm", beside_lr(tables["curves"], "grad_norm", ylabel=NORM, yscale="log")
    losses = tables["losses"]
    late = losses[losses.step > losses.step.max() / 10].train_loss
    yield "log_train_loss", beside_lr(losses, "train_loss", ylabel=LOSS, ylim=(late.min() - 0.05, late.max() + 0.3))
    yield "over_time", over_time(tables["curves"])
    yield "scatter", scatter(tables["curves"])


def mean_grad_norm(table, fits):
    """Mean norm of each run against its base learning rate, with a power law per schedule."""
    figure, axes = plt.subplots()
    styles = c.schedule_styles(fits.schedule)
    for fit in fits.itertuples():
        rows, marker = table[table.schedule == fit.schedule], styles[fit.schedule].marker
        colour = c.shades(fit.schedule, 1)[0]
        grid = np.geomspace(table.base_lr.min() / 1.3, table.base_lr.max() * 1.3, 100)
        label = rf"{fit.schedule}: ${fit.factor:.4f}\,\gamma^{{-{fit.beta:.3f}}}$"
        axes.plot(grid, fit.factor * grid**-fit.beta, ls=c.line(fit.schedule), color=colour, label=label)
        axes.plot(rows.base_lr, rows.mean_grad_norm, marker, color=colour, mec="black")
    c.loglog(axes)
    axes.set(xlabel=c.BASE_LR, ylabel="Mean gradient norm")
    axes.legend(loc="upper right")
    return figure


def beside_lr(table, column, **axes):
    """A smoothed column beside the learning rates of the runs."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    for name, _, colour, rows in RATES.curves(table):
        left.plot(rows.step, rows[column], color=colour, ls=c.line(name), lw=1.2)
        right.plot(rows.step, rows.lr, color=colour, ls=c.line(name), lw=1.4)
    left.set(xlabel=c.STEP, xlim=(0, None), **axes)
    right.set(xlabel=c.STEP, ylabel=c.LR, xlim=(0, None), ylim=(0, None))
    RATES.legend(figure, table, loc="outside upper center", ncols=2)
    return figure


def over_time(table):
    """Smoothed norms and the fits over time, one axes per schedule."""
    names = sorted(table.schedule.unique())
    figure, all_axes = plt.subplots(1, len(names), figsize=c.WIDE, sharey=True, squeeze=False)
    for name, base_lr, colour, rows in RATES.curves(table):
        axes = all_axes[0, names.index(name)]
        axes.plot(rows.step, rows.grad_norm, color=colour, lw=0.7)
        axes.plot(rows.step, rows.fitted, color=colour, ls="--", label=rf"$\gamma = {base_lr:g}$")
    for name, axes in zip(names, all_axes[0], strict=True):
        axes.set(xlabel=c.STEP, title=name, xlim=(0, None), yscale="log", ylim=(None, 2.5 * table.grad_norm.max()))
        axes.legend(loc="upper right", ncols=2)
    all_axes[0, 0].set(ylabel=NORM)
    return figure


def scatter(table):
    """Smoothed norms against the sum of learning rates so far."""
    figure, axes = plt.subplots()
    for _, _, colour, rows in RATES.curves(table):
        axes.plot(rows.lr_sum, rows.grad_norm, ".", color=colour, ms=2.5)
    c.loglog(axes)
    axes.set(xlabel=r"Sum of learning rates $\sum_{s \leq t} \gamma \eta_s$", ylabel=NORM)
    RATES.legend(figure, table, loc="outside upper center", ncols=2)
    return figure
