"""optimize_schedule: gradient descent on the bound over the schedule itself."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c

SHAPE = r"Shape $\eta_t / \eta_1$"
LINES = {"tuned linear decay": "--", "optimum": ":", "exact worst case of linear decay": "-."}


def draw(tables, parameters):
    """Panel minimize_bound and animation animated_schedule."""
    shapes = [rows for _, rows in tables["shapes"].groupby("iteration")]
    yield "minimize_bound", minimize_bound(tables, shapes)
    yield "animated_schedule", animated_schedule(shapes)


def minimize_bound(tables, shapes):
    """The bound along the descent, and the schedule's shapes."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    descent, references = tables["descent"], tables["references"].set_index("name")
    magnified = left.inset_axes([0.5, 0.4, 0.48, 0.32])
    for axes in (left, magnified):
        axes.plot(descent.iteration, descent.omega, color=c.CATEGORICAL[0], label="descent")
        for (name, line), colour in zip(LINES.items(), ("#D55E00", "#E69F00", "#009E73"), strict=True):
            axes.axhline(references.omega[name], ls=line, color=colour, lw=1.4, label=f"{name}, {references.omega[name]:.5f}")
    left.set(xlabel="Iteration of the descent", ylabel=c.FINAL_BOUND, yscale="log", xlim=(0, None), ylim=(0.08, 30))
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_formatter("")
    optimum, last = references.omega["optimum"], descent.iteration.max()
    magnified.set(xlim=(last / 2, last), ylim=(0.99 * optimum, 1.06 * optimum))
    magnified.tick_params(labelsize=7)
    left.legend(loc="upper right")
    for rows, colour in zip(shapes, c.shades("viridis_r", len(shapes)), strict=True):
        right.plot(rows.t, rows.lr / rows.lr.iloc[0], color=colour, lw=0.8)
    right.plot(shapes[-1].t, shapes[-1].lr / shapes[-1].lr.iloc[0], color=c.CATEGORICAL[1], label="end of the descent")
    right.plot(shapes[-1].t, linear(shapes[-1]), "--", color=c.CATEGORICAL[4], label="linear decay")
    right.set(xlabel=c.STEP, ylabel=SHAPE, xlim=(0, None), ylim=(0, 1.05))
    right.legend(loc="lower left")
    return figure


def linear(rows):
    """Linear decay over the steps of a shape."""
    return 1 - (rows.t - 1) / len(rows)


def animated_schedule(shapes):
    """One frame for every other logged shape, the last among them."""
    shapes = shapes[::-2][::-1]
    figure, axes = plt.subplots(figsize=(4.0, 3.0), dpi=110)
    first = shapes[0]
    axes.plot(first.t, linear(first), "--", color=c.CATEGORICAL[4], label="linear decay")
    (line,) = axes.plot(first.t, np.ones(len(first)), color=c.CATEGORICAL[0], label="schedule")
    axes.set(xlabel=c.STEP, ylabel=SHAPE, xlim=(0, None), ylim=(0, 1.05))
    axes.legend(loc="lower left")
    title = axes.set_title("iteration 0")

    def update(frame):
        rows = shapes[frame]
        line.set_ydata(rows.lr / rows.lr.iloc[0])
        title.set_text(f"iteration {rows.iteration.iloc[0]}")

    return c.Animation(figure, update, len(shapes))
