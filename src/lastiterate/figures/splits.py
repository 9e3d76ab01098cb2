"""Train/test splits of logged runs for the leaderboard of loss laws, and the curves of the runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lastiterate.figures.runs import fitting, logged_losses
from lastiterate.laws import Curve
from lastiterate.schedules import Schedule
from lastiterate.workflow.step import StepError

_SAME = ["source", "dataset", "n_params", "schedule_name", "decay_shape", "cooldown", "base_lr", "total_steps", "final_lr_ratio"]


@dataclass(frozen=True)
class Task:
    """One fit of the leaderboard: the runs that it may see and those that it is judged on."""

    split: str
    group: str
    draw: int
    train: tuple[str, ...]
    test: tuple[str, ...]


def tasks(runs: pd.DataFrame, splits: dict, seed: int) -> Iterator[Task]:
    """Tasks of every split: for each group of runs that agree in `group_by`, and each draw of training runs.

    A run is in a split's pool if it fits one of its clauses. With `draws`, each draw takes `train_runs` runs of the training
    pool at random, at least `train_runs // 3` of each peak learning rate. Without `test`, the pool's other runs are tested.
    """
    for name, split in splits.items():
        rng = np.random.default_rng(seed)
        pools = {part: runs[_fits(runs, split[part])] for part in ("train", "test") if part in split}
        for label, pool in pools["train"].groupby(split["group_by"], sort=True):
            group = " ".join(f"{value / 1e6:.0f}M" if isinstance(value, int | np.integer) else str(value) for value in label)
            other = pools.get("test", pool)
            other = other[(other[split["group_by"]] == list(label)).all(axis=1)].run_id
            for draw in range(split.get("draws", 1)):
                train = _drawn(pool, split["train_runs"], rng, name) if "draws" in split else tuple(pool.run_id)
                test = tuple(run for run in other if run not in train)
                if not test:
                    raise StepError(f"split {name}, group {group}: no run is left to test on: widen its clauses in config.yaml")
                yield Task(name, group, draw, train, test)


def _drawn(pool: pd.DataFrame, count: int, rng: np.random.Generator, name: str) -> tuple[str, ...]:
    least = count // 3 if pool.base_lr.nunique() > 1 else 0
    if len(pool) < count:
        raise StepError(f"split {name} draws {count} training runs, but its pool has {len(pool)}: lower train_runs or widen its clauses")
    for _ in range(1000):
        drawn = pool.iloc[np.sort(rng.choice(len(pool), count, replace=False))]
        if drawn.base_lr.value_counts().reindex(pool.base_lr.unique(), fill_value=0).min() >= least:
            return tuple(drawn.run_id)
    raise StepError(f"split {name}: no draw has {least} runs of each peak learning rate: raise train_runs")


def distinct(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs with a schedule and its `final_lr_ratio`, without repetitions of the same settings, ordered by name."""
    runs = runs[runs.schedule.notna()].sort_values("run_id", ignore_index=True)
    lr = [Schedule.from_json(text).lr for text in runs.schedule]
    runs["final_lr_ratio"] = [round(float(v[-1] / v.max()), 4) if v[-1] > v.max() / 50 else 0.0 for v in lr]
    return runs.drop_duplicates(_SAME, ignore_index=True)


def _fits(runs: pd.DataFrame, clauses: list[dict]) -> pd.Series:
    """Whether each run fits all fields of at least one clause; StepError for a clause that none fits."""
    found = pd.Series(False, index=runs.index)
    for clause in clauses:
        fits = fitting(runs, clause)
        if not fits.any():
            raise StepError(f"the selection {clause} matches no run: correct it in config.yaml")
        found |= fits
    return found


def curves(inputs: list[Path], runs: pd.DataFrame, first_step: int, init_std: float, weight_decay: float) -> dict[str, Curve]:
    """The validation losses of the runs from `first_step` on, by run."""
    history = logged_losses(inputs, runs.run_id.tolist())
    groups = dict(list(history.groupby("run_id")))
    result = {}
    for run in runs.itertuples():
        lr = Schedule.from_json(run.schedule).lr
        rows = groups[run.run_id]
        rows = rows[(rows.step >= first_step) & (rows.step <= len(lr))]
        if len(rows) > 2:
            result[run.run_id] = Curve(lr, rows.step.to_numpy(), rows.val_loss.to_numpy(), run.run_id, init_std, weight_decay)
    return result
