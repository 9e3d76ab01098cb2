"""Logs to look at: losses and learning rates of every run in one page."""

import html
from collections.abc import Sequence

import numpy as np

from lastiterate.logs.run_log import RunLog
from lastiterate.pages.shell import page, rounded, script

MOST = 2000  # values of a curve that are shown; more are thinned evenly, with the last one kept
LOSSES = ("val_loss", "train_loss")
BODY = """<main><h1>{title}</h1>
<section><div id="curves"></div></section>
<section><h2>Learning rates</h2><div id="rates" class="plot"></div></section></main>
"""


def log_page(runs: Sequence[RunLog], title: str) -> str:
    """HTML of a page with the losses (validation losses where a run has them) and learning rates of runs.

    Needs the extra `html`; `MissingExtra` without it.
    """
    shown = [_run(run) for run in runs if any(name in run.series for name in LOSSES)]
    if not shown:
        raise ValueError("none of the runs has losses, so there is nothing to show: name their column (--map train_loss=COLUMN)")
    data = {"runs": shown}
    tokens = {run.tokens_per_step for run in runs}
    data["tokens_per_update"] = tokens.pop() if len(tokens) == 1 else None
    return page(title, BODY.format(title=html.escape(title)), data, (script("curves.js"), script("log.js")))


def _run(run: RunLog) -> dict:
    name = next(name for name in LOSSES if name in run.series)
    steps, values = _thinned(*run.series[name])
    found = {"name": run.run_id, "loss_name": name, "steps": steps.tolist(), "loss": rounded(values), "sum": None, "lr_steps": [], "lr": []}
    lr = run.lr
    if lr is not None and len(lr) >= steps[-1]:
        total, at = np.concatenate([[0.0], np.cumsum(lr)]), _thinned(np.arange(1, len(lr) + 1), lr)
        found |= {"sum": rounded(total[steps]), "lr_steps": at[0].tolist(), "lr": rounded(at[1])}
    return found


def _thinned(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), MOST)).round().astype(int))
    return steps[at], values[at]
