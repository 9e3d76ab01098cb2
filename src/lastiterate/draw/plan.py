"""plan: the predicted loss of the recommended run over the pilots, its learning rate, and what the defaults would reach."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from lastiterate.draw import common as c


def draw(tables, parameters):
    """Panels prediction and against_defaults."""
    yield "prediction", prediction(tables["fits"], tables["prediction"])
    yield "against_defaults", against_defaults(tables["against"], tables["candidates"])


def prediction(fits, table):
    """Pilots (dots) with the law (lines), the recommended run's predicted loss with its interval, and its learning rate."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(5.6, 5.0), sharex=True, height_ratios=(3, 1))
    for i, (_, rows) in enumerate(fits.groupby("run_id", sort=False)):
        top.plot(rows.step, rows.loss, ".", ms=2, color="#8C8C8C", label="pilots" if i == 0 else None)
        top.plot(rows.step, rows.fitted, lw=0.8, color=c.CATEGORICAL[0], label="law" if i == 0 else None)
    top.fill_between(table.step, table.low, table.high, color=c.CATEGORICAL[4], alpha=0.25, lw=0)
    top.plot(table.step, table.loss, color=c.CATEGORICAL[4], label="recommended, predicted")
    lowest, highest = min(fits.loss.min(), table.low.min()), fits.loss.quantile(0.95)
    top.set(ylabel="Loss", ylim=(lowest - 0.05 * (highest - lowest), highest))
    top.legend()
    bottom.plot(table.step, table.lr, color=c.CATEGORICAL[4])
    bottom.set(xlabel=c.STEP, ylabel="Learning rate", ylim=(0, None))
    bottom.xaxis.set_major_formatter(c.thousands)
    return figure


def against_defaults(against, candidates):
    """What the defaults lose to the recommended run, with intervals (left); all candidates over the base learning rate (right)."""
    figure, (left, right) = plt.subplots(1, 2, figsize=c.WIDE)
    order = list(range(len(against)))[::-1]
    spans = [against.loses - against.low, against.high - against.loses]
    left.errorbar(against.loses, order, xerr=spans, fmt="o", color=c.CATEGORICAL[4], capsize=3)
    left.axvline(0, color="#8C8C8C", lw=0.8)
    left.set(yticks=order, yticklabels=against.label, xlabel="Predicted final loss minus that of the recommended")
    if candidates.base_lr.nunique() > 1:
        lowest = candidates.groupby(["family", "base_lr"]).predicted.min().reset_index()
        for (family, rows), colour in zip(lowest.groupby("family"), c.CATEGORICAL, strict=False):
            right.plot(rows.base_lr, rows.predicted, "o-", ms=3, lw=1, color=colour, label=family)
        right.set(xscale="log", xlabel=c.BASE_LR, ylabel="Predicted final loss")
    else:
        for (family, rows), colour in zip(candidates.dropna().groupby("family"), c.CATEGORICAL, strict=False):
            right.plot(rows.cooldown, rows.predicted, "o-", ms=3, lw=1, color=colour, label=family)
        right.set(xlabel="Cooldown fraction", ylabel="Predicted final loss")
    right.legend()
    return figure


def save_figures(tables: dict, folder: Path) -> list[Path]:
    """Every panel as PNG and PDF, from the plan's tables."""
    written = []
    with plt.style.context(c.STYLE):
        for panel, figure in draw({name: pd.DataFrame(columns) for name, columns in tables.items()}, {}):
            c.fix_layout(figure)
            for suffix in ("png", "pdf"):
                written.append(Path(folder) / f"{panel}.{suffix}")
                c.save(figure, written[-1])
            plt.close(figure)
    return written


if __name__ == "__main__":
    c.run_draw(draw)
