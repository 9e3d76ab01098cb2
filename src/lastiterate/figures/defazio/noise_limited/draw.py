"""noise_limited: measured learning rates and losses of a convex problem against the bound."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c
from lastiterate.figures.defazio.trajectories import trajectories

EXCESS = "Excess loss $f(x_T) - f^\\star$"


def draw(tables, parameters):
    """Panels lr_sweep, best_lr, tuned_loss, convergence, cooldown and refined."""
    colours = {name: style.color for name, style in c.schedule_styles(parameters["schedules"]).items()}
    reference = parameters["reference"]
    yield "lr_sweep", lr_sweep(tables, (parameters["reference"], list(parameters["schedules"])[-2]))
    yield "best_lr", best_lr(tables, colours)
    yield "tuned_loss", tuned_loss(tables["tuned"], colours, reference)
    yield "convergence", convergence(tables["trajectories"], colours)
    yield "cooldown", cooldown(tables)
    yield "refined", refined(tables)


def lr_sweep(tables, names):
    """Excess loss against the base learning rate at every horizon."""
    figure, panels = plt.subplots(1, len(names), figsize=c.WIDE, sharey=True)
    horizons = sorted(tables["lr_sweep"].total_steps.unique())
    shades = c.shades("Blues", len(horizons))
    for axes, name in zip(panels, names, strict=True):
        for horizon, colour in zip(horizons, shades, strict=True):
            rows, best = (
                tables[key][(tables[key].schedule == name) & (tables[key].total_steps == horizon)] for key in ("lr_sweep", "tuned")
            )
            axes.plot(rows.base_lr, rows.excess, "o-", ms=2.5, lw=1.2, color=colour)
            axes.plot(2.0**best.log2_best_lr, best.excess, "|", ms=14, mew=1.5, color="#D55E00")
        c.loglog(axes)
        axes.set(xlabel=c.BASE_LR, title=name)
    panels[0].set(ylabel=EXCESS)
    c.shade_legend(figure, {"mean over seeds": shades}, [f"{h:g}" for h in horizons], "$T$", loc="outside upper center")
    return figure


def best_lr(tables, colours):
    """Best base learning rate against the horizon with the bound's prediction."""
    figure, axes = plt.subplots(figsize=(5.9, 4.2))
    fits = tables["exponents"].set_index("schedule")
    for name, rows in tables["tuned"].groupby("schedule", sort=False):
        fit = fits.loc[name]
        label = rf"{name}: ${fit.exponent:.2f} \pm {2 * fit.exponent_se:.2f}$ (bound ${fit.predicted_exponent:.2f}$)"
        low, high = (2 ** (rows.log2_best_lr + sign * 2 * rows.log2_best_lr_se) for sign in (-1, 1))
        best = 2**rows.log2_best_lr
        axes.errorbar(rows.total_steps, best, yerr=[best - low, high - best], fmt="o", ms=4, capsize=2, color=colours[name], label=label)
        axes.plot(rows.total_steps, rows.predicted_lr, color=colours[name], lw=1, ls="--")
    c.loglog(axes)
    axes.set(xlabel=c.HORIZON, ylabel=r"Best base learning rate $\gamma^\star$")
    c.legend_above(figure, ncols=2, title="exponent of $T$ (dashed: the bound with the measured $D$ and $G$)", title_fontsize=8.5)
    return figure


def tuned_loss(table, colours, reference):
    """Excess loss at the tuned base learning rate, and its paired ratio to the reference's."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    base = table[table.schedule == reference].set_index("total_steps").excess
    for number, (name, rows) in enumerate(table.groupby("schedule", sort=False)):
        left.errorbar(
            rows.total_steps, rows.excess, yerr=2 * rows.excess_se, fmt="o-", ms=3, lw=1.2, capsize=2, color=colours[name], label=name
        )
        if name != reference:
            scale = 100 / base.loc[rows.total_steps].to_numpy()
            place = rows.total_steps * 2 ** (0.08 * (number - 2))
            right.errorbar(
                place, scale * rows.difference, yerr=2 * scale * rows.difference_se, fmt="o-", ms=3, lw=1, capsize=2, color=colours[name]
            )
    right.axhline(0, color=colours[reference])
    c.loglog(left)
    right.set_xscale("log")
    left.set(xlabel=c.HORIZON, ylabel=EXCESS)
    right.set(xlabel=c.HORIZON, ylabel=f"Excess over {reference}'s, in %", ylim=(-15, None))
    left.legend()
    return figure


def convergence(table, colours):
    """Tuned schedules beside the excess loss along their runs."""
    figure, left, right = trajectories(table, "schedule", colours)
    left.set(ylabel=c.TUNED_LR)
    right.legend(ncols=2)
    return figure


def cooldown(tables):
    """Best base learning rate against the cooldown fraction, with the bound's transfer curve; and the loss there."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    measured, theory = tables["cooldown"], tables["cooldown_theory"]
    left.plot(theory.cooldown, theory.log_ratio, color=c.CATEGORICAL[4], label="bound")
    left.errorbar(
        measured.cooldown, measured.log_ratio, yerr=2 * measured.log_ratio_se, fmt="o", capsize=2, color=c.CATEGORICAL[0], label="measured"
    )
    left.set(xlabel=c.COOLDOWN, ylabel=r"$\ln \gamma^\star(1) - \ln \gamma^\star(c)$", xlim=(0, 1.03))
    left.legend()
    right.errorbar(measured.cooldown, measured.excess, yerr=2 * measured.excess_se, fmt="o-", capsize=2, color=c.CATEGORICAL[0])
    right.set(xlabel=c.COOLDOWN, ylabel=EXCESS, xlim=(0, 1.03), ylim=(0, None))
    return figure


def refined(tables):
    """Gradient norms of tuned linear decay, the refined schedules, and what they give when trained."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11.5, 3.4), width_ratios=(1, 1, 0.7))
    comparison = tables["comparison"]
    styles = c.schedule_styles(tables["refined"].schedule)
    for name, rows in tables["refined"].groupby("schedule", sort=False):
        colour = styles[name].color
        left.plot(rows.t, rows.grad_norm, color=colour, label=name)
        middle.plot(rows.t, rows.lr, color=colour)
        row = comparison[comparison.schedule == name].iloc[0]
        if name != comparison.schedule.iloc[0]:
            right.errorbar([name], [1e3 * row.difference], yerr=[2e3 * row.difference_se], fmt="o", capsize=3, color=colour)
    left.set(xlabel=c.STEP, ylabel="Gradient norm (running median)", xlim=(0, None), ylim=(0, None))
    middle.set(xlabel=c.STEP, ylabel=r"Factor $\eta_t/\gamma$", xlim=(0, None), ylim=(0, None))
    right.axhline(0, color="black")
    right.set(ylabel=rf"Loss minus {comparison.schedule.iloc[0]}'s, $\times 10^3$", xlim=(-0.6, len(comparison) - 1.4))
    left.legend(loc="lower right")
    return figure
