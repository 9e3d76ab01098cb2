"""cifar_sweep: inverse-sqrt and inverse-linear decays against linear decay."""

import matplotlib.pyplot as plt

from lastiterate.draw import common as c

FAMILIES = ("inverse-sqrt", "inverse-linear")


def draw(tables, parameters):
    """Panels curves and final."""
    noises = tables["final"].label_noise.unique()
    yield "curves", curves(tables, noises)
    yield "final", final(tables["final"], noises)


def curves(tables, noises):
    """Training loss of every run of each family, its best in colour, and tuned linear decay in black."""
    figure, panels = plt.subplots(len(noises), 2, figsize=(9.2, 3.2 * len(noises)), squeeze=False, sharex=True, sharey="row")
    for row, noise in zip(panels, noises, strict=True):
        chosen = {name: table[table.label_noise == noise] for name, table in tables.items()}
        reference = one_curve(chosen, "linear")
        for axes, family, colour in zip(row, FAMILIES, c.CATEGORICAL[3:5], strict=True):
            table = chosen["curves"][chosen["curves"].family == family]
            for _, run in table.groupby(["offset", "base_lr"]):
                axes.plot(run.t, run.loss, color="#BBBBBB", lw=0.6)
            best = one_curve(chosen, family)
            label = rf"best {family}: offset {best.offset.iloc[0]:g}, $\gamma = {best.base_lr.iloc[0]:g}$"
            axes.plot(best.t, best.loss, color=colour, label=label)
            axes.plot(reference.t, reference.loss, color="black", label=rf"linear decay, $\gamma = {reference.base_lr.iloc[0]:g}$")
            axes.set(yscale="log", ylim=(0.7 * min(best.loss.min(), reference.loss.min()), 2.5), xlim=(0, None), title=title(noise))
            axes.legend(loc="lower left")
        row[0].set_ylabel("Training loss")
    for axes in panels[-1]:
        axes.set_xlabel(c.STEP)
    return figure


def one_curve(tables, family):
    """The curve of the family's run with the least final loss."""
    table = tables["final"][tables["final"].family == family]
    best = table.loc[table.loss.idxmin()]
    rows = tables["curves"]
    return rows[(rows.family == family) & (rows.offset == best.offset) & (rows.base_lr == best.base_lr)]


def final(table, noises):
    """Final training loss against the base learning rate for every offset, beside linear decay."""
    figure, panels = plt.subplots(len(noises), 2, figsize=(9.2, 3.2 * len(noises)), squeeze=False, sharex=True, sharey="row")
    for row, noise in zip(panels, noises, strict=True):
        here = table[table.label_noise == noise]
        reference = here[here.family == "linear"]
        for axes, family in zip(row, FAMILIES, strict=True):
            offsets = sorted(here[here.family == family].offset.unique())
            for offset, colour in zip(offsets, c.shades("Oranges", len(offsets)), strict=True):
                run = here[(here.family == family) & (here.offset == offset)]
                axes.plot(run.base_lr, run.loss, "o-", ms=3, lw=1.2, color=colour, label=f"offset {offset:g}")
            axes.plot(reference.base_lr, reference.loss, "o-", ms=3, color="black", label="linear decay")
            axes.set(xscale="log", yscale="log", ylim=(0.7 * here.loss.min(), 3), title=f"{family}, {title(noise)}")
        row[0].set_ylabel("Final training loss")
        row[0].legend(loc="best", fontsize=7)
    for axes in panels[-1]:
        axes.set_xlabel(c.BASE_LR)
    return figure


def title(noise):
    """Title of a row of axes."""
    return f"{100 * noise:g} % of the labels redrawn" if noise else "labels as they are"


if __name__ == "__main__":
    c.run_draw(draw)
