"""What the log families share: reading the ingested tables, and selecting runs by what they are, never by file name."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from lastiterate.workflow.step import StepError

_LISTED = ("source", "dataset", "model", "n_params", "schedule_name", "decay_shape", "cooldown", "base_lr", "total_steps")


def load_runs(inputs: Iterable[Path]) -> pd.DataFrame:
    """The runs tables among `inputs` (files named runs.parquet), one after the other.

    Where no run of a source has a final validation loss, `final_val_loss` is the final training loss, as a column `loss` says.
    """
    tables = [pd.read_parquet(path) for path in inputs if path.stem == "runs"]
    for i, table in enumerate(tables):
        if table.final_val_loss.isna().all() and table.final_train_loss.notna().any():
            print(f"{', '.join(table.source.unique())}: no validation loss is logged: the training loss is taken", file=sys.stderr)
            tables[i] = table.assign(final_val_loss=table.final_train_loss, loss="train_loss")
    return pd.concat(tables, ignore_index=True)


def labelled(runs: pd.DataFrame) -> list[str]:
    """The column that says which loss is drawn, where it is not that of the papers."""
    return ["loss"] if "loss" in runs else []


def load_results(inputs: Iterable[Path]) -> pd.DataFrame:
    """The results tables among `inputs` (files named results.parquet), one after the other."""
    return pd.concat([pd.read_parquet(path) for path in inputs if path.stem == "results"], ignore_index=True)


def load_history(inputs: Iterable[Path], run_ids: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """History of the given runs: run_id, step and `columns`, from the history tables among `inputs`."""
    wanted = ["run_id", "step", *columns]
    parts = [pd.read_parquet(path, columns=wanted, filters=[("run_id", "in", list(run_ids))]) for path in inputs if path.stem == "history"]
    return pd.concat([part.astype({"run_id": str}) for part in parts], ignore_index=True)


def loss_curves(inputs: Iterable[Path], labels: pd.DataFrame) -> pd.DataFrame:
    """Logged validation loss (step, val_loss) of the runs of `labels` (run_id and label columns), which replace the run_id."""
    history = logged_losses(inputs, labels.run_id.tolist())
    return labels.merge(history, on="run_id").drop(columns="run_id")


def logged_losses(inputs: Iterable[Path], run_ids: Sequence[str]) -> pd.DataFrame:
    """run_id, step and val_loss; where none of the runs logged a validation loss, the training loss, as a column `loss` says."""
    history = load_history(inputs, run_ids, ["val_loss", "train_loss"])
    if history.val_loss.isna().all() and history.train_loss.notna().any():
        history = history.assign(val_loss=history.train_loss, loss="train_loss")
    return history.drop(columns="train_loss").dropna(subset="val_loss")


def fitting(runs: pd.DataFrame, clause: dict) -> pd.Series:
    """Whether each run fits all fields of a clause; a field holds a value or a list of values."""
    fits = pd.Series(True, index=runs.index)
    for field, wanted in clause.items():
        fits &= runs[field].isin(wanted if isinstance(wanted, list) else [wanted])
    return fits


def select(runs: pd.DataFrame, clauses: Sequence[dict], one_per: Sequence[str]) -> pd.DataFrame:
    """Runs that fit at least one clause (see `fitting`).

    StepError if a clause matches no run, if a value of a list is matched by none, or if two runs agree in all of
    `one_per`, by which the figure tells runs apart; the message lists what there is.
    """
    chosen = []
    for clause in clauses:
        found = runs[fitting(runs, clause)]
        for field, wanted in clause.items():
            absent = [value for value in wanted if not (found[field] == value).any()] if isinstance(wanted, list) else []
            if found.empty or absent:
                what = f"{field}={absent[0]}" if absent and not found.empty else "any run"
                raise StepError(f"the selection {clause} does not match {what}. Selectable runs:\n{_listing(runs)}")
        chosen.append(found)
    result = pd.concat(chosen).drop_duplicates("run_id")
    twice = result[result.duplicated(list(one_per), keep=False)]
    if len(twice):
        same = ", ".join(one_per)
        raise StepError(f"the selection matches several runs of equal {same}; narrow it in config.yaml:\n{_listing(twice, ids=True)}")
    return result.sort_values(list(one_per)).reset_index(drop=True)


def _listing(runs: pd.DataFrame, ids: bool = False, most: int = 40) -> str:
    """What there is to select, in a table of distinct settings."""
    columns = [*(["run_id"] if ids else []), *_LISTED]
    table = runs[columns].drop_duplicates().sort_values(columns)
    text = table.head(most).to_string(index=False)
    return text + (f"\n... and {len(table) - most} more" if len(table) > most else "")
