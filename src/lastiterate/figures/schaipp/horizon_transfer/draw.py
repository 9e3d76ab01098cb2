"""horizon_transfer: schedules extended from a tuned first horizon, and how the extension's parameter is found."""

import math

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c

PARAMETERS = {"cooldown": c.COOLDOWN, "second_stage": r"Factor $\rho$ of the second stage"}
ADAPTED, ROOT, LINEAR = "Blues", "#D55E00", "#009E73"
TOLERANCE = 0.01  # of the bound, shown as a band of base learning rates


def draw(tables, parameters):
    """Panels extended and transfer of every extension, and lr_ratios of those with a second stage."""
    for name, entry in parameters["extensions"].items():
        chosen = {key: table[table.schedule == name] for key, table in tables.items()}
        yield f"extended_{name}", extended(chosen, entry["how"])
        yield f"transfer_{name}", transfer(chosen, PARAMETERS[entry["how"]], parameters["transfer_steps"])
        if entry["how"] == "second_stage":
            yield f"lr_ratios_{name}", lr_ratios(chosen, parameters["first_steps"])


def extended(tables, how):
    """Extended schedules beside their bounds, with the unadapted ones and the bounds of tuned linear decay."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    picks = tables["picks"].sort_values("total_steps")
    colours = c.shades(ADAPTED, len(picks))
    for total_steps, colour in zip(picks.total_steps, colours, strict=True):
        rows = tables["extended"][tables["extended"].total_steps == total_steps]
        for variant, style in (("unadapted", {"color": "#999999", "zorder": 1.5, "lw": 1.2}), ("adapted", {"color": colour})):
            curve = rows[rows.variant == variant]
            left.plot(curve.t, curve.lr, **style)
            right.plot(curve.t, curve.omega, **style)
    right.hlines(picks.linear_bound, [0, *picks.total_steps[:-1]], picks.total_steps, color=LINEAR, ls="--", zorder=3)
    lr = tables["extended"].lr
    left.set(xlabel=c.STEP, ylabel=c.LR, xlim=(0, None), ylim=(0, min(1.1 * lr.max(), 6 * lr.median())))
    right.set(xlabel=c.STEP, ylabel=c.BOUND, xlim=(0, None), ylim=(0, 3 * picks.bound.max()))
    handles = [c.Line2D([], [], color=colours[-1]), c.Line2D([], [], color="#999999"), c.Line2D([], [], color=LINEAR, ls="--")]
    labels = ["cooldown adapted" if how == "cooldown" else "second stage adapted", "same LR and cooldown", "tuned linear decay"]
    title = f"$T$: {picks.total_steps.iloc[0]} to {picks.total_steps.iloc[-1]}, light to dark"
    right.legend(handles, labels, title=title, title_fontsize=8.5, loc="upper right")
    return figure


def transfer(tables, label, total_steps):
    """log2 gamma* against the parameter at one horizon, with the root and the grid's pick."""
    figure, axes = plt.subplots()
    pick = tables["picks"].set_index("total_steps").loc[total_steps]
    trials = tables["trials"][tables["trials"].total_steps == total_steps]
    first = math.log2(pick.first_base_lr)
    width = math.acosh(1 + TOLERANCE) / math.log(2)
    axes.axhspan(first - width, first + width, color="#E0E0E0", lw=0, zorder=0, label=f"bound within {TOLERANCE:.0%} of tuned")
    axes.axhline(first, color="black", ls="--", lw=1.2, label=r"$\gamma^\star$ of the first horizon")
    axes.plot(
        trials.parameter,
        np.log2(trials.base_lr),
        "o-",
        color=c.shades(ADAPTED, 1)[0],
        ms=4,
        lw=1,
        label=rf"$\gamma^\star$ at $T = {total_steps}$",
    )
    axes.axvline(pick.parameter, color=ROOT, lw=1.2, label=f"root, {pick.parameter:.3f}")
    chosen = trials[np.isclose(trials.parameter, pick.picked)]
    axes.plot(
        chosen.parameter,
        np.log2(chosen.base_lr),
        "o",
        color=c.shades(ADAPTED, 1)[0],
        mec="black",
        ms=7,
        label=f"pick of the grid, {pick.picked:.3f}",
    )
    axes.set(xlabel=label, ylabel=r"$\log_2\,\gamma^\star$")
    c.legend_above(figure, ncols=2)
    return figure


def lr_ratios(tables, first_steps):
    """The second stage's factor against the horizon."""
    figure, axes = plt.subplots()
    roots, picks = tables["roots"], tables["picks"]
    axes.plot(roots.total_steps / first_steps, roots.parameter, color=ROOT, label="root")
    axes.plot(picks.total_steps / first_steps, picks.picked, "o", color=c.shades(ADAPTED, 1)[0], mec="black", label="pick of the grid")
    axes.set(xlabel="Horizon $T / T_0$", ylabel=PARAMETERS["second_stage"], ylim=(0.3, 1.05))
    axes.legend(loc="upper right")
    return figure
