"""From tables to files: a family's tables read, its panels laid out once and saved in every format, bytes that repeat."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullLocator

from lastiterate.workflow.files import replacing
from lastiterate.workflow.held import check_held, hold
from lastiterate.workflow.step import StepError

STYLE = Path(__file__).with_name("style.mplstyle")


def run_draw(module, parameters: dict, inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Run ``module.draw(tables, parameters)``, a generator of (panel name, figure), and save each to the outputs of its stem.

    `tables` maps the stems of the inputs to data frames. An animation is yielded as `Animation`. Every panel asked for must come
    out; the rest is not saved.
    """
    check_held(inputs)
    use_style()
    tables = {path.stem: pd.read_csv(path) for path in inputs}
    wanted: dict[str, list[Path]] = {}
    for path in outputs:
        wanted.setdefault(path.stem, []).append(path)
    for panel, figure in module.draw(tables, parameters):
        if panel in wanted:
            fix_layout(figure.figure)
        for path in wanted.pop(panel, []):
            save(figure, path)
        plt.close(figure.figure)
    if wanted:
        raise StepError(f"{module.__name__} does not draw the panel(s) {', '.join(wanted)}: correct its family.yaml")
    hold(outputs)


def use_style() -> None:
    """The project's style on matplotlib's own defaults: what a matplotlibrc of the user says does not enter a figure."""
    matplotlib.rcParams.update(matplotlib.rcParamsDefault)
    matplotlib.use("agg")
    plt.style.use(STYLE)


class Animation(NamedTuple):
    """A figure, the function that turns it into frame i, and the number of frames; the last one stays longer."""

    figure: plt.Figure
    update: Callable[[int], object]
    frames: int
    milliseconds: int = 120
    rest: int = 1500


def fix_layout(figure) -> None:
    """Lay the figure out once, for every format and frame; logarithmic axes over less than two decades get plain numbers."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            if axis.get_scale() == "log" and high < 100 * low and type(axis.get_major_formatter()) is LogFormatterSciNotation:
                plain_log(axis)
    if engine := figure.get_layout_engine():
        engine.execute(figure)
    figure.set_layout_engine("none")


def plain_log(axis) -> None:
    """Ticks of a logarithmic axis as plain numbers, at 1, 2 and 5."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def save(figure, path: Path) -> None:
    """Save to the format of the suffix, whole or not at all; the layout is taken as it is."""
    with replacing(path) as temporary:
        if isinstance(figure, Animation):
            images = [_frame(figure, frame) for frame in range(figure.frames)]
            durations = [figure.milliseconds] * (figure.frames - 1) + [figure.rest]
            images[0].save(temporary, format="gif", save_all=True, append_images=images[1:], duration=durations, loop=0)
        else:
            _printer(figure, path.suffix[1:])(temporary)


def _printer(figure, suffix: str) -> Callable:
    """The method that writes a format; ``figure.savefig`` would lay the figure out, and draw it, once more for each."""
    if suffix == "svg":
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        return FigureCanvasSVG(figure).print_svg
    if suffix == "pdf":
        from fontTools import subset
        from matplotlib.backends.backend_pdf import FigureCanvasPdf

        # A PDF holds the glyphs of its text and their places; without the fonts' layout tables it is written in half the time.
        layout = {"GDEF", "GPOS", "GSUB"}
        subset.Options._drop_tables_default = [*(set(subset.Options._drop_tables_default) - layout), *layout]
        return FigureCanvasPdf(figure).print_pdf
    return lambda path: figure.savefig(path, format=suffix)


def _frame(animation: Animation, frame: int):
    """One image."""
    from PIL import Image

    animation.update(frame)
    animation.figure.canvas.draw()
    return Image.fromarray(np.asarray(animation.figure.canvas.buffer_rgba())).convert("P", palette=Image.Palette.ADAPTIVE)
