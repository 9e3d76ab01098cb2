"""Reader of PyTorch Lightning's metrics.csv (its CSVLogger): columns `epoch` and `step`, a row for training, another for validation.

Every logger is given `_batches_that_stepped`, which is increased after the batch's metrics, its validation and its
epoch's end are logged: the row of step k was written after update k + 1 (49, 99, ... when every 50th is logged).
LearningRateMonitor logs before the batch, with the same count: the LR in the row of step k is that of update k + 1.
Source: lightning/pytorch/loops/training_epoch_loop.py (on_advance_end), loops/fit_loop.py (on_advance_end),
callbacks/lr_monitor.py (on_train_batch_start).
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lastiterate.logs.columns import recognise as recognise_columns
from lastiterate.logs.convention import Convention
from lastiterate.logs.formats import table
from lastiterate.logs.formats.rows import TRAIN_ROLES
from lastiterate.logs.formats.source import LogFile, first_row, text_of
from lastiterate.logs.run_log import LogError, RunLog

NAME = "Lightning metrics.csv"


def recognise(path: Path, head: bytes) -> bool:
    """Whether the header has an epoch and a step, and training rows begin at step 0 or lie one before multiples of their interval."""
    text = text_of(head)
    names = first_row(text)
    if not {"epoch", "step"} <= set(names):
        return False
    lines = list(csv.reader(text.splitlines()))
    if len(lines) < 2 or not {"epoch", "step"} <= set(lines[0]) or "_step" in lines[0]:
        return False
    try:
        taken = recognise_columns(lines[0], {}, str(path))
        at = [lines[0].index(taken[role]) for role in TRAIN_ROLES if role in taken]
        step = lines[0].index("step")
        rows = [row for row in lines[1:] if len(row) == len(lines[0]) and any(row[i] for i in at)]
        steps = np.unique([int(row[step]) for row in rows])
    except (LogError, ValueError, csv.Error):
        return False
    return steps.size > 0 and (steps[0] == 0 or (steps.size > 1 and int(np.gcd.reduce(steps + 1)) > 1))


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the log's run; LogError as `table.read`."""
    yield from table.read(file, NAME, Convention(1, 1, "Lightning counts from 0: step k is taken for update k + 1"))
