"""Reader of one run's history as Weights & Biases keeps it: JSON lines, CSV or parquet with a `_step` in every row.

`_step` counts calls of the logger, from 0, unless the trainer passes its own step; the trainer's own count, where it
logs one, is taken instead: `train/global_step` (Hugging Face: updates done), `trainer/global_step` (Lightning: from 0),
`iter` (nanoGPT: updates done before the evaluation that it logs). What the site downloads for a chart is sampled; the
whole history is the parquet artifact of the run.
Source: docs.wandb.ai, "Why are steps missing from a CSV metric?"; nanoGPT train.py; transformers WandbCallback.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lastiterate.logs.formats import table
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.formats.wandb_chart import CALLS
from lastiterate.logs.run_log import RunLog

NAME = "Weights & Biases history"
STEP = "_step"
LEAST_ROWS = 8  # below which steps have no regular distance


def recognise(path: Path, head: bytes) -> bool:
    """Whether the file is a table with the logger's own step."""
    return STEP in table.columns_of(path, head)


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the history's runs; LogError as `table.read`."""
    for run in table.read(file, NAME):
        if run.taken.get("step") == STEP and not any(note.message.startswith("read as ") for note in run.notes):
            run.note(STEP, CALLS)
        if sampled := _sampled(run):
            run.note("sampling", sampled)
        yield run


def _sampled(run: RunLog) -> str | None:
    """What to say of a history whose rows stand at no regular steps, as those that the site or its API samples for a chart."""
    steps = max((steps for steps, _ in run.series.values()), key=len, default=np.empty(0, np.int64))
    if len(steps) < LEAST_ROWS:
        return None
    _, counts = np.unique(np.diff(steps), return_counts=True)
    if 2 * counts.max() >= counts.sum():
        return None
    shown = ", ".join(map(str, steps[:4]))
    whole = "the whole history is the run's parquet artifact, or scan_history()"
    return f"rows stand at irregular steps ({shown}, ...), as in a sampled export: {whole}"
