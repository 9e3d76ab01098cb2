"""Finished runs of a sweep: their settings and final losses, and the groups that differ in their learning rate only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SAME = 1.01  # sizes, and numbers of tokens, whose ratio is less are one


@dataclass(frozen=True)
class FinishedRun:
    """A run; batch in sequences or tokens, as the table counts; a loss of inf is that of a run that diverged; None: not known."""

    n_params: float
    tokens: float
    lr: float
    loss: float
    batch: float | None = None
    weight_decay: float | None = None
    level: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sweep:
    """The runs of a table.

    Attributes
    ----------
    runs : tuple of FinishedRun
    level_names : tuple of str
        Columns whose values `level` holds.
    notes : tuple of str
        What was taken for what, and what was left out.
    batch_unit : str
        "sequences" or "tokens".
    unit_tokens : float or None
        Tokens of one unit of the batch.
    """

    runs: tuple[FinishedRun, ...]
    level_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    batch_unit: str = "sequences"
    unit_tokens: float | None = None


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that differ in nothing known but the learning rate: lr and loss have shape (n,)."""

    n_params: float
    tokens: float
    batch: float | None
    weight_decay: float | None
    level: tuple[str, ...]
    lr: np.ndarray
    loss: np.ndarray


def groups_of(runs: Sequence[FinishedRun]) -> list[Group]:
    """The groups, in the order of size, tokens, batch.

    >>> [(g.n_params, g.lr.tolist()) for g in groups_of([FinishedRun(1e8, 2e9, 1e-3, 3.1), FinishedRun(1.001e8, 2e9, 2e-3, 3.2)])]
    [(100000000.0, [0.001, 0.002])]
    """
    size, length = (_merged({getattr(run, name) for run in runs}) for name in ("n_params", "tokens"))
    found: dict[tuple[Any, ...], list[FinishedRun]] = {}
    for run in runs:
        found.setdefault((size[run.n_params], length[run.tokens], run.batch, run.weight_decay, run.level), []).append(run)
    order = sorted(found, key=lambda key: (*((value is not None, value or 0) for value in key[:4]), key[4]))
    parts = [(*key, np.array([run.lr for run in found[key]]), np.array([run.loss for run in found[key]])) for key in order]
    return [Group(*part) for part in parts]


def _merged(values: set[float]) -> dict[float, float]:
    """The least of those that are nearly the same, by value."""
    first, of = 0.0, {}
    for value in sorted(values):
        if not first or value > first * SAME:
            first = value
        of[value] = first
    return of
