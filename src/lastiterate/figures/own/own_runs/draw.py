"""own_runs: this project's own sweeps over base learning rates, horizons, schedules and seeds."""

import matplotlib.pyplot as plt
import numpy as np

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
    """Final loss against the base learning rate at every horizon; each seed is a line, the parabola's minimum a bar."""
    figure, axes = plt.subplots()
    losses, best = losses[losses.label == label], best[(best.label == label) & (best.inside == 1)]
    horizons = sorted(losses.total_steps.unique())
    for horizon, colour in zip(horizons, c.shades("wsd", len(horizons)), strict=True):
        rows = losses[losses.total_steps == horizon]
        for seed, run in rows.groupby("seed"):
            name = rf"$T = {c.thousands(horizon)}$" if seed == rows.seed.min() else None
            axes.plot(run.base_lr, run.final_val_loss, "o-", ms=3, lw=1, color=colour, label=name)
        found = best[best.total_steps == horizon]
        axes.plot(found.best_base_lr, found.best_loss, "|", ms=12, mew=1.5, color=colour)
    c.swept(axes, losses.base_lr)
    axes.set_ylabel(c.FINAL_LOSS)
    axes.legend(fontsize=8)
    return figure


def best_lr(best, exponents, labels):
    """Best base learning rates against the horizon with fitted power laws, and the bound's slope through the middle."""
    figure, axes = plt.subplots()
    for label, colour, marker in zip(labels, c.CATEGORICAL, "osD^v", strict=False):
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
    for (label, rows), colour in zip(table[table.base_lr > 0].groupby("label"), (*c.CATEGORICAL, *c.shades("viridis", 8)), strict=False):
        right.errorbar(
            rows.base_lr, rows.difference, yerr=rows.half_width.fillna(0), fmt="o-", ms=3, lw=1, capsize=2, color=colour, label=label
        )
    right.axhline(0, color="#8C8C8C", lw=1)
    c.swept(right, table[table.base_lr > 0].base_lr)
    right.set_ylabel(f"Loss minus that of {reference}")
    right.legend(fontsize=7, ncols=2)
    return figure


def extensions(table):
    """What adapting an extension gains over the same learning rate, at every base learning rate."""
    figure, axes = plt.subplots()
    for (label, rows), colour in zip(table.groupby("label"), c.CATEGORICAL, strict=False):
        axes.errorbar(
            rows.base_lr, rows.difference, yerr=rows.half_width.fillna(0), fmt="o-", ms=4, lw=1.2, capsize=2, color=colour, label=label
        )
    axes.axhline(0, color="#8C8C8C", lw=1)
    c.swept(axes, table.base_lr)
    axes.set_ylabel("Loss minus that of the same learning rate")
    axes.legend()
    return figure


if __name__ == "__main__":
    c.run_draw(draw)
