"""A schedule as a picture: the learning rate of every update."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lastiterate.workflow.files import replacing

SUFFIXES = (".svg", ".png", ".pdf")
MOST_POINTS = 5000  # more cannot be told apart


def save_schedule(lr: np.ndarray, path: Path, title: str) -> None:
    """Draw the learning rates of updates 1..T, shape (T,), as a step line; the suffix of `path` is the format."""
    step = np.unique(np.linspace(1, lr.size, MOST_POINTS).round().astype(int)) if lr.size > MOST_POINTS else np.arange(1, lr.size + 1)
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot(step, lr[step - 1], color="black", drawstyle="steps-mid")
    axes.set(xlabel="update", ylabel="learning rate", title=title, ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata={"Date": None} if path.suffix == ".svg" else None)
