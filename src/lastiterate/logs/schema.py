"""The log schema: two tables that every reader ends in and every analysis starts from, checked at the border.

runs     one row per run; keys and settings, the schedule as JSON phases, and the two final losses. What the publisher
         does not tell is null; `total_steps` is then the last step logged. A run that
         diverged has no final losses.
         `lr_from` says where its learning rates come from: its "schedule", with which every logged one was found to
         agree; "recognised", a schedule that explains every logged one; the "log", which has that of every update;
         "interpolated" between those that the log has; null if neither.
history  one row per (run_id, step) with something logged. `step` counts updates: the row of step k was logged after
         update k, a row of step 0 before the first. `lr` is the learning rate that update `step` executed (null at
         step 0, and where it is not told); a logged one has a row of its own, so that they can be interpolated again.
         `val_loss` is what was logged along the way, often on a subset; `final_val_loss` in runs is on the whole
         validation set. They differ by a constant and more: never mix them. `grad_norm` (l2) and `grad_norm_l1` are
         before clipping; `weight_norm_sq` is the squared norm of all weight matrices over its value before the first
         update, `relative_update` the norm of their change over their norm; null where a trainer does not log them.
"""

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from lastiterate.logs.run_log import HISTORY_VALUES, RunLog

_positive = pa.Check.gt(0)

RUNS = pa.DataFrameSchema(
    {
        "run_id": pa.Column(str, unique=True),
        "source": pa.Column(str),
        "dataset": pa.Column(str, nullable=True),
        "model": pa.Column(str, nullable=True),
        "n_params": pa.Column("Int64", _positive, nullable=True),
        "optimizer": pa.Column(str, nullable=True),
        "schedule_name": pa.Column(str, nullable=True),
        "schedule": pa.Column(str, nullable=True),
        "base_lr": pa.Column("float64", _positive, nullable=True),
        "total_steps": pa.Column("int64", _positive),
        "warmup_steps": pa.Column("Int64", pa.Check.ge(0), nullable=True),
        "decay_steps": pa.Column("Int64", pa.Check.ge(0), nullable=True),
        "decay_shape": pa.Column(str, nullable=True),
        "cooldown": pa.Column("float64", pa.Check.in_range(0, 1), nullable=True),
        "tokens_per_step": pa.Column("Int64", _positive, nullable=True),
        "batch_size": pa.Column("Int64", _positive, nullable=True),
        "weight_decay": pa.Column("float64", pa.Check.ge(0), nullable=True),
        "seed": pa.Column("Int64", nullable=True),
        "parent_run": pa.Column(str, nullable=True),
        "branch_step": pa.Column("Int64", nullable=True),
        "final_train_loss": pa.Column("float64", nullable=True),
        "final_val_loss": pa.Column("float64", nullable=True),
        "diverged": pa.Column(bool),
        "lr_from": pa.Column(str, pa.Check.isin(["schedule", "recognised", "log", "interpolated"]), nullable=True),
    },
    strict=True,
    ordered=True,
)

HISTORY = pa.DataFrameSchema(
    {
        "run_id": pa.Column("category"),
        "step": pa.Column("int64", pa.Check.ge(0)),
        "lr": pa.Column("float64", pa.Check.ge(0), nullable=True),
        **{name: pa.Column("float64", nullable=True) for name in HISTORY_VALUES},
    },
    unique=["run_id", "step"],
    strict=True,
    ordered=True,
)


def runs_table(runs: list[RunLog], source: str) -> pd.DataFrame:
    """The runs table of a source, checked; ValueError that names column, rule and run if it does not fit."""
    rows = [
        {
            "run_id": run.run_id,
            "source": source,
            "dataset": run.dataset,
            "model": run.model,
            "n_params": run.n_params,
            "optimizer": run.optimizer,
            "schedule_name": run.schedule.name if run.schedule else None,
            "schedule": run.schedule.to_json() if run.schedule else None,
            "base_lr": run.base_lr,
            "total_steps": run.total_steps,
            "warmup_steps": run.schedule.warmup_steps if run.schedule else None,
            "decay_steps": run.schedule.decay_steps if run.schedule else None,
            "decay_shape": run.schedule.decay_shape if run.schedule else None,
            "cooldown": run.cooldown,
            "tokens_per_step": run.tokens_per_step,
            "batch_size": run.batch_size,
            "weight_decay": run.weight_decay,
            "seed": run.seed,
            "parent_run": run.parent_run,
            "branch_step": run.branch_step if run.parent_run else None,
            "final_train_loss": run.final_train_loss,
            "final_val_loss": run.final_val_loss,
            "diverged": run.diverged,
            "lr_from": run.lr_from,
        }
        for run in runs
    ]
    table = pd.DataFrame(rows, columns=list(RUNS.columns))
    kinds = {name: str(column.dtype) for name, column in RUNS.columns.items() if "64" in str(column.dtype)}
    return _checked(table.astype(kinds), RUNS, source)


def history_table(runs: list[RunLog], source: str) -> pd.DataFrame:
    """The history table of a source, checked; ordered by run, then step."""
    logged = lambda run: [steps for steps, _ in [*run.series.values(), *([run.logged_lr] if run.logged_lr else [])]]
    steps = [np.unique(np.concatenate([np.empty(0, np.int64), *logged(run)])) for run in runs]
    values = {name: [] for name in ("lr", *HISTORY_VALUES)}
    for run, at in zip(runs, steps, strict=True):
        executed = np.full(len(at), np.nan)
        if (lr := run.lr) is not None:
            inside = (at > 0) & (at <= run.total_steps)
            executed[inside] = lr[at[inside] - 1]
        elif run.logged_lr:
            executed[np.searchsorted(at, run.logged_lr[0])] = run.logged_lr[1]
        values["lr"].append(executed)
        for name in HISTORY_VALUES:
            column = np.full(len(at), np.nan)
            if name in run.series:
                logged, numbers = run.series[name]
                column[np.searchsorted(at, logged)] = numbers
            values[name].append(column)
    codes = np.repeat(np.arange(len(runs)), [len(at) for at in steps])
    table = pd.DataFrame(
        {
            "run_id": pd.Categorical.from_codes(codes, [run.run_id for run in runs]),
            "step": np.concatenate(steps) if runs else np.empty(0, np.int64),
            **{name: np.concatenate(parts) if runs else np.empty(0) for name, parts in values.items()},
        }
    )
    return _checked(table, HISTORY, source)


def _checked(table: pd.DataFrame, schema: pa.DataFrameSchema, source: str) -> pd.DataFrame:
    try:
        return schema.validate(table, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases.head(5)
        lines = [f"  column {c.column}: rule {c.check}, found {c.failure_case} in row {c.index}" for c in cases.itertuples()]
        raise ValueError(f"{source}: the reader's tables do not fit the log schema\n" + "\n".join(lines)) from None
