"""Reader of epfml's JSON logs among the other formats; see `lastiterate.logs.epfml`."""

from collections.abc import Iterator
from pathlib import Path

from lastiterate.logs import epfml
from lastiterate.logs.formats.source import LogFile, first_object, text_of
from lastiterate.logs.run_log import RunLog

NAME = "epfml JSON"
KEYS = ("config", "summary", "history")
TAKEN = {"step": "iter", "lr": "train_lr", "train_loss": "train_loss", "val_loss": "val_loss", "grad_norm": "grad_norm"}


def recognise(path: Path, head: bytes) -> bool:
    """Whether the file is one JSON object that begins with one of the trainers' groups."""
    text = text_of(head)
    if not text or not text.lstrip().startswith("{"):
        return False
    row = first_object(text)
    if row is not None and not set(KEYS) <= set(row):
        return False
    return any(f'"{key}"' in text for key in KEYS) or not text.strip("{ \r\n\t")


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the run; LogError as `epfml.read`. It states its own schedule, steps and columns."""
    if file.stated.mapping or file.stated.schedule or file.stated.step_shift is not None or file.stated.lr_shift is not None:
        raise file.error("stated", "an epfml log states its own columns, schedule and steps: leave them out")
    file.watch.load(file.path.stat().st_size)
    run = epfml.read(file.path, file.name)
    run.run_id, run.log_format = file.run_id, NAME
    run.taken = {role: name for role, name in TAKEN.items() if role in ("step", "lr") or role in run.series}
    yield run
