"""Grids of small multiples by seaborn, laid out like every other figure; imported only by drawings that use them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn

from lastiterate.draw.palette import styles


def relplot(table: pd.DataFrame, *, titles: str = "{col_name}", legend_title: str | None = None, **options):
    """``seaborn.relplot`` of lines with constrained layout and its legend above; the grid, whose `axes_dict` has the axes by facet."""
    with plt.rc_context({"figure.constrained_layout.use": False}):
        grid = seaborn.relplot(table, kind="line", **options)
    grid.figure.set_layout_engine("constrained")
    grid.set_titles(titles, size=9)
    if grid.legend is not None:
        handles, labels = grid.legend.legend_handles, [text.get_text() for text in grid.legend.get_texts()]
        grid.legend.remove()
        grid.figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 6), title=legend_title, title_fontsize=8.5)
    return grid


def ecdf(axes, table: pd.DataFrame, columns: dict[str, str], *, least: float | None = None, **options) -> None:
    """The share of values at or below, a step line for each column (by its label), values below `least` at it; labels of axes stay."""
    names = {"xlabel": axes.get_xlabel(), "ylabel": axes.get_ylabel()}
    for (column, label), style in zip(columns.items(), styles(columns).values(), strict=True):
        values = table[column].dropna()
        if len(values):
            shown = values if least is None else values.clip(lower=least)
            seaborn.ecdfplot(x=shown, ax=axes, **style.curve, label=label, **options)
    axes.set(**names)


def strip(axes, table: pd.DataFrame, *, x: str, y: str, colours: dict, marker: str = "o", **options) -> None:
    """One dot for every row, beside each other in their category, in its colour; the same for equal tables. Labels of axes stay."""
    names = {"xlabel": axes.get_xlabel(), "ylabel": axes.get_ylabel()}
    state = np.random.get_state()
    np.random.seed(0)  # seaborn draws the places of dots from the global stream
    try:
        order = {"order": list(colours), "hue_order": list(colours), "palette": colours}
        seaborn.stripplot(table, x=x, y=y, hue=x, marker=marker, ax=axes, legend=False, **order, **options)
    finally:
        np.random.set_state(state)
    axes.set(**names)
