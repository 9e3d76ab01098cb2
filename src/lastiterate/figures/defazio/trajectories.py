"""The drawing of learning rates and excess losses along runs."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c


def trajectories(table, by, colours):
    """Learning rates and excess losses (with two standard errors) along the runs, one colour for each value of `by`; its axes."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    for name, rows in table.groupby(by, sort=False):
        left.plot(rows.t, rows.lr, color=colours[name])
        right.plot(rows.t, rows.excess, color=colours[name], label=name)
        right.fill_between(rows.t, rows.excess - 2 * rows.excess_se, rows.excess + 2 * rows.excess_se, color=colours[name], alpha=0.2, lw=0)
    left.set(xlabel=c.STEP, ylabel=c.LR, xlim=(0, None), ylim=(0, None))
    right.set(xlabel=c.STEP, ylabel="Excess loss $f(x_t) - f^\\star$", xlim=(0, None), yscale="log")
    return figure, left, right
