"""Cases of `regret` in sweeps of logged runs."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from lastiterate.figures.plan.logged_pilots import logged_pilots
from lastiterate.figures.plan.regret.cases import RATIOS, Case, cases, horizons_of
from lastiterate.figures.plan.regret.judge import ask, laws_of, row
from lastiterate.figures.runs import fitting, load_runs
from lastiterate.figures.splits import distinct
from lastiterate.plan.curves import pilot_curves
from lastiterate.plan.pilots import Pilot
from lastiterate.workflow.step import StepError


def judged(entry: dict, inputs: list[Path], level: float) -> Iterator[dict]:
    """A row for each case of the sweep: runs that agree in `by` (their seed, if nothing else is said) make cases of their own."""
    runs = load_runs(inputs)
    sweep = runs[fitting(runs, entry["runs"]) & runs.final_val_loss.notna() & runs.schedule.notna()]
    if sweep.empty:
        raise StepError(f"the selection {entry['runs']} matches no run: correct it in config.yaml")
    known = logged_pilots(inputs, sweep)
    by = entry.get("by", "seed")
    for value, part in sweep.groupby(sweep[by].fillna(0)):
        part = distinct(part[part.run_id.isin(known)])
        if set(entry["tasks"]) & set(RATIOS):
            part = with_prefixes(part, known)
        laws = cache(
            lambda names: laws_of(pilot_curves([known[run] for run in names], "val_loss", entry["init_std"], entry["weight_decay"]))
        )
        table = part.set_index("run_id")
        for case in cases(part, entry["tasks"]):
            yield {"group": f"{by} {value:g}", **_judged(case, table, known, laws, level)}


def with_prefixes(runs: pd.DataFrame, known: dict[str, Pilot]) -> pd.DataFrame:
    """The runs, and the constant ones ended at each shorter horizon, where they are runs as well; `known` gets those.

    The loss of a prefix is that of its run, linear in the updates between two that were logged.
    """
    shorter = []
    for run in runs[runs.schedule_name == "constant"].to_dict("records"):
        pilot = known[run["run_id"]]
        steps, losses = pilot.losses["val_loss"]
        for horizon in (h for h in horizons_of(runs) if h < run["total_steps"]):
            name, seen = f"{run['run_id']} until {horizon}", steps <= horizon
            known[name] = Pilot(name, pilot.lr[:horizon], {"val_loss": (steps[seen], losses[seen])}, lr_from=pilot.lr_from)
            shorter.append(run | {"run_id": name, "total_steps": horizon, "final_val_loss": float(np.interp(horizon, steps, losses))})
    return pd.concat([runs, pd.DataFrame(shorter, columns=runs.columns)], ignore_index=True) if shorter else runs


def _judged(case: Case, runs: pd.DataFrame, known: dict[str, Pilot], laws, level: float) -> dict:
    """What was chosen, by the planner and by two rules without a law, and what each loses."""
    options = runs.loc[list(case.candidates)]
    losses = options.final_val_loss.to_numpy(float)
    ends = [known[run].losses["val_loss"] for run in case.candidates]
    told = ask(laws(case.pilots), [known[run].lr for run in case.candidates], [int(steps[-1]) for steps, _ in ends], level)
    loss = float(ends[told.index][1][-1]) if told else np.nan
    rules = dict(zip(("kept", "rule"), _rules(case, runs, options), strict=True))
    about = {"task": case.task, "case": case.label, "pilots": len(case.pilots), "candidates": len(case.candidates)}
    return about | row(losses, told, case.candidates, loss, rules, level)


def _rules(case: Case, runs: pd.DataFrame, options: pd.DataFrame) -> tuple[float, float]:
    """Losses of the best pilot's setting again, and of wsd with 20 % cooldown at its learning rate (nan: no such candidate).

    The best pilot is that among the pilots whose learning rate can be chosen.
    """
    rates = set(options.base_lr)
    pilots = runs.loc[[run for run in case.pilots if pd.notna(runs.decay_shape[run]) and runs.base_lr[run] in rates]]
    if pilots.empty:
        return np.nan, np.nan
    best = pilots.loc[pilots.final_val_loss.idxmin()]
    rate = options.base_lr == best.base_lr
    same = (options.schedule_name == best.schedule_name) & (options.decay_shape == best.decay_shape)
    same &= ((options.cooldown - best.cooldown).abs() < 0.01) & (options.final_lr_ratio == best.final_lr_ratio)
    wsd = (options.schedule_name == "wsd") & (options.decay_shape == "linear") & (options.cooldown == 0.2)
    return tuple(float(options[rate & rule].final_val_loss.iloc[0]) if (rate & rule).any() else np.nan for rule in (same, wsd))
