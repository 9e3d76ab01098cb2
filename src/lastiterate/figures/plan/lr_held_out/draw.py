"""lr_held_out: distribution of the regret of transferred learning rates, beside a published formula and the rate kept."""

from lastiterate.draw import common as c
from lastiterate.draw.grids import ecdf

RULES = {"regret": "fitted to the rest", "published_regret": "published formula", "kept_regret": "kept from the next shorter"}


def draw(tables, parameters):
    """Panel regret."""
    groups = tables["groups"]
    cells = list(dict.fromkeys(zip(groups.source, groups.kind, strict=True)))
    figure, grid = c.small_multiples(len(cells), "Regret (left end: 1e-4 and below)", "Share of groups", sharey=True)
    for axes, (source, kind) in zip(grid, cells, strict=True):
        rows = groups[(groups.source == source) & (groups.kind == kind)]
        ecdf(axes, rows, RULES, least=1e-4)
        axes.set(xscale="log", ylim=(0, 1), xlabel=axes.get_xlabel() or "")
        axes.set_title(f"{source}: {kind} left out", fontsize=8)
        axes.legend(fontsize=6)
    yield "regret", figure
