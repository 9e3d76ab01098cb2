"""Reader of the metrics that MLflow keeps in files: mlruns/EXPERIMENT/RUN/metrics/NAME, a line `timestamp value step` each time.

The files below one `metrics` folder are the series of one run; the run is called as its folder. Rows stand in the order of
their writing; steps are those of the trainer, and count as a table's do.
Source: mlflow/store/tracking/file_store.py (_get_metric_from_line).
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lastiterate.logs.columns import fits, plain
from lastiterate.logs.formats.rows import Rows, runs_of
from lastiterate.logs.formats.source import LogFile, text_of
from lastiterate.logs.run_log import RunLog

NAME = "MLflow metrics"
FOLDER = "metrics"
_LINE = re.compile(r"-?\d{1,19} \S+ -?\d{1,15}(?: \S+)*")


def recognise(path: Path, head: bytes) -> bool:
    """Whether the first lines are a timestamp in milliseconds, a value and a step."""
    lines = (text_of(head) or "").splitlines()[:20]
    return bool(lines) and all(_LINE.fullmatch(line) for line in lines) and all(len(line.split(" ", 1)[0]) > 9 for line in lines)


def folder_of(path: Path) -> Path | None:
    """The `metrics` folder that a file lies below; None if there is none."""
    return next((parent for parent in path.parents if parent.name == FOLDER), None)


def is_beside(path: Path) -> bool:
    """Whether a file belongs to such a run and is no metric: its parameters, tags and description."""
    run = path.parent if path.name == "meta.yaml" else path.parent.parent
    return (path.name == "meta.yaml" or path.parent.name in ("params", "tags")) and (run / FOLDER).is_dir()


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the run; LogError that names the file and line of what is no metric."""
    rows, steps = Rows(file.watch), []
    found: list[tuple[int, int, str, float]] = []
    for part in (file, *file.beside):
        folder = folder_of(part.path)
        name = str(part.path.relative_to(folder)) if folder else _role_of(part.path.name)
        for number, line in enumerate(part.path.read_text("utf-8", "replace").splitlines(), start=1):
            cells = line.split()
            try:
                found.append((int(cells[0]), int(cells[2]), name, float(cells[1])))
            except (ValueError, IndexError):
                raise part.error(f"line {number}", f"is {line!r:.60}, expected a timestamp, a value and a step") from None
    if len(found) > 1 and {step for _, step, _, _ in found} == {0} and len({name for _, _, name, _ in found}) < len(found):
        raise file.error("step", f"is 0 in all {len(found)} lines: log_metric was called without step=, so that nothing counts updates")
    order = sorted(range(len(found)), key=lambda i: found[i][0])
    lists: dict[str, tuple[list[int], list[float]]] = {}
    last = None
    for i in order:
        stamp, step, name, value = found[i]
        if last is None or last[1] != step or name in last[2]:
            last = (stamp, step, set())
            steps.append(step)
        last[2].add(name)
        at, values = lists.setdefault(name, ([], []))
        at.append(len(steps) - 1)
        values.append(value)
    rows.count = len(steps)
    for name, (at, values) in lists.items():
        if name != "step":
            rows.add(name, np.array(at), np.array(values))
    rows.add("step", np.arange(len(steps)), np.array(steps))
    yield from runs_of(rows, file, file.run_id, NAME, names=list(rows.parts))


def _role_of(name: str) -> str:
    """The metric's name: of a file by itself, what its name ends with."""
    parts = plain(name).split("_")
    whole = ["_".join(parts[i:]) for i in range(len(parts))]
    return next((own for own in whole if any(fits(role, own) for role in ("train_loss", "val_loss", "lr", "grad_norm"))), name)
