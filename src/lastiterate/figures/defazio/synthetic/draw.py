"""synthetic: made-up gradient norms and the schedules refined from them."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c
from lastiterate.figures.defazio import refined_curves as r


def draw(tables, parameters):
    """Panels schedules and bounds."""
    yield "schedules", schedules(tables["schedules"], parameters["shapes"])
    yield "bounds", r.bounds(tables["bounds"], "shape", {shape: shape for shape in parameters["shapes"]})


def schedules(table, shapes):
    """Norms (left) and schedules (right), a row for each shape."""
    figure, rows_of_axes = plt.subplots(len(shapes), 2, figsize=(9.2, 1.6 * len(shapes) + 0.5), sharex=True, squeeze=False)
    for shape, (left, right) in zip(shapes, rows_of_axes, strict=True):
        rows = table[table["shape"] == shape]
        left.axhline(1.0, color="black", ls="--", lw=0.8)
        left.plot(rows.progress, rows.grad_norm, color=c.CATEGORICAL[0])
        left.set(ylabel=r.NORM, ylim=(0, 10), xlim=(0, 1))
        left.text(0.5, 0.8, shape, transform=left.transAxes, ha="center")
        r.curve(right, rows, "lr", "refined")
        r.curve(right, rows, "lr_optimised", "optimised")
        r.curve(right, rows, "lr_resembling", "resembling")
        right.set(ylabel="LR / maximum", ylim=(0, 1.04), xlim=(0, 1))
    for axes in rows_of_axes[-1]:
        axes.set(xlabel=r.PROGRESS)
    figure.legend(*rows_of_axes[0, 1].get_legend_handles_labels(), loc="outside upper right", ncols=3)
    return figure
