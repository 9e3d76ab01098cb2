"""Reader of one run's history as Weights & Biases keeps it: JSON lines, CSV or parquet with a `_step` in every row.

`_step` counts calls of the logger, from 0, unless the trainer passes its own step; the trainer's own count, where it
logs one, is taken instead: `train/global_step` (Hugging Face: updates done), `trainer/global_step` (Lightning: from 0),
`iter` (nanoGPT: updates done before the evaluation that it logs). What the site downloads for a chart is sampled; the
whole history is the parquet artifact of the run.
Source: docs.wandb.ai, "Why are steps missing from a CSV metric?"; nanoGPT train.py; transformers WandbCallback.
"""

from collections.abc import Iterator
from pathlib import Path

from lastiterate.logs.formats import table
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.formats.wandb_chart import CALLS
from lastiterate.logs.run_log import RunLog

NAME = "Weights & Biases history"
STEP = "_step"


def recognise(path: Path, head: bytes) -> bool:
    """Whether the file is a table with the logger's own step."""
    return STEP in table.columns_of(path, head)


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the history's runs; LogError as `table.read`."""
    for run in table.read(file, NAME):
        if run.taken.get("step") == STEP:
            run.note(STEP, CALLS)
        yield run
