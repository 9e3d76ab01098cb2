"""peak_lr: final losses against the peak learning rate, the law's fits, and how they compare with a parabola."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn
from matplotlib.ticker import NullFormatter

from lastiterate.draw import common as c

MOST = 6  # groups of a source that are shown
KINDS = {"all": "all runs", "without_diverged": "without diverged runs"}


def draw(tables, parameters):
    """Panels figure6, r2 and leave_one_out."""
    fits = tables["fits"]
    labels = {source: parameters.get("labels", {}).get(source, source) for source in fits.source.unique()}
    yield "figure6", figure6(fits[fits.runs == "without_diverged"], tables["points"], labels)
    yield "r2", r2(fits, labels)
    yield "leave_one_out", leave_one_out(fits[fits.runs == "without_diverged"], labels)


def figure6(fits, points, labels):
    """For each source and architecture the group of median R2: losses and fit."""
    typical = []
    for source in labels:
        of_source = fits[fits.source == source].groupby(["n_params", "model"])
        typical += [rows.sort_values("r2").iloc[len(rows) // 2] for _, rows in of_source][:MOST]
    figure, grid = c.small_multiples(len(typical), r"Peak learning rate $\gamma$", "Final loss")
    for axes, fit in zip(grid, typical, strict=True):
        rows = points[(points.group == fit.group) & ~points.diverged]
        lr = np.geomspace(rows.base_lr.min(), rows.base_lr.max(), 100)
        axes.plot(rows.base_lr, rows.loss, "o", ms=4, color=c.CATEGORICAL[0])
        axes.plot(lr, fit.linf + fit.inverse / lr + fit.linear * lr, color=c.CATEGORICAL[4], lw=1.3)
        size = f"N = {fit.n_params / 1e9:.2g}B, D = {fit.tokens / 1e9:.3g}B, batch {fit.batch_size:g}"
        experts = " ".join(part for part in str(fit.model).split() if part.startswith(("nume=", "topk=")))
        axes.set_title(f"{labels[fit.source]} {experts}\n{size}, $R^2$ = {fit.r2:.3f}", fontsize=7)
        axes.set(xscale="log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    return figure


def r2(fits, labels):
    """Share of a source's groups whose R2 is at least a value, for the law and the parabola."""
    figure, panels = plt.subplots(1, len(labels), figsize=(4.6 * len(labels), 3.4), sharey=True, squeeze=False)
    for axes, (source, label) in zip(panels[0], labels.items(), strict=True):
        for (kind, name), colour in zip(KINDS.items(), (c.CATEGORICAL[4], c.CATEGORICAL[0]), strict=True):
            rows = fits[(fits.runs == kind) & (fits.source == source)]
            for column, style, what in (("r2", "-", "law"), ("r2_parabola", ":", "parabola")):
                seaborn.ecdfplot(x=rows[column], complementary=True, ax=axes, ls=style, color=colour, label=f"{what}, {name}")
        axes.axvline(0.95, color="grey", ls="--", lw=1)
        axes.set(xlabel="$R^2$ in sample", xlim=(0.3, 1), ylim=(0, 1.02), title=label)
    panels[0, 0].set(ylabel="Share of groups at or above")
    panels[0, 0].legend(loc="lower left", fontsize=8)
    return figure


def leave_one_out(fits, labels):
    """Mean error at learning rates left out: law against parabola, one point per group."""
    figure, axes = plt.subplots()
    for (source, label), (colour, _, _) in zip(labels.items(), c.styles(labels).values(), strict=True):
        rows = fits[fits.source == source]
        axes.plot(rows.left_out_parabola, rows.left_out, "o", ms=3, color=colour, label=f"{label}: all")
        axes.plot(rows.left_out_inside_parabola, rows.left_out_inside, "x", ms=4, color=colour, label=f"{label}: inside the range")
    ends = [fits.filter(like="left_out").min().min(), fits.filter(like="left_out").max().max()]
    axes.plot(ends, ends, color="grey", lw=1)
    c.loglog(axes)
    axes.set(xlabel="Error of a parabola in log LR", ylabel="Error of the law (4.1)")
    c.legend_above(figure, ncols=2)
    return figure
