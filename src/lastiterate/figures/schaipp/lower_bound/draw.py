"""lower_bound: Omega against the exact worst case, at one horizon, at a long one, and optimised."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c

EXACT = "#000000"
SHIFTED = "#E69F00"
OMEGA = "#0072B2"


def draw(tables, parameters):
    """Panels worst_case, long_horizon and optimised."""
    scale = parameters["distance"] * parameters["grad_norm"]
    yield "worst_case", worst_case(tables["worst_case"], tables["final"], scale)
    yield "long_horizon", long_horizon(tables["long_horizon"], scale)
    yield "optimised", optimised(tables["descent"], tables["optimised"])


def worst_case(table, final, scale):
    """One pair of axes per schedule: Omega_t, the exact worst case under both steppings, and what no method can beat."""
    figure, grid = c.small_multiples(
        len(final), c.STEP, r"$f(x_t) - f^\star$ at most", size=(c.WIDE[0] / 3, 2.6), spare=1, sharex=True, sharey=True
    )
    for axes, (name, curve) in zip(grid, table.groupby("schedule", sort=False), strict=True):
        axes.plot(curve.t, curve.omega, color=OMEGA, label=r"bound $\Omega_t$")
        axes.plot(curve.t, curve.exact, color=EXACT, label=r"exact worst case, $\eta_1, \dots, \eta_{t-1}$")
        axes.plot(curve.t, curve.exact_shifted, "--", color=SHIFTED, label=r"the same, shifted: $\eta_2, \dots, \eta_t$")
        axes.plot(curve.t, scale / curve.t**0.5, ":", color="#808080", lw=1.2, label=r"no method beats $DG/\sqrt{t}$")
        end = final[final.schedule == name].iloc[0]
        axes.set_title(name)
        for height, value, colour in ((0.93, end.omega, OMEGA), (0.83, end.exact, EXACT), (0.73, end.exact_shifted, SHIFTED)):
            axes.text(0.97, height, f"{value:.4f}", color=colour, ha="right", va="top", transform=axes.transAxes)
    low = scale / table.t.max() ** 0.5
    axes.set(yscale="log", ylim=(0.7 * low, 1.6 * max(scale, table.exact.max())), xlim=(0, None))
    curves = grid[0].get_legend_handles_labels()
    figure.axes[-1].legend(*curves, loc="center", title="numbers: values at $t = T$", title_fontsize=8.5)
    return figure


def long_horizon(table, scale):
    """How far tuned worst cases stay above what no method can beat, and how far Omega is above them."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    styles = c.schedule_styles(table.schedule)
    for name, rows in table.groupby("schedule", sort=False):
        left.plot(rows.t, rows.exact * rows.t**0.5 / scale, **styles[name].curve)
        right.plot(rows.t, rows.ratio, **styles[name].curve, label=f"{name}, {rows.ratio.iloc[-1]:.3f} at $T$")
    left.axhline(1.0, color="#808080", ls=":", lw=1.2)
    left.set(xscale="log", xlabel=c.STEP, ylabel=r"Exact worst case times $\sqrt{t}/(DG)$", ylim=(0.9, None))
    right.set(xscale="log", xlabel=c.STEP, ylabel=r"$\Omega_t$ over the exact worst case")
    right.legend(loc="lower right")
    return figure


def optimised(descent, table):
    """The descents on the exact value, and the schedules that they start from and end at."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    names = list(dict.fromkeys(table.start))
    for i, (name, style) in enumerate(c.styles(names).items()):
        colour = style.color
        path, rows = (frame[frame.start == name] for frame in (descent, table))
        left.plot(path.iteration, path.exact / path.lower_bound - 1, color=colour, label=f"from {name}")
        right.plot(rows.t, rows.lr_start, ":", color=colour, lw=1.2)
        right.plot(rows.t, rows.lr, color=colour, lw=1.5 * (len(names) - i))
    some = rows.iloc[:: max(1, len(rows) // 10)]
    right.plot(some.t, some.lr_linear, "o", mfc="white", mec="#404040", label="linear decay to zero")
    right.plot([], [], ":", color="#808080", label="start, tuned")
    right.plot([], [], color="#808080", label="end")
    left.set(yscale="log", xlabel="Iteration of L-BFGS", ylabel=r"Excess over $DG/\sqrt{T}$, relative", xlim=(0, None))
    right.set(xlabel=c.STEP, ylabel=r"Learning rate $\eta_t$", xlim=(0, None), ylim=(0, 1.6 * table.lr.max()))
    right.legend(loc="upper right")
    c.legend_above(figure, left, ncols=len(names))
    return figure
