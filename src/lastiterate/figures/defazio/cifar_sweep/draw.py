"""cifar_sweep: inverse-sqrt and inverse-linear decays against linear decay."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c

FAMILIES = ("inverse-sqrt", "inverse-linear")


def draw(tables, parameters):
    """Panels curves and final."""
    yield "curves", curves(tables)
    yield "final", final(tables["final"])


def curves(tables):
    """Held-out loss of every run of each family, its best in colour, and tuned linear decay in black."""
    figure, panels = plt.subplots(1, 2, figsize=c.WIDE, sharey=True)
    reference = best_curve(tables, "linear")
    for axes, family, colour in zip(panels, FAMILIES, c.CATEGORICAL[3:5], strict=True):
        for _, run in tables["curves"][tables["curves"].family == family].groupby(["offset", "base_lr"]):
            axes.plot(run.t, run.loss, color="#BBBBBB", lw=0.6)
        best = best_curve(tables, family)
        label = rf"best of {family}: $\beta = {best.offset.iloc[0]:g}$, $\gamma = {best.base_lr.iloc[0]:g}$"
        axes.plot(best.t, best.loss, color=colour, label=label)
        axes.plot(reference.t, reference.loss, color="black", label=rf"linear decay: $\gamma = {reference.base_lr.iloc[0]:g}$")
        axes.set(xlabel=c.STEP, xlim=(0, None), ylim=(0.97 * reference.loss.min(), 2.4))
        axes.legend(loc="upper right")
    panels[0].set_ylabel("Held-out loss")
    return figure


def best_curve(tables, family):
    """The curve of the family's run with the least final loss."""
    table = tables["final"][tables["final"].family == family]
    best = table.loc[table.loss.idxmin()]
    rows = tables["curves"]
    return rows[(rows.family == family) & (rows.offset == best.offset) & (rows.base_lr == best.base_lr)]


def final(table):
    """Final held-out loss against the base learning rate for every offset, beside linear decay."""
    figure, panels = plt.subplots(1, 2, figsize=c.WIDE, sharey=True)
    reference = table[table.family == "linear"]
    for axes, family in zip(panels, FAMILIES, strict=True):
        rows = table[table.family == family]
        offsets = sorted(rows.offset.unique())
        for offset, colour in zip(offsets, c.shades("Oranges", len(offsets)), strict=True):
            run = rows[rows.offset == offset]
            axes.plot(run.base_lr, run.loss, "o-", ms=3, lw=1.2, color=colour, label=rf"$\beta = {offset:g}$")
        axes.errorbar(
            reference.base_lr, reference.loss, 2 * reference.loss_se, fmt="o-", ms=3, capsize=2, color="black", label="linear decay"
        )
        axes.set(xscale="log", xlabel=c.BASE_LR, ylim=(0.98 * table.loss.min(), 1.5 * table.loss.min()), title=family)
    panels[0].set_ylabel("Final held-out loss")
    c.legend_above(figure, panels[0], ncols=7)
    return figure
