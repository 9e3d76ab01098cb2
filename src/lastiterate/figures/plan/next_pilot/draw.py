"""next_pilot: regret of the choice over the cost of the pilots, as they are advised, at random, and along a grid."""

from lastiterate.draw import common as c

WAYS = {"advised": "as advised", "random": "at random", "grid": "along a grid"}


def draw(tables, parameters):
    """Panel regret."""
    yield "regret", regret(tables["summary"])


def regret(summary):
    """Mean regret with its standard error over the mean cost, one panel per sweep."""
    sweeps = list(dict.fromkeys(summary.sweep))
    figure, grid = c.small_multiples(len(sweeps), "Cost of the pilots (long runs)", "Regret in final loss", columns=2, size=(4.6, 3.2))
    colours = (c.CATEGORICAL[4], c.CATEGORICAL[0], c.CATEGORICAL[1])
    for axes, sweep in zip(grid, sweeps, strict=True):
        for (way, label), colour in zip(WAYS.items(), colours, strict=True):
            rows = summary[(summary.sweep == sweep) & (summary.way == way)].sort_values("pilots")
            axes.errorbar(rows.cost, rows.regret, yerr=rows.error, color=colour, marker="o", ms=3, lw=1, capsize=2, label=label)
        axes.set(title=f"{sweep}, {rows.starts.iloc[0]} starts", ylim=(0, None))
    grid[-1].legend(fontsize=8)
    return figure
