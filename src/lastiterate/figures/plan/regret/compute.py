"""regret: sweeps with runs hidden, planned from the rest; what the planner's choice loses against the best run of the sweep.

A case is a set of pilots and a set of settings that may be chosen, all of them runs that were made: the regret is the
true final loss of the chosen run minus the lowest among them. Runs of one seed make a case of their own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from lastiterate.figures.runs import fitting, load_runs
from lastiterate.figures.splits import distinct
from lastiterate.plan.choose import choose
from lastiterate.plan.curves import pilot_curves
from lastiterate.plan.load import table_pilots
from lastiterate.plan.pilots import Pilot
from lastiterate.plan.plausible import WORST, Plausible, plausible
from lastiterate.schedules import Schedule
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError, run_step

LEAST_PILOTS, LEAST_CANDIDATES = 2, 3
FIRST_COOLDOWN = 0.2  # of the run that a case `continue` goes on from


@dataclass(frozen=True)
class Case:
    """One plan: the runs that it may see, those that it chooses among, and what is hidden from it."""

    task: str
    label: str
    pilots: tuple[str, ...]
    candidates: tuple[str, ...]


def compute(parameters, inputs):
    """Tables cases and summary."""
    runs = load_runs(inputs)
    rows = Rows()
    for model, entry in parameters["models"].items():
        sweep = runs[fitting(runs, entry["select"]) & runs.final_val_loss.notna() & runs.schedule.notna()]
        if sweep.empty:
            raise StepError(f"the selection {entry['select']} matches no run: correct it in config.yaml")
        known = _pilots(inputs, sweep)
        for seed, part in sweep.groupby(sweep.seed.fillna(0)):
            part = distinct(part[part.run_id.isin(known)])
            law_of = cache(partial(_law, known=known, init_std=entry["init_std"], weight_decay=entry["weight_decay"]))
            for case in (case for case in cases(part) if len(case.candidates) >= LEAST_CANDIDATES):
                rows.add(model=model, seed=int(seed), **_judged(case, part.set_index("run_id"), known, law_of, parameters["level"]))
    return {"cases": rows, "summary": summary(pd.DataFrame(rows.columns), parameters["aim"])}


def _pilots(inputs: list[Path], sweep: pd.DataFrame) -> dict[str, Pilot]:
    found = {}
    for runs in (path for path in inputs if path.stem == "runs"):
        pilots, _ = table_pilots(runs, runs.with_name("history.parquet"), sweep.run_id.tolist())
        found |= {pilot.run_id: pilot for pilot in pilots if "val_loss" in pilot.losses}
    return found


def cases(runs: pd.DataFrame) -> Iterator[Case]:
    """Every case that a sweep (one model, one seed) allows.

    longer    pilots: one schedule at all learning rates of one horizon; choose among the runs of a longer horizon
    cooldown  pilots: one schedule at all learning rates; choose among all schedules of the same horizon
    base_lr   pilots: all schedules at two neighbouring learning rates; choose among all learning rates and schedules of the horizon
    hidden    pilots: the worse half of a horizon's runs (the constant ones too); choose among all of it
    one_peak  pilots: all schedules at one learning rate, of horizons up to one; choose among that learning rate's runs of a longer one
    continue  pilots: all runs of a horizon; choose among those runs of a longer one, at one learning rate, that are at their peak until
              80 % of the shorter horizon, so that they go on from the checkpoint before a cooldown of 20 %
    """
    ends = runs[runs.decay_shape.notna()]
    shape = ["schedule_name", "decay_shape", "cooldown", "final_lr_ratio"]
    for horizon, pool in ends.groupby("total_steps"):
        all_of = tuple(pool.run_id)
        for key, pilots in pool.groupby(shape, sort=True):
            name = f"{key[0]} {key[1]} {key[2]:g}" if key[0] == "wsd" else f"{key[0]} to {key[3]:g}"
            yield Case("cooldown", f"{horizon}: {name}", tuple(pilots.run_id), all_of)
            for longer, others in ends[ends.total_steps > horizon].groupby("total_steps"):
                yield Case("longer", f"{horizon} to {longer}: {name}", tuple(pilots.run_id), tuple(others.run_id))
        for longer, others in ends[ends.total_steps > horizon].groupby("total_steps"):
            for lr, same in others.groupby("base_lr"):
                pilots = ends[(ends.total_steps <= horizon) & (ends.base_lr == lr)]
                yield Case("one_peak", f"{horizon} to {longer}: {lr:g}", tuple(pilots.run_id), tuple(same.run_id))
                step = round((1 - FIRST_COOLDOWN) * horizon)
                goes_on = same[[Pilot(run.run_id, Schedule.from_json(run.schedule).lr, {}).stable(step) for run in same.itertuples()]]
                yield Case("continue", f"{horizon} to {longer}: {lr:g} from {step}", all_of, tuple(goes_on.run_id))
        for pair in pairwise(sorted(pool.base_lr.unique())):
            yield Case("base_lr", f"{horizon}: {pair[0]:g}, {pair[1]:g}", tuple(pool[pool.base_lr.isin(pair)].run_id), all_of)
        worse = pool[pool.final_val_loss > pool.final_val_loss.median()]
        flat = runs[(runs.total_steps == horizon) & runs.decay_shape.isna()]
        yield Case("hidden", f"{horizon}: worse half", (*worse.run_id, *flat.run_id), all_of)


def _law(pilots: tuple[str, ...], known: dict[str, Pilot], init_std: float, weight_decay: float) -> Plausible | None:
    """The laws of a plan from these pilots; None where the planner refuses them."""
    curves = pilot_curves([known[run] for run in pilots], "val_loss", init_std, weight_decay)
    laws = plausible(curves) if len(curves) >= LEAST_PILOTS else None
    return None if laws is None or laws.error > WORST else laws


def _judged(
    case: Case, runs: pd.DataFrame, known: dict[str, Pilot], law_of: Callable[[tuple[str, ...]], Plausible | None], level: float
) -> dict:
    """A row of the table: what was chosen, by the planner and by three rules without a law, and what each loses."""
    row = {"task": case.task, "case": case.label, "pilots": len(case.pilots), "candidates": len(case.candidates)}
    losses = runs.final_val_loss.loc[list(case.candidates)].to_numpy()
    numbers = dict.fromkeys(("regret", "error", "inside", "best_pilot_regret", "wsd20_regret"), np.nan)
    row |= {"law": "", "chosen": "", "best": case.candidates[int(losses.argmin())], "refused": 1, **numbers}
    row["range"] = float(losses.max() - losses.min())
    laws = law_of(case.pilots)
    if laws is None:
        return row
    try:
        choice = choose(laws, [known[run].lr for run in case.candidates])
    except ValueError:
        return row
    picked = case.candidates[choice.index]
    steps, values = known[picked].losses["val_loss"]
    draws = laws.along(known[picked].lr, [int(steps[-1])])
    low, high = laws.interval(draws, level)
    return row | {
        "law": laws.members[0].name,
        "regret": float(losses[choice.index] - losses.min()),
        "chosen": picked,
        "error": float(laws.predicted(draws)[0] - values[-1]),
        "inside": float(low[0] <= values[-1] <= high[0]),
        "best_pilot_regret": _pilot_regret(case, runs, losses, kind="best"),
        "wsd20_regret": _pilot_regret(case, runs, losses, kind="wsd20"),
        "refused": 0,
    }  # fmt: skip


def _pilot_regret(case: Case, runs: pd.DataFrame, losses: np.ndarray, kind: str) -> float:
    """Regret of a rule without a law: the best pilot's setting again ("best"), or wsd with 20 % cooldown at its learning rate.

    The best pilot is that among the pilots whose learning rate can be chosen.
    """
    options = runs.loc[list(case.candidates)]
    pilots = runs.loc[[run for run in case.pilots if pd.notna(runs.decay_shape[run]) and runs.base_lr[run] in set(options.base_lr)]]
    if pilots.empty:
        return np.nan
    best = pilots.loc[pilots.final_val_loss.idxmin()]
    fits = options.base_lr == best.base_lr
    if kind == "best":
        fits &= (options.schedule_name == best.schedule_name) & (options.decay_shape == best.decay_shape)
        fits &= (options.cooldown == best.cooldown) & (options.final_lr_ratio == best.final_lr_ratio)
    else:
        fits &= (options.schedule_name == "wsd") & (options.decay_shape == "linear") & (options.cooldown == 0.2)
    return float(options[fits].final_val_loss.iloc[0] - losses.min()) if fits.any() else np.nan


def summary(table: pd.DataFrame, aim: float) -> dict:
    """Regrets by model and task, and over all cases of a model."""
    rows = Rows()
    for model, part in table.groupby("model", sort=False):
        for task in (*dict.fromkeys(part.task), "all"):
            group = part if task == "all" else part[part.task == task]
            done = group[group.refused == 0]
            rows.add(
                model=model, task=task, cases=len(done), refused=int(group.refused.sum()),
                median=done.regret.median(), mean=done.regret.mean(),
                p90=done.regret.quantile(0.9), largest=done.regret.max(), within_aim=float((done.regret <= aim).mean()),
                best_pilot=done.best_pilot_regret.median(), wsd20=done.wsd20_regret.median(), range=done.range.median(),
                absolute_error=done.error.abs().median(), coverage=done.inside.mean(),
            )  # fmt: skip
    return rows


if __name__ == "__main__":
    run_step(compute)
