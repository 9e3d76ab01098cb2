"""chinchilla: final losses against 1/sqrt(tokens), and what straight lines leave out."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm

from lastiterate.draw import common as c

TOKENS = r"$1/\sqrt{\mathrm{tokens}}$ ($10^{-5}$)"
SIZE = "Parameters (billions)"


def draw(tables, parameters):
    """Panels figure7, linf, slope, exponent and held_out."""
    fits, points = tables["fits"], tables["points"]
    yield "figure7", figure7(fits[fits.listed], points[points.listed])
    yield "linf", linf(fits, tables["trend"])
    yield "slope", slope(fits)
    yield "exponent", exponent(fits)
    yield "held_out", held_out(fits)


def figure7(fits, points):
    """Losses and their straight lines per size."""
    figure, axes = plt.subplots(figsize=(5.2, 3.8))
    norm = LogNorm(fits["size"].min(), fits["size"].max())
    colour = lambda size: plt.get_cmap("viridis")(0.9 * norm(size))
    for fit in fits.itertuples():
        rows = points[points["size"] == fit.size]
        x = rows.tokens**-0.5
        ends = np.array([0, x.max()])
        axes.plot(x * 1e5, rows.loss, "o", ms=3, color=colour(fit.size))
        axes.plot(ends * 1e5, fit.linf + fit.slope * ends, color=colour(fit.size), lw=0.9, label=f"{fit.size:g}B")
    axes.set(xlabel=TOKENS, ylabel="Final training loss", xlim=(0, None))
    figure.legend(loc="outside right upper", fontsize=7.5)
    return figure


def linf(fits, trend):
    """Linf against the model's size, with its line over log N."""
    figure, axes = plt.subplots()
    for listed, marker, name in ((True, "o", "sizes of Table 2"), (False, "x", "other sizes")):
        rows = fits[fits.listed == listed]
        low, high = rows.linf - rows.linf_low, rows.linf_high - rows.linf
        axes.errorbar(rows["size"], rows.linf, (low.clip(0), high.clip(0)), fmt=marker, ms=4, lw=0.8, label=name)
    grid = np.geomspace(fits["size"].min(), fits["size"].max(), 50)
    for row, style in zip(trend.itertuples(), ("-", "--"), strict=True):
        label = f"{row.sizes}: slope {row.slope:.3f} per decade, $R^2$ {row.r2:.2f}"
        axes.plot(grid, row.intercept + row.slope * np.log10(grid), style, color="grey", lw=1, label=label)
    axes.set(xscale="log", xlabel=SIZE, ylabel=r"$L_\infty$")
    axes.legend(fontsize=7.5)
    return figure


def slope(fits):
    """The lines' slopes 2 q1 q2 against the model's size."""
    figure, axes = plt.subplots()
    for listed, marker, name in ((True, "o", "sizes of Table 2"), (False, "x", "other sizes")):
        rows = fits[fits.listed == listed]
        low, high = rows.slope - rows.slope_low, rows.slope_high - rows.slope
        axes.errorbar(rows["size"], rows.slope / 1e4, (low.clip(0) / 1e4, high.clip(0) / 1e4), fmt=marker, ms=4, lw=0.8, label=name)
    axes.set(xscale="log", xlabel=SIZE, ylabel=r"$2\,q_1 q_2$ ($10^4$)", ylim=(0, None))
    axes.legend(loc="lower left", fontsize=7.5)
    return figure


def exponent(fits):
    """The free exponent with its interval per size, where there is one."""
    fits = fits.dropna(subset="exponent_low")
    figure, axes = plt.subplots()
    axes.axhline(0.5, color="grey", ls="--", lw=1)
    low, high = fits.exponent - fits.exponent_low, fits.exponent_high - fits.exponent
    axes.errorbar(fits["size"], fits.exponent, (low.clip(0), high.clip(0)), fmt="none", lw=0.8, color="grey")
    for listed, marker, name in ((True, "o", "sizes of Table 2"), (False, "x", "other sizes")):
        rows = fits[fits.listed == listed]
        axes.plot(rows["size"], rows.exponent, marker, color=c.CATEGORICAL[0 if listed else 4], label=name)
    axes.set(xscale="log", xlabel=SIZE, ylabel=r"Exponent $a$ of $L_\infty + Q\,T^{-a}$", ylim=(0, 1.2))
    axes.legend()
    return figure


def held_out(fits):
    """Absolute errors at the longest horizon, from the shorter ones, where all three guesses exist."""
    known = fits.dropna(subset="held_out_error_exponent")
    fits = known if len(known) else fits
    figure, axes = plt.subplots()
    kinds = {"held_out_error": "straight line", "held_out_error_exponent": "free exponent", "held_out_error_nearest": "no progress"}
    for (key, name), style in zip(kinds.items(), c.styles(kinds).values(), strict=True):
        axes.plot(fits["size"], fits[key].abs(), **style.dots, ms=4, label=f"{name}: median {fits[key].abs().median():.3f}")
    axes.set(xscale="log", yscale="log", xlabel=SIZE, ylabel="Error at the longest horizon")
    c.legend_above(figure, ncols=2)
    return figure
