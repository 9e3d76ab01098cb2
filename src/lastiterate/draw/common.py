"""What the drawings share: labels, palettes, legends, ticks and small multiples.

Palettes are safe for colour-blind readers: Okabe and Ito's for categories, and for ordered values one hue from light
to dark per schedule (blue against orange) or the perceptually uniform "viridis" without its palest end.
"""

from collections.abc import Sequence

import matplotlib
import matplotlib.pyplot as plt
import matplotlib.ticker
import numpy as np
from matplotlib.lines import Line2D

from lastiterate.draw.palette import MARKERS, kind_of, schedule_styles, styles
from lastiterate.draw.panels import STYLE, Animation, fix_layout, save, use_style

SCHEDULE_MAPS = {"wsd": "Blues", "cosine": "Oranges", "linear": "Greens", "constant": "Greys"}
CATEGORICAL = ("#0072B2", "#000000", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9")
# What a drawing needs of other modules, too.
__all__ = ["MARKERS", "STYLE", "Animation", "fix_layout", "save", "schedule_styles", "styles", "use_style"]
WIDE = (9.2, 3.4)  # two axes side by side, each of the size of a single panel

BASE_LR = r"Base learning rate $\gamma$"
TUNED_LR = r"Tuned learning rate $\gamma^\star \eta_t$"
FINAL_BOUND = r"Final bound $\Omega_T$"
BOUND = r"Bound $\Omega_t$"
TUNED_BOUND = r"Bound $\Omega_t$ at $\gamma^\star$"
STEP = r"Step $t$"
HORIZON = "Horizon $T$"
COOLDOWN = "Cooldown fraction $c$"
LR = r"Learning rate $\gamma \eta_t$"
LOGGED_LOSS = "Validation loss (subset)"
FINAL_LOSS = "Final loss (whole validation set)"
OF_TRAINING = {LOGGED_LOSS: "Training loss", FINAL_LOSS: "Final training loss"}


def loss_label(table, label: str) -> str:
    """The label of a loss axis: `label`, unless the table's column `loss` says that it is the training loss."""
    return OF_TRAINING[label] if "loss" in table and (table.loss == "train_loss").all() else label


def shades(name: str, count: int) -> np.ndarray:
    """`count` colours from light to dark of the hue that belongs to a schedule (or of any matplotlib map)."""
    hue = SCHEDULE_MAPS.get(kind_of(name), name)
    if hue not in matplotlib.colormaps:
        colour = schedule_styles([name])[name].color
        hue = matplotlib.colors.LinearSegmentedColormap.from_list(name, ["white", colour, "black"])
    return plt.get_cmap(hue)(np.linspace(0.4, 0.95, count) if count > 1 else np.array([0.8]))


def line(name: str):
    """The line of a schedule, whatever its shade."""
    return schedule_styles([name])[name].line


def fraction_map():
    """Colour map for a fraction in [0, 1]."""
    return matplotlib.colors.ListedColormap(plt.get_cmap("viridis")(np.linspace(0.0, 0.9, 256)))


def fraction_bar(figure, axes, label: str) -> None:
    """Colour bar for `fraction_map`, beside the axes so that it hides nothing."""
    scale = matplotlib.cm.ScalarMappable(norm=matplotlib.colors.Normalize(0, 1), cmap=fraction_map())
    figure.colorbar(scale, ax=axes, label=label, ticks=[0, 0.5, 1], pad=0.02)


def shade_legend(owner, groups: dict[str, Sequence], values: Sequence[str], symbol: str, *, lines=None, **options) -> None:
    """Legend (of axes or of a figure) of one line per group in its darkest shade, and the range that the shades run through."""
    handles = [Line2D([], [], color=colours[-1], ls=(lines or {}).get(group, "-")) for group, colours in groups.items()]
    span = f"{values[0]} to {values[-1]}, light to dark" if len(values) > 1 else values[0]
    owner.legend(handles, list(groups), title=f"{symbol}: {span}", title_fontsize=8.5, **options)


def legend_above(figure, axes=None, **options) -> None:
    """Legend of a figure above its axes, for panels whose curves fill the axes; of the curves of one of them, if it is given."""
    curves = axes.get_legend_handles_labels() if axes else ()
    figure.legend(*curves, loc="outside upper center", **options)


def small_multiples(count: int, xlabel=None, ylabel=None, *, columns: int = 3, size=(3.1, 2.4), spare: int = 0, **sharing):
    """A figure of `count` axes in rows of at most `columns`, labelled at the left and below, and those axes.

    `size` is that of one of the axes; `spare` more cells (at least) stay empty at the end; `sharing` goes to ``plt.subplots``.
    """
    columns = min(columns, count + spare)
    lines = -(-(count + spare) // columns)
    figure, grid = plt.subplots(lines, columns, figsize=(size[0] * columns, size[1] * lines), squeeze=False, **sharing)
    for axes in grid.flat[count:]:
        axes.axis("off")
    for axes in grid.flat[max(0, count - columns) : count]:
        axes.set_xlabel(xlabel)
        axes.tick_params(labelbottom=True)  # hidden on shared axes that are not in the last line
    for axes in grid[:, 0]:
        axes.set_ylabel(ylabel)
    return figure, grid.flat[:count]


def thousands(value, position=None):
    """Tick formatter for steps: 50k."""
    return f"{value / 1000:g}k" if value else "0"


def swept(axes, base_lrs) -> None:
    """Logarithmic axis of base learning rates, with ticks at those that were swept, as many as have room."""
    swept_lrs, ticks = sorted(set(base_lrs)), []
    for lr in swept_lrs[:: 1 + len(swept_lrs) // 5]:
        ticks += [lr] if not ticks or lr > 1.9 * ticks[-1] else []
    axes.set(xscale="log", xlabel=BASE_LR)
    axes.set_xticks(ticks, [f"{lr:g}" for lr in ticks])
    axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())


def loglog(axes) -> None:
    """Logarithmic axes."""
    axes.set_xscale("log")
    axes.set_yscale("log")


def suffix(kind: str, shape: str = "linear") -> str:
    """Panel-name suffix of a variant: the decay shape unless linear, `ablation` for the average iterate's bound."""
    parts = ([shape] if shape != "linear" else []) + (["ablation"] if kind == "average_iterate" else [])
    return "".join(f"_{part}" for part in parts)
