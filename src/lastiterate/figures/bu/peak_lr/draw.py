"""peak_lr: final losses against the peak learning rate, the law's fits, and how they compare with a parabola."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

from lastiterate.draw import common as c

MOST = 6  # groups shown
KINDS = {"all": "all runs", "without_diverged": "without diverged runs"}


def draw(tables, parameters):
    """Panels figure6, r2 and leave_one_out."""
    fits = tables["fits"]
    yield "figure6", figure6(fits[fits.runs == "without_diverged"], tables["points"])
    yield "r2", r2(fits)
    yield "leave_one_out", leave_one_out(fits[fits.runs == "without_diverged"])


def figure6(fits, points):
    """For each architecture the group of median R2: losses and fit."""
    typical = [rows.sort_values("r2").iloc[len(rows) // 2] for _, rows in fits.groupby(["n_params", "model"])][:MOST]
    figure, grid = c.small_multiples(len(typical), r"Peak learning rate $\gamma$", "Final loss")
    for axes, fit in zip(grid, typical, strict=True):
        rows = points[(points.group == fit.group) & ~points.diverged]
        lr = np.geomspace(rows.base_lr.min(), rows.base_lr.max(), 100)
        axes.plot(rows.base_lr, rows.loss, "o", ms=4, color=c.CATEGORICAL[0])
        axes.plot(lr, fit.linf + fit.inverse / lr + fit.linear * lr, color=c.CATEGORICAL[4], lw=1.3)
        title = f"N = {fit.n_params / 1e9:.2g}B, D = {fit.tokens / 1e9:.3g}B, batch {fit.batch_size:g}\n$R^2$ = {fit.r2:.3f}"
        axes.set_title(title, fontsize=8)
        axes.set(xscale="log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    return figure


def r2(fits):
    """Share of groups whose R2 is at least a value, for the law and the parabola."""
    figure, axes = plt.subplots()
    for (kind, name), colour in zip(KINDS.items(), (c.CATEGORICAL[4], c.CATEGORICAL[0]), strict=True):
        rows = fits[fits.runs == kind]
        for column, style, what in (("r2", "-", "law"), ("r2_parabola", ":", "parabola")):
            values = np.sort(rows[column])
            axes.plot(values, 1 - np.arange(values.size) / values.size, style, color=colour, label=f"{what}, {name}")
    axes.axvline(0.95, color="grey", ls="--", lw=1)
    axes.set(xlabel="$R^2$ in sample", ylabel="Share of groups at or above", xlim=(0.3, 1), ylim=(0, 1.02))
    axes.legend(loc="lower left", fontsize=8)
    return figure


def leave_one_out(fits):
    """Mean error at learning rates left out: law against parabola, one point per group."""
    figure, axes = plt.subplots()
    axes.plot(fits.left_out_parabola, fits.left_out, "o", ms=3, color=c.CATEGORICAL[0], label="all")
    axes.plot(fits.left_out_inside_parabola, fits.left_out_inside, "x", ms=4, color=c.CATEGORICAL[4], label="inside the range")
    ends = [fits.filter(like="left_out").min().min(), fits.filter(like="left_out").max().max()]
    axes.plot(ends, ends, color="grey", lw=1)
    c.loglog(axes)
    axes.set(xlabel="Error of a parabola in log LR", ylabel="Error of the law (4.1)")
    axes.legend()
    return figure


if __name__ == "__main__":
    c.run_draw(draw)
