"""A schedule as a picture: the learning rate of every update. Needs matplotlib (extra `plan`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lastiterate._extras import optional
from lastiterate.workflow.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".svg", ".png", ".pdf")
MOST_POINTS = 5000  # more cannot be told apart


def plot_lr(lr: np.ndarray, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw the learning rates of updates 1..T, shape (T,), into `ax`; see `Schedule.plot`."""
    if ax is None:
        with optional():
            import matplotlib.pyplot as plt
        ax = plt.subplots(figsize=(5, 3), layout="constrained")[1]
    step = np.unique(np.linspace(1, lr.size, MOST_POINTS).round().astype(int)) if lr.size > MOST_POINTS else np.arange(1, lr.size + 1)
    empty = not ax.has_data()
    ax.plot(step, lr[step - 1], **{"drawstyle": "steps-mid", **options})
    if empty:
        ax.set(xlabel="update", ylabel="learning rate")
    ax.set_ylim(0, None)
    return ax


def save_plot(lr: np.ndarray, path: Path, title: str) -> None:
    """Write the picture to a file, whose suffix is its format (`SUFFIXES`)."""
    with optional():
        from matplotlib.figure import Figure
    figure = Figure(figsize=(5, 3), layout="constrained")
    ax = plot_lr(lr, figure.subplots(), color="black")
    ax.set_title(title)
    ax.spines[["top", "right"]].set_visible(False)
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata={"Date": None} if path.suffix == ".svg" else None)
