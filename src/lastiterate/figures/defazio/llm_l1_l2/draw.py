"""llm_l1_l2: schedules of language models refined from l2 and from l1 gradient norms."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c
from lastiterate.figures.defazio import refined_curves as r

KINDS = {"l2": r"$\ell_2$ norms, weights $G_t^{-2}$", "l1": r"$\ell_1$ norms, weights $1/\|g_t\|_1$"}


def draw(tables, parameters):
    """Panel schedules: a column for each norm, a row for each size."""
    table, spread = tables["schedules"], tables["spread"].astype({"n_params": str}).set_index(["n_params", "norm"])
    sizes, rates = sorted(table.n_params.unique()), sorted(table.base_lr.dropna().unique())
    colours = dict(zip(rates, c.shades("viridis_r", len(rates)), strict=True))
    together = any(spread.loc[(str(size), kind)].runs == 0 for size in sizes for kind in KINDS)  # no size has both norms
    groups = [sizes] if together else [[size] for size in sizes]
    figure, grid = plt.subplots(len(groups), 2, figsize=(c.WIDE[0], 2.9 * len(groups)), sharex=True, sharey=True, squeeze=False)
    for line, group in zip(grid, groups, strict=True):
        for axes, (kind, title) in zip(line, KINDS.items(), strict=True):
            for _, rows in table[(table.norm == kind) & table.n_params.isin(group)].groupby("run"):
                run = rows.iloc[0]
                axes.plot(rows.progress, rows.lr, color=colours.get(run.base_lr, "grey"), ls=c.line(str(run.schedule)), lw=1.0, alpha=0.7)
            axes.plot([0, 1], [1, 0], color="black", ls="-.", lw=0.8, label="linear decay")
            found = spread.loc[("all" if together else str(group[0]), kind)]
            note = "one run" if found.runs == 1 else f"{found.runs:.0f} runs, spread {found.spread:.2f}" if found.runs else "no run"
            model = "" if together else f"{group[0] / 1000:.0f}k parameters, "
            axes.set(xlim=(0, 1), ylim=(0, 1.04))
            axes.set_title(f"{model}{title}: {note}", fontsize=8.5)
        line[0].set(ylabel=r.REFINED)
    for axes in grid[-1]:
        axes.set(xlabel=r.PROGRESS)
    handles = {f"{rate:g}": c.Line2D([], [], color=colour) for rate, colour in colours.items()}
    handles |= {str(name): c.Line2D([], [], color="grey", ls=c.line(str(name))) for name in table.schedule.dropna().unique()}
    handles["linear decay"] = c.Line2D([], [], color="black", ls="-.", lw=0.8)
    title = "colour: base learning rate; line: schedule of the logged run"
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=6, title=title, title_fontsize=8.5)
    yield "schedules", figure
