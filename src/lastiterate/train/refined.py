"""A run under the refined schedule of another run's gradient norms: really trained, not only drawn."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from lastiterate.refine import refine
from lastiterate.schedules import Phase, Schedule
from lastiterate.train.plan import Run
from lastiterate.train.table import read_table

KNOTS = 200
POWERS = {"l1": -1, "l2": -2}
COLUMNS = {"l1": "grad_norm_l1", "l2": "grad_norm"}


def refined_run(run: Run, folder: Path) -> Run:
    """`run` with the schedule refined from the norms that its `refined_from` logged; that run must be finished and whole."""
    history = read_table(folder / run.refined_from / "history.parquet", ["step", name := COLUMNS[run.refined_norm]])
    norms = refine(history[name], power=POWERS[run.refined_norm], step=history["step"])
    return replace(run, schedule=with_knots(norms.lr, run.schedule))


def with_knots(factors: np.ndarray, like: Schedule, knots: int = KNOTS) -> Schedule:
    """A schedule of linear phases through about `knots` of the factors (T,) of the peak, after the warmup of the schedule `like`.

    The learning rates between knots are interpolated, and the factor of an update under the warmup is the warmup's. The largest factor
    after the warmup is the peak. ValueError if the lengths differ.

    >>> from lastiterate.schedules import linear
    >>> with_knots(linear(1000).lr, linear(1000, warmup_steps=100)).lr[[100, 550, 999]].round(3).tolist()
    [1.0, 0.5, 0.001]
    """
    if len(factors) != like.total_steps:
        raise ValueError(f"{len(factors)} factors for a schedule of {like.total_steps} updates: refine a run of the same length")
    warmup = tuple(phase for phase in like.phases if phase.kind == "warmup")
    at = np.unique(np.linspace(like.warmup_steps, like.total_steps - 1, knots).round().astype(int))
    peak = factors[at].max()
    phases = [
        Phase(
            "decay" if factors[end] <= factors[begin] else "transition",
            int(end - begin),
            "linear",
            factors[begin] / peak,
            factors[end] / peak,
            int(end - begin),
        )
        for begin, end in pairwise(at)
    ]
    last = Phase("stable", 1, start=factors[at[-1]] / peak)
    return Schedule("refined", (*warmup, *phases, last), like.peak_lr)
