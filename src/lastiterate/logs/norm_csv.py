"""Reader of gradient-norm sequences: charts exported as CSV from Weights & Biases, as published with arXiv:2310.07831.

The first column is `Step`; of the others only the first counts (the next two are its minimum and maximum over what the
export merged). Whose norms they are, l1 or l2, is told by the names of the column and of the file: one of them holds "l1",
or none does. Nothing else about the run is published. `Step` is the logger's counter; where it starts at 0 its row k is that
of update k + 1.
"""

import csv
from pathlib import Path

import numpy as np

from lastiterate.logs.run_log import LogError, RunLog


def read(path: Path, file: str) -> RunLog:
    """Read one sequence. `file` is its name in messages, its stem the run_id. Raises LogError for an unusable file."""
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            header, *rows = list(csv.reader(lines)) or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise LogError(file, "content", f"not a CSV file ({error}): the file is damaged") from None
    if len(header) < 2 or header[0] != "Step":
        raise LogError(file, "line 1", f"is {','.join(header)!r:.60}, expected Step and a column of gradient norms")
    if not rows:
        raise LogError(file, header[1], "has no rows")
    steps, norms = np.empty(len(rows), np.int64), np.empty(len(rows))
    for i, row in enumerate(rows):
        try:
            steps[i], norms[i] = int(row[0]), float(row[1])
        except (ValueError, IndexError):
            raise LogError(file, f"line {i + 2}", f"is {','.join(row)!r:.60}, expected an integer and a number") from None
    if steps[0] < 0 or (np.diff(steps) <= 0).any():
        raise LogError(file, "Step", "must be non-negative and increase strictly")
    run = RunLog(run_id=Path(file).stem, file=file, name=header[1], series={})
    valid = np.isfinite(norms)
    if not valid.all():
        run.note(header[1], f"{int((~valid).sum())} of {len(rows)} norms are not finite, the first at Step {steps[~valid][0]}: left out")
    if not valid.any():
        raise LogError(file, header[1], "has no finite norm")
    kind = "grad_norm_l1" if "l1" in f"{header[1]} {run.run_id}".lower() else "grad_norm"
    run.series[kind] = (steps[valid] + (steps[0] == 0), norms[valid])
    return run
