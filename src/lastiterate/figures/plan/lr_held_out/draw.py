"""lr_held_out: distribution of the regret of transferred learning rates, beside a published formula and the rate kept."""

import numpy as np

from lastiterate.draw import common as c

RULES = {"regret": "fitted to the rest", "published_regret": "published formula", "kept_regret": "kept from the next shorter"}


def draw(tables, parameters):
    """Panel regret."""
    groups = tables["groups"]
    cells = list(dict.fromkeys(zip(groups.source, groups.kind, strict=True)))
    figure, grid = c.small_multiples(len(cells), "Regret (left end: 1e-4 and below)", "Share of groups", sharey=True)
    for axes, (source, kind) in zip(grid, cells, strict=True):
        rows = groups[(groups.source == source) & (groups.kind == kind)]
        for (column, label), colour in zip(RULES.items(), (c.CATEGORICAL[4], c.CATEGORICAL[0], c.CATEGORICAL[1]), strict=True):
            values = np.sort(rows[column].dropna())
            if values.size:
                axes.step(np.maximum(values, 1e-4), np.arange(1, values.size + 1) / values.size, where="post", color=colour, label=label)
        axes.set(xscale="log", ylim=(0, 1))
        axes.set_title(f"{source}: {kind} left out", fontsize=8)
        axes.legend(fontsize=6)
    yield "regret", figure


if __name__ == "__main__":
    c.run_draw(draw)
