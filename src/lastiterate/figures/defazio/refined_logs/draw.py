"""refined_logs: schedules refined from the gradient norms of language models at several base learning rates."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c
from lastiterate.figures.defazio import refined_curves as r


def draw(tables, parameters):
    """Panels schedules and diagnosis."""
    yield "schedules", schedules(tables["schedules"])
    yield "diagnosis", diagnosis(tables["diagnosis"], tables["bounds"])


def schedules(table):
    """Smoothed norms (above) and refined schedules (below), a column for each schedule of the logged run."""
    names = sorted(table.schedule_name.unique())
    base_lrs = sorted(table.base_lr.unique())
    figure, axes = plt.subplots(2, len(names), figsize=(4.6 * len(names), 5.6), sharex=True, sharey="row", squeeze=False)
    groups = {name: c.shades(name, len(base_lrs)) for name in names}
    for name, (upper, lower) in zip(names, axes.T, strict=True):
        for base_lr, colour in zip(base_lrs, groups[name], strict=True):
            rows = table[(table.schedule_name == name) & (table.base_lr == base_lr)]
            upper.plot(rows.progress, rows.grad_norm, color=colour)
            lower.plot(rows.progress, rows.lr, color=colour)
        lower.plot([0, 1], [1, 0], color="black", ls="-.", lw=0.8)
        upper.set(yscale="log", xlim=(0, 1))
        lower.set(xlabel=r.PROGRESS, ylim=(0, 1.04))
    axes[0, 0].set(ylabel="Gradient norm, running median")
    axes[1, 0].set(ylabel=r.REFINED)
    labels = {f"norms of {name} runs": colours for name, colours in groups.items()}
    c.shade_legend(figure, labels, [f"{v:g}" for v in base_lrs], r"base learning rate $\gamma$", loc="outside upper center", ncols=2)
    return figure


def diagnosis(table, bounds):
    """Warmup, power of the decay, and gain in the bound against the base learning rate."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12.5, 3.4))
    refined = bounds[bounds.schedule == "refined"]
    for name, rows in table.groupby("schedule_name"):
        colour = c.shades(name, 1)[0]
        left.plot(rows.base_lr, rows.warmup, "o-", color=colour, label=f"norms of {name} runs")
        middle.plot(rows.base_lr, rows.decay_power, "o-", color=colour)
        gain = refined[refined.schedule_name == name]
        right.plot(gain.base_lr, gain.ratio, "o-", color=colour)
    left.set(ylabel="Warmup (fraction of the run)", ylim=(0, None))
    middle.axhline(1.0, color="black", ls="-.", lw=0.8)
    middle.set(ylabel="Power of the decay", ylim=(0, None))
    right.axhline(1.0, color="black", ls="-.", lw=0.8)
    right.set(ylabel=r"$\Omega_T$ of refined / of linear decay", ylim=(0, 1.05))
    for axes in (left, middle, right):
        axes.set(xscale="log", xlabel="Base learning rate of the logged run")
    left.legend(loc="lower left")
    return figure


if __name__ == "__main__":
    c.run_draw(draw)
