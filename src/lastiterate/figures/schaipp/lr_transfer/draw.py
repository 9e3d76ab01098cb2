"""lr_transfer: ln gamma*(1) - ln gamma*(c) against the cooldown fraction, for each decay shape."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels transfer_curve, also as _1-sqrt (or another shape)."""
    top = 1.05 * tables["curve"].log_ratio.max()
    for shape in parameters["decay_shapes"]:
        chosen = [tables[name][tables[name].decay_shape == shape] for name in ("curve", "fits")]
        yield "transfer_curve" + c.suffix("last_iterate", shape), transfer_curve(*chosen, shape, top)


def transfer_curve(curve, fits, shape, top):
    """The log ratio at every fraction, with its polynomial fit, one shade per horizon."""
    figure, axes = plt.subplots()
    horizons = sorted(curve.total_steps.unique())
    colours = c.shades("Blues", len(horizons))
    grid = np.linspace(0, 1, 101)
    for total_steps, colour in zip(horizons, colours, strict=True):
        rows, fit = curve[curve.total_steps == total_steps], fits[fits.total_steps == total_steps]
        axes.plot(rows.cooldown, rows.log_ratio, "o", color=colour, ms=4)
        axes.plot(grid, sum(row.coefficient * grid**row.power for row in fit.itertuples()), "--", color=colour, lw=1.2)
    axes.set(xlabel=c.COOLDOWN, ylabel=r"$\ln\,\gamma^\star(1) - \ln\,\gamma^\star(c)$", xlim=(-0.02, 1.02), ylim=(-0.05, top))
    handles = [c.Line2D([], [], color=colours[-1], ls="", marker="o", ms=4), c.Line2D([], [], color=colours[-1], ls="--", lw=1.2)]
    title = f"{shape} cooldown, $T$: {horizons[0]} to {horizons[-1]}, light to dark"
    axes.legend(handles, ["optimum", f"polynomial of degree {fits.power.max()}"], title=title, title_fontsize=8.5, loc="upper right")
    return figure
