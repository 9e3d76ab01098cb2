"""Reader of trainer_state.json, which Hugging Face's Trainer writes beside every checkpoint.

`step` is the number of updates done, and `global_step` of the file those of the whole run, also where no row is logged at its
end; a row with `loss` is the mean over the updates since the row before; `eval_loss` (`eval_NAME_loss` with several sets) is
the loss on the evaluation set after that update. The row with `train_loss` that ends a run is a mean over all of it, and is
left aside. Up to transformers 4.50 the row of step k holds the LR of update k + 1 (the scheduler had stepped), from 4.51 on
that of update k. A file without the key `best_global_step` is older than 4.50; one with it may be 4.50, which the learning
rates themselves tell (`convention.told_by_data`).
Source: huggingface/transformers, trainer.py (_maybe_log_save_evaluate) and trainer_callback.py (TrainerState) as released in
4.49.0, 4.50.0, 4.50.3 and 4.51.0; issue 35942 and pull request 36973.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lastiterate.logs.assemble import assemble, counted
from lastiterate.logs.columns import may_be_val_loss, remark, shortened, unused
from lastiterate.logs.convention import Convention
from lastiterate.logs.formats.source import LogFile, text_of
from lastiterate.logs.run_log import RunLog

NAME = "Hugging Face trainer_state.json"
COLUMNS = {"lr": "learning_rate", "train_loss": "loss", "val_loss": "eval_loss", "grad_norm": "grad_norm"}
OLD = "written by transformers before 4.50 (no key best_global_step), where a row holds the next update's LR"


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
    names = list(dict.fromkeys(name for row in history for name in row))
    taken = _taken(file, names)
    columns, step = {}, dict(_numbers(file, history, "step"))
    for role, name in taken.items():
        rows = _numbers(file, history, name) if role != "step" else []
        for i, _ in rows:
            if i not in step:
                raise file.error(f"log_history[{i}]", f"has {name} but no step")
        if rows:
            columns[role] = counted(file.name, "step", [step[i] for i, _ in rows]), np.array([value for _, value in rows], np.float64)
    done, planned = _count(file, state, "global_step"), _count(file, state, "max_steps")
    old = "best_global_step" not in state
    convention = Convention(0, int(old), lr_certain=old, lr_from_0=not old)
    run = assemble(
        file.name, file.run_id, NAME, columns, taken, file.stated, convention,
        name=file.path.resolve().parent.name, planned=planned or done, updates=done,
    )  # fmt: skip
    if old and "lr" in columns and file.stated.lr_shift is None and run.schedule is None:
        run.note(taken["lr"], OLD)
    sets = [name for name in names if may_be_val_loss(name)]
    if "val_loss" not in taken and sets:
        run.note("val_loss", f"several validation losses, {shortened(sets)}: name the one to take with --map val_loss=")
    left = unused(names, [*taken.values(), "train_loss", *(sets if "val_loss" not in taken else ())])
    if left:
        run.note("columns", f"not used: {shortened(left)}: name one with --map if it is wanted")
    for role, name in taken.items():
        if role != "step" and (why := remark(name)):
            run.note(name, f"is {why}, by its name; it is taken as it stands", doubt=True)
    if done and planned and done < planned:
        run.note("global_step", f"the run stopped at update {done} of {planned}")
    yield run


def _taken(file: LogFile, names: list[str]) -> dict[str, str]:
    """Keys by role: those mapped, the Trainer's own, and the loss on the evaluation set if there is only one."""
    mapping = {role: name for role, name in file.stated.mapping.items() if role != "run_id"}
    for role, name in mapping.items():
        if name not in names:
            raise file.error("columns", f"there is no column {name!r} for {role}, but {shortened(names)}: map {role} to one of them")
    taken = {"step": "step"} | COLUMNS | mapping
    sets = [name for name in names if may_be_val_loss(name)]
    if taken["val_loss"] not in names and len(sets) == 1:
        taken["val_loss"] = sets[0]
    return {role: name for role, name in taken.items() if name in names or role == "step"}


def _numbers(file: LogFile, history: list[dict], name: str) -> list[tuple[int, float]]:
    """(row, number) of the rows that have the key; LogError for what is no number."""
    rows = [(i, row[name]) for i, row in enumerate(history) if row.get(name) is not None]
    for i, value in rows:
        if type(value) not in (int, float) or (type(value) is int and abs(value) >= 2**1023):
            raise file.error(f"log_history[{i}].{name}", f"is {value!r:.40}, expected a number")
    return rows


def _count(file: LogFile, state: dict, key: str) -> int | None:
    """A count of updates in the file; None if it has none, or not yet."""
    value = state.get(key)
    if value is None:
        return None
    if type(value) is not int or value > file.stated.limits.updates:
        raise file.error(key, f"is {value!r:.40}, expected a count of updates")
    return value if value > 0 else None
