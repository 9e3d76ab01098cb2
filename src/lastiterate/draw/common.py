"""What every drawing step shares: the style, the palettes, reading tables and saving figures.

Palettes are safe for colour-blind readers: Okabe and Ito's for categories, and for ordered values one hue from light
to dark per schedule (blue against orange) or the perceptually uniform "viridis" without its palest end.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

os.environ["SOURCE_DATE_EPOCH"] = "0"  # no creation time in the files, so that equal figures are equal bytes

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import matplotlib.ticker
import numpy as np
import pandas as pd
from fontTools import subset
from matplotlib.lines import Line2D
from PIL import Image

from lastiterate.workflow.files import replacing
from lastiterate.workflow.held import check_held, hold
from lastiterate.workflow.step import StepError, parse_arguments, reported_errors

# A PDF holds the glyphs of its text and their places; without the fonts' layout tables it is written in half the time.
subset.Options._drop_tables_default = [*subset.Options._drop_tables_default, "GDEF", "GPOS", "GSUB"]

STYLE = Path(__file__).with_name("style.mplstyle")
SCHEDULE_MAPS = {"wsd": "Blues", "cosine": "Oranges", "linear": "Greens"}
CATEGORICAL = ("#0072B2", "#000000", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9")
REFERENCE_FIRST = ("#000000", "#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9")  # a reference in black, then the others
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


def run_draw(draw: Callable) -> None:
    """Run ``draw(tables, parameters)``, a generator of (panel name, figure), and save each to the outputs of its stem.

    `tables` maps stems to data frames. An animation is yielded as `Animation`. Every panel asked for must come out; the
    rest is not saved.
    """
    arguments = parse_arguments(draw.__module__)
    with reported_errors():
        check_held(arguments.input)
        plt.style.use(STYLE)
        tables = {path.stem: pd.read_csv(path) for path in arguments.input}
        wanted: dict[str, list[Path]] = {}
        for path in arguments.output:
            wanted.setdefault(path.stem, []).append(path)
        for panel, figure in draw(tables, arguments.parameters):
            if panel in wanted:
                fix_layout(figure.figure)
            for path in wanted.pop(panel, []):
                save(figure, path)
            plt.close(figure.figure)
        if wanted:
            raise StepError(f"{draw.__module__} does not draw the panel(s) {', '.join(wanted)}: correct its family.yaml")
        hold(arguments.output)


def fix_layout(figure) -> None:
    """Lay the figure out once, for every format and frame."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


class Animation(NamedTuple):
    """A figure, the function that turns it into frame i, and the number of frames; the last one stays longer."""

    figure: plt.Figure
    update: Callable[[int], object]
    frames: int
    milliseconds: int = 120
    rest: int = 1500


def save(figure, path: Path) -> None:
    """Save to the format of the suffix, whole or not at all."""
    with replacing(path) as temporary:
        if isinstance(figure, Animation):
            images = [_frame(figure, frame) for frame in range(figure.frames)]
            durations = [figure.milliseconds] * (figure.frames - 1) + [figure.rest]
            images[0].save(temporary, format="gif", save_all=True, append_images=images[1:], duration=durations, loop=0)
        else:
            figure.savefig(temporary, format=path.suffix[1:])


def _frame(animation: Animation, frame: int) -> Image.Image:
    """One image."""
    animation.update(frame)
    animation.figure.canvas.draw()
    return Image.fromarray(np.asarray(animation.figure.canvas.buffer_rgba())).convert("P", palette=Image.Palette.ADAPTIVE)


def shades(name: str, count: int) -> np.ndarray:
    """`count` colours from light to dark of the hue that belongs to a schedule (or of any matplotlib map)."""
    return plt.get_cmap(SCHEDULE_MAPS.get(name, name))(np.linspace(0.4, 0.95, count) if count > 1 else np.array([0.8]))


def fraction_map():
    """Colour map for a fraction in [0, 1]."""
    return matplotlib.colors.ListedColormap(plt.get_cmap("viridis")(np.linspace(0.0, 0.9, 256)))


def fraction_bar(figure, axes, label: str) -> None:
    """Colour bar for `fraction_map`, beside the axes so that it hides nothing."""
    scale = matplotlib.cm.ScalarMappable(norm=matplotlib.colors.Normalize(0, 1), cmap=fraction_map())
    figure.colorbar(scale, ax=axes, label=label, ticks=[0, 0.5, 1], pad=0.02)


def shade_legend(owner, groups: dict[str, Sequence], values: Sequence[str], symbol: str, **options) -> None:
    """Legend (of axes or of a figure) of one line per group in its darkest shade, and the range that the shades run through."""
    handles = [Line2D([], [], color=colours[-1]) for colours in groups.values()]
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
    """Logarithmic axis of base learning rates, with ticks at those that were swept: all of them, or every other if they are many."""
    ticks = sorted(set(base_lrs))
    ticks = ticks[:: 1 + (len(ticks) > 4)]
    axes.set(xscale="log", xlabel=BASE_LR)
    axes.set_xticks(ticks, [f"{lr:g}" for lr in ticks])
    axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())


def loglog(axes) -> None:
    """Logarithmic axes with plain tick labels where the range is short."""
    axes.set_xscale("log")
    axes.set_yscale("log")


def suffix(kind: str, shape: str = "linear") -> str:
    """Panel-name suffix of a variant: the decay shape unless linear, `ablation` for the average iterate's bound."""
    parts = ([shape] if shape != "linear" else []) + (["ablation"] if kind == "average_iterate" else [])
    return "".join(f"_{part}" for part in parts)
