"""own_runs: this project's own sweeps over base learning rates, horizons, schedules and seeds."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels lr_sweep_MODEL, best_lr_MODEL, differences_MODEL, and extensions_MODEL where there are any."""
    for model in parameters["models"]:
        only = {name: table[table.model_name == model] for name, table in tables.items()}
        yield f"lr_sweep_{model}", lr_sweep(only["losses"], only["best"], parameters["horizon_labels"][0])
        yield f"best_lr_{model}", best_lr(only["best"], only["exponents"], parameters["horizon_labels"])
        yield f"differences_{model}", differences(only["differences"], parameters["compare"]["reference"])
        if "extensions" in only:
            yield f"extensions_{model}", extensions(only["extensions"])


def lr_sweep(losses, best, label):
    """Final loss against the base learning rate at every horizon, mean and range over the seeds; bars are the minima of parabolas."""
    figure, axes = plt.subplots()
    losses, best = losses[losses.label == label], best[(best.label == label) & (best.inside == 1)]
    horizons = sorted(losses.total_steps.unique())
    colours = dict(zip(horizons, c.shades("wsd", len(horizons)), strict=True))
    look = {"marker": "o", "ms": 4, "lw": 1.2, "mew": 0, "errorbar": ("pi", 100)}
    seaborn.lineplot(losses, x="base_lr", y="final_val_loss", hue="total_steps", palette=colours, ax=axes, **look)
    for row in best.itertuples():
        axes.plot(row.best_base_lr, row.best_loss, "|", ms=12, mew=1.5, color=colours[row.total_steps])
    c.swept(axes, losses.base_lr)
    axes.set_ylabel(c.FINAL_LOSS)
    handles, _ = axes.get_legend_handles_labels()
    axes.get_legend().remove()
    names = [f"$T = {c.thousands(horizon)}$" for horizon in horizons]
    figure.legend(handles, names, loc="outside upper center", ncols=min(len(names), 5), handlelength=1.2)
    return figure


def best_lr(best, exponents, labels):
    """Best base learning rates against the horizon with fitted power laws, and the bound's slope through the middle."""
    figure, axes = plt.subplots()
    for label, (colour, _, marker) in c.schedule_styles(labels).items():
        rows = best[(best.label == label) & (best.inside == 1)]
        fit = exponents[exponents.label == label]
        if rows.empty or fit.empty:
            continue
        fit = fit.iloc[0]
        spread = f" \\pm {fit.half_width:.2f}" if np.isfinite(fit.half_width) else ""
        axes.plot(
            rows.total_steps,
            rows.best_base_lr,
            marker,
            ms=4,
            color=colour,
            label=rf"{label}: $T^{{{fit.exponent:.2f}{spread}}}$, {fit.seeds} seeds",
        )
        horizons = np.array(sorted(rows.total_steps.unique()))
        middle = np.exp(np.log(rows.best_base_lr).mean()), np.exp(np.log(rows.total_steps).mean())
        axes.plot(horizons, middle[0] * (horizons / middle[1]) ** fit.exponent, color=colour, lw=1)
        axes.plot(
            horizons,
            middle[0] * (horizons / middle[1]) ** fit.bound_exponent,
            "--",
            color=colour,
            lw=1,
            label=rf"bound: $T^{{{fit.bound_exponent:.2f}}}$",
        )
    c.loglog(axes)
    axes.set(xlabel=c.HORIZON, ylabel=r"Best base learning rate")
    axes.legend(fontsize=8)
    return figure


def differences(table, reference):
    """Paired differences to the reference schedule: at its own best learning rate each (left), and at equal ones (right)."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE, width_ratios=(1, 1.6))
    tuned = table[table.base_lr == 0].sort_values("difference")
    order = np.arange(len(tuned))
    left.errorbar(tuned.difference, order, xerr=tuned.half_width.fillna(0), fmt="o", color="black", capsize=2)
    left.axvline(0, color="#8C8C8C", lw=1)
    left.set(yticks=order, yticklabels=tuned.label, xlabel=f"Best loss minus that of {reference}")
    styles = c.schedule_styles(table.label)
    for label, rows in table[table.base_lr > 0].groupby("label"):
        error = rows.half_width.fillna(0)
        right.errorbar(rows.base_lr, rows.difference, yerr=error, **styles[label].both, ms=4, lw=1, capsize=2, label=label)
    right.axhline(0, color="#8C8C8C", lw=1)
    c.swept(right, table[table.base_lr > 0].base_lr)
    right.set_ylabel(f"Loss minus that of {reference}")
    c.legend_above(figure, right, ncols=5)
    return figure


def extensions(table):
    """What adapting an extension gains over the same learning rate, at every base learning rate."""
    figure, axes = plt.subplots()
    styles = c.schedule_styles(table.label)
    for label, rows in table.groupby("label"):
        error = rows.half_width.fillna(0)
        axes.errorbar(rows.base_lr, rows.difference, yerr=error, **styles[label].both, ms=4, lw=1.2, capsize=2, label=label)
    axes.axhline(0, color="#8C8C8C", lw=1)
    c.swept(axes, table.base_lr)
    axes.set_ylabel("Loss minus that of the same learning rate")
    axes.legend()
    return figure
