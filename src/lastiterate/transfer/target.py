"""The run that is asked for, on the scales of a table: what is stated of it, and what the table has to say of the rest."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lastiterate._checks import check_number
from lastiterate.transfer.held_out import surface_of
from lastiterate.transfer.optima import find_optimum, noise_between_seeds
from lastiterate.transfer.runs import FinishedRun, Sweep, groups_of


class CannotTell(ValueError):
    """The table does not tell what was asked, and why."""


@dataclass(frozen=True, eq=False)
class Target:
    """The run asked for."""

    n_params: float
    tokens: float
    batch: float | None
    weight_decay: float | None
    level: tuple[str, ...]


def _best_batch(sweep: Sweep, tokens: float, weight_decay: float | None) -> float | None:
    """The batch of least loss for so many tokens; None if the table does not show it."""
    groups = groups_of(sweep.runs)
    noise, _ = noise_between_seeds([(group.lr, group.loss) for group in groups])
    pairs = [(group, found) for group in groups if (found := find_optimum(group.lr, group.loss, noise))]
    waste = surface_of(pairs, weight_decay).waste(tokens) if pairs else None
    return waste.best if waste else None


def without_zero_decay(sweep: Sweep, asked: float | None, notes: list[str]) -> Sweep:
    """The sweep in which weight decay is positive everywhere, or known nowhere."""
    values = Counter(run.weight_decay for run in sweep.runs)
    plain = {value for value in values if value is None or value == 0}
    if asked is not None and set(values) == {None}:
        raise CannotTell(
            "the table does not tell its runs' weight decay: leave out --weight-decay, or name the column with --map weight_decay=COLUMN"
        )
    if asked == 0 or (asked is None and values.most_common(1)[0][0] in plain):
        kept = [replace(run, weight_decay=None) for run in sweep.runs if run.weight_decay in plain]
    else:
        kept = [run for run in sweep.runs if run.weight_decay not in plain]
    if not kept:
        raise CannotTell(f"no run of the table has weight decay {asked:g}, which is on no scale with others: run a sweep without it")
    if lost := len(sweep.runs) - len(kept):
        what = "not 0" if kept[0].weight_decay is None else "0 or not known"
        notes.append(f"{lost} runs were left out whose weight decay is {what}, unlike the real run's")
    return replace(sweep, runs=tuple(kept))


def find_target(
    sweep: Sweep, n_params: float, tokens: float, batch: float | None, weight_decay: float | None, like: Mapping[str, str], notes: list[str]
) -> Target:
    """What the real run is, as far as it is stated, and else as the table has it; `notes` gets what was taken."""
    batches: Counter[Any] = Counter(run.batch for run in sweep.runs)
    if batch is None:
        best = _best_batch(sweep, tokens, weight_decay) if len(batches) > 1 and None not in batches else None
        if len(batches) > 1 and best is None:
            some = ", ".join(f"{value:g}" for value in sorted(batches)[:8])
            more = ", ..." if len(batches) > 8 else ""
            raise CannotTell(f"the table has batches of {some}{more} {sweep.batch_unit}: state the real run's with --batch")
        batch = float(f"{best:.3g}") if best else next(iter(batches))
        which = f"{batch:.3g} {sweep.batch_unit}" if batch else "which it does not tell"
        of = "of least loss for so many tokens" if best else "that of the table"
        notes.append(f"the real run's batch is taken to be {of}, {which} (--batch states another)")
    elif None in batches:
        raise CannotTell("the table does not tell its runs' batch: leave out --batch, or name the column with --map batch=COLUMN")
    else:
        check_number("batch", batch, f"it is that of the real run, in {sweep.batch_unit}", open_low=True)
        if not min(batches) / 300 <= batch <= max(batches) * 300:
            has = f"{min(batches):g} to {max(batches):g}"
            raise CannotTell(f"--batch {batch:g} is not in the unit of the table, {sweep.batch_unit}, in which it has {has}")
    decays = Counter(run.weight_decay for run in sweep.runs)
    if weight_decay is None or None in decays:
        weight_decay = decays.most_common(1)[0][0]
        if len(decays) > 1:
            notes.append(f"the real run's weight decay is taken to be {weight_decay:g}, the table's commonest (--weight-decay states it)")
    for name, value in like.items():
        if name not in sweep.level_names:
            raise CannotTell(f"--like {name}={value}: settings that differ in the table are {', '.join(sweep.level_names) or 'none'}")
        at = sweep.level_names.index(name)
        if value not in (had := sorted({run.level[at] for run in sweep.runs})):
            raise CannotTell(f"--like {name}={value}: the table has {', '.join(had)}")
    agrees: Callable[[FinishedRun], bool] = lambda run: all(
        run.level[sweep.level_names.index(name)] == value for name, value in like.items()
    )
    levels = Counter(run.level for run in sweep.runs if agrees(run))
    if not levels:
        raise CannotTell(f"no run of the table has {', '.join(f'{name}={value}' for name, value in like.items())} together")
    level = levels.most_common(1)[0][0]
    if len(levels) > 1:
        words = ", ".join(f"{name}={value}" for name, value in zip(sweep.level_names, level, strict=True))
        notes.append(f"the real run is taken to have {words}, the table's commonest (--like COLUMN=VALUE states another)")
    return Target(n_params, tokens, batch, weight_decay, level)
