"""exam: which schedules' bounds fall like 1/sqrt(T)."""

import matplotlib.pyplot as plt
import numpy as np

from lastiterate.draw import common as c

COLUMNS = {
    "distance": r"$D^2/(\gamma T)$",
    "noise": r"$\gamma G^2$",
    "log": r"$\gamma G^2 \ln T$",
    "base_lr": r"$\gamma^\star G \sqrt{T}/D$",
    "bound": r"$\Omega_T^\star \sqrt{T}/(D G)$",
}
UNITS = {"constant": (r"$/\sqrt{\ln T}$", r"$\sqrt{\ln T}$"), "inverse_sqrt": (r"$\sqrt{T/\ln T}$", r"$\sqrt{\ln T}$")}


def draw(tables, parameters):
    """Panels figure1, growth and table1."""
    styles = c.schedule_styles(tables["verdicts"].schedule)
    yield "figure1", figure1(tables["bounds"], styles)
    yield "growth", growth(tables["bounds"], tables["verdicts"], styles)
    yield "table1", table1(tables["table1"])


def figure1(bounds, styles):
    """Omega_T sqrt(T) at the peak 1/sqrt(T) against T: level where the bound falls like 1/sqrt(T)."""
    figure, axes = plt.subplots()
    for name, rows in bounds.groupby("schedule", sort=False):
        axes.plot(rows.total_steps, rows.omega * np.sqrt(rows.total_steps), **styles[name].curve, label=name)
    c.loglog(axes)
    axes.set(xlabel=c.HORIZON, ylabel=r"$\Omega_T \sqrt{T}$ at $\gamma = 1/\sqrt{T}$")
    c.legend_above(figure, ncols=3)
    return figure


def growth(bounds, verdicts, styles):
    """Squared gap of the tuned bound against T: bounded, or growing with ln T."""
    figure, axes = plt.subplots()
    for row in verdicts.itertuples():
        rows = bounds[bounds.schedule == row.schedule]
        axes.plot(rows.total_steps, rows.squared_gap, **styles[row.schedule].curve, label=f"{row.schedule}: {row.verdict}")
    axes.set(xscale="log", xlabel=c.HORIZON, ylabel=r"$T\,\Omega_T^{\star 2}/4$", ylim=(0.9, None))
    axes.legend(loc="upper left")
    return figure


def table1(table):
    """Derived constants next to the published ones."""
    figure, axes = plt.subplots(figsize=(10.4, 2.6))
    axes.axis("off")
    cells = []
    for row in table.itertuples():
        name = row.schedule if np.isnan(row.constant_fraction) else f"{row.schedule}, c = {row.constant_fraction:g}"
        pairs = [(getattr(row, key), getattr(row, f"published_{key}")) for key in COLUMNS]
        units = ("", "", "", *UNITS.get(row.schedule, ("", "")))
        texts = ["–" if np.isnan(ours) else f"{ours:.5g} ({theirs:.5g}) {unit}" for (ours, theirs), unit in zip(pairs, units, strict=True)]
        cells.append([name, *texts, row.qualifies])
    grid = axes.table(cells, colLabels=["schedule", *COLUMNS.values(), "exam"], loc="center", cellLoc="center", edges="horizontal")
    grid.auto_set_font_size(False)
    grid.set_fontsize(8.5)
    grid.auto_set_column_width(range(len(COLUMNS) + 2))
    grid.scale(1, 1.35)
    axes.set_title("Asymptotic constants: derived (published)", fontsize=10)
    return figure
