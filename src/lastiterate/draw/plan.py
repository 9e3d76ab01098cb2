"""plan: the predicted loss of the recommended run over the pilots, its learning rate, and what the defaults would reach."""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from lastiterate.draw import common as c

MOST_NAMED = 8  # pilots with a colour and a name each


def draw(tables, parameters):
    """Panels prediction and against_defaults."""
    yield "prediction", prediction(tables["fits"], tables["prediction"], tables["schedule"])
    yield "against_defaults", against_defaults(tables["against"], tables["candidates"])


def prediction(fits, table, schedule):
    """Pilots (dots) with the law (lines), the recommended run's predicted loss with its interval, and its learning rate."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(5.6, 5.0), sharex=True, height_ratios=(3, 1))
    pilots = list(dict.fromkeys(fits.run_id))
    names = dict(zip(pilots, what_differs(pilots), strict=True))
    styles, named = c.styles(["recommended", "law", *pilots]), len(pilots) <= MOST_NAMED
    recommended = {"color": styles["recommended"].color, "zorder": 3}
    for pilot in pilots:
        rows, colour = fits[fits.run_id == pilot], styles[pilot].color if named else "#8C8C8C"
        label = names[pilot] if named else f"{len(pilots)} pilots" if pilot == pilots[0] else None
        top.plot(rows.step, rows.loss, ".", ms=2, color=colour, alpha=0.6)
        top.plot([], [], ".", ms=6, color=colour, label=label)
        top.plot(rows.step, rows.fitted, lw=0.9, color=styles["law"].color, label="law" if pilot == pilots[-1] else None)
    top.fill_between(table.step, table.low, table.high, color=recommended["color"], alpha=0.25, lw=0)
    top.plot(table.step, table.loss, label="recommended, predicted", **recommended)
    lowest, highest = min(fits.loss.min(), table.low.min()), fits.loss.quantile(0.95)
    top.set(ylabel="Loss", ylim=(lowest - 0.05 * (highest - lowest), highest))
    c.legend_above(figure, top, ncols=2, fontsize=8)
    bottom.plot(schedule.step, schedule.lr, **recommended)
    bottom.set(xlabel=c.STEP, ylabel="Learning rate", ylim=(0, None), xlim=(0, None))
    bottom.xaxis.set_major_formatter(c.thousands)
    return figure


def what_differs(names: list[str], most: int = 36) -> list[str]:
    """Names without the parts, between separators, with which all begin or all end; at most `most` characters of each.

    >>> what_differs(["llama-lr0.001-seed0", "llama-lr0.002-seed0"])
    ['lr0.001', 'lr0.002']
    """
    for turn in (lambda name: name, lambda name: name[::-1]):
        shared = os.path.commonprefix([turn(name) for name in names]) if len(names) > 1 else ""  # noqa: RUF071  (of characters)
        cut = max(map(shared.rfind, "-_/ ")) + 1
        names = [turn(turn(name)[cut:]) for name in names]
    return [name if len(name) <= most else f"{name[: most - 1]}…" for name in names]


def against_defaults(against, candidates):
    """What the defaults lose to the recommended run, with intervals (left); all candidates over the base learning rate (right)."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    order = list(range(len(against)))[::-1]
    spans = [against.loses - against.low, against.high - against.loses]
    left.errorbar(against.loses, order, xerr=spans, fmt="o", color=c.CATEGORICAL[4], capsize=3)
    left.axvline(0, color="#8C8C8C", lw=0.8)
    left.set(yticks=order, yticklabels=against.label, xlabel="Predicted final loss minus that of the recommended")
    styles = c.schedule_styles(candidates.family)
    if candidates.base_lr.nunique() > 1:
        lowest = candidates.groupby(["family", "base_lr"]).predicted.min().reset_index()
        for family, rows in lowest.groupby("family"):
            right.plot(rows.base_lr, rows.predicted, **styles[family].both, ms=5, mfc="none", lw=1, label=family)
        c.swept(right, lowest.base_lr)
    else:
        for family, rows in candidates.dropna().groupby("family"):
            right.plot(rows.cooldown, rows.predicted, **styles[family].both, ms=5, mfc="none", lw=1, label=family)
        right.set_xlabel("Cooldown fraction")
    right.set_ylabel("Predicted final loss")
    right.legend(fontsize=7.5)
    return figure


def save_figures(tables: dict, folder: Path) -> list[Path]:
    """Every panel as PNG and PDF, from the plan's tables."""
    written = []
    with plt.rc_context():
        c.use_style()
        for panel, figure in draw({name: pd.DataFrame(columns) for name, columns in tables.items()}, {}):
            c.fix_layout(figure)
            for suffix in ("png", "pdf"):
                written.append(Path(folder) / f"{panel}.{suffix}")
                c.save(figure, written[-1])
            plt.close(figure)
    return written
