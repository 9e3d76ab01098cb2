"""Reader of trainer_state.json, which Hugging Face's Trainer writes beside every checkpoint.

`step` is the number of updates done; a row with `loss` is the mean over the updates since the row before; `eval_loss` is
the loss on the evaluation set after that update. The row with `train_loss` that ends a run is a mean over all of it, and
is left aside. The LR needs care: up to transformers 4.50 the row of step k holds that of update k + 1 (the scheduler had
stepped), from 4.51 on that of update k. The file does not tell its version, but two rows do: a last one, at max_steps,
with LR 0, is old (update T of no such schedule stands still), and a row of step 1 with LR 0 is new (warm-up starts at 0).
Source: huggingface/transformers issue 35942 and pull request 36973.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lastiterate.logs.assemble import Convention, assemble, counted
from lastiterate.logs.formats.source import LogFile, text_of
from lastiterate.logs.run_log import RunLog

NAME = "Hugging Face trainer_state.json"
COLUMNS = {"lr": "learning_rate", "train_loss": "loss", "val_loss": "eval_loss", "grad_norm": "grad_norm"}


def recognise(path: Path, head: bytes) -> bool:
    """Whether the file is a JSON object with the Trainer's own keys."""
    text = text_of(head)
    return bool(text) and text.lstrip().startswith("{") and '"log_history"' in text and '"global_step"' in text


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the run; LogError that names the row of log_history and its key."""
    state = file.load_json()
    history = state.get("log_history") if isinstance(state, dict) else None
    if not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
        raise file.error("log_history", f"is {type(history).__name__}, expected a list of rows")
    taken = {"step": "step"} | {role: file.stated.mapping.get(role, name) for role, name in COLUMNS.items()}
    columns = {}
    for role, name in taken.items():
        rows = [(i, row[name]) for i, row in enumerate(history) if row.get(name) is not None]
        for i, value in rows:
            if type(value) not in (int, float) or (type(value) is int and abs(value) >= 2**1023):
                raise file.error(f"log_history[{i}].{name}", f"is {value!r:.40}, expected a number")
        if role == "step":
            step = dict(rows)
            continue
        for i, _ in rows:
            if i not in step:
                raise file.error(f"log_history[{i}]", f"has {name} but no step")
        if rows:
            columns[role] = counted(file.name, "step", [step[i] for i, _ in rows]), np.array([value for _, value in rows], np.float64)
    done, planned = state.get("global_step"), state.get("max_steps")
    convention, why = _convention(columns.get("lr"), planned)
    run = assemble(file.name, file.run_id, NAME, columns, taken, file.stated, convention, name=file.path.resolve().parent.name)
    if why and file.stated.lr_shift is None and run.schedule is None:
        run.note("learning_rate", why)
    if isinstance(done, int) and isinstance(planned, int) and done < planned:
        run.note("global_step", f"the run stopped at update {done} of {planned}")
    yield run


def _convention(lr, planned) -> tuple[Convention, str | None]:
    """Which update's LR a row holds, and what a person should check."""
    if lr is None or not lr[0].size:
        return Convention(0, 0), None
    steps, values = lr
    if steps[-1] == planned and values[-1] == 0:
        return Convention(0, 1), "its last row holds LR 0: written by transformers before 4.51, where a row holds the next update's LR"
    if steps[0] == 1 and values[0] == 0:
        return Convention(0, 0), None
    why = "taken for that of the row's own update, as transformers writes it since 4.51; state lr_shift=1 if yours is older"
    return Convention(0, 0), why
