"""Curves of one hue per schedule, the values of a column from light to dark, and their legend."""

from collections.abc import Callable
from dataclasses import dataclass

import matplotlib.pyplot as plt

from lastiterate.draw import common as c


@dataclass(frozen=True)
class Hues:
    """The column whose values are the shades, its symbol in the legend, the order from light to dark, and a value as text."""

    by: str
    symbol: str
    order: Callable = sorted
    text: Callable = "{:g}".format

    def curves(self, table):
        """Yield (schedule, value, its colour, its rows)."""
        for name, rows in table.groupby("schedule"):
            values = self.order(rows[self.by].unique())
            for value, colour in zip(values, c.shades(name, len(values)), strict=True):
                yield name, value, colour, rows[rows[self.by] == value]

    def legend(self, owner, table, *, rates=False, **options):
        """Legend (of axes or of a figure) of the hues; with `rates`, it names the base learning rates of each schedule."""
        groups, lines = {}, {}
        for name, rows in table.groupby("schedule"):
            label = rf"{name}, $\gamma = {', '.join(f'{v:g}' for v in sorted(rows.base_lr.unique()))}$" if rates else name
            groups[label], lines[label] = c.shades(name, rows[self.by].nunique()), c.line(name)
        values = [self.text(value) for value in self.order(table[self.by].unique())]
        c.shade_legend(owner, groups, values, self.symbol, lines=lines, **options)

    def lr_sweep(self, tables):
        """Figure of Omega_T against gamma, the optimum of each curve marked, from tables lr_sweep and tuned."""
        figure, axes = plt.subplots()
        best = tables["tuned"].set_index(["schedule", self.by])
        for name, value, colour, rows in self.curves(tables["lr_sweep"]):
            axes.plot(rows.base_lr, rows.omega, color=colour, ls=c.line(name), alpha=0.8)
            axes.plot(*best.loc[(name, value), ["base_lr", "omega"]], "o", color=colour, mec="black", zorder=5)
        c.loglog(axes)
        axes.set(xlabel=c.BASE_LR, ylabel=c.FINAL_BOUND)
        self.legend(figure, tables["lr_sweep"], loc="outside upper center", ncols=2)
        return figure


HORIZONS = Hues("total_steps", "$T$")
LONG_HORIZONS = Hues("total_steps", "$T$", text=lambda steps: f"{steps / 1000:.3g}k")
RATES = Hues("base_lr", r"$\gamma$")
EXPONENTS = Hues("exponent", r"$\alpha$", order=list)  # as in the config, from constant norms to those that fall fastest
