"""next_pilot: pilots added one by one to three, as the plan advises, at random, or along a grid; the regret of the choice after each.

The long run is chosen among the runs of a sweep's longest horizon, and pilots are its shorter runs; the regret is the true final loss of
the chosen run minus the lowest among them. A start is three runs of the shortest horizon, at random.
"""

from collections.abc import Iterator
from functools import cache
from itertools import count

import numpy as np
import pandas as pd

from lastiterate.figures.plan.logged_pilots import logged_pilots
from lastiterate.figures.runs import fitting, load_runs
from lastiterate.figures.splits import distinct
from lastiterate.plan.candidates import Candidate
from lastiterate.plan.choose import choose
from lastiterate.plan.curves import pilot_curves
from lastiterate.plan.next_pilot import best_of
from lastiterate.plan.plausible import plausible
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError

FIRST, LEAST = 3, 4  # pilots of a start; runs that the choice is made among
COOLDOWN = 0.2  # of the start's pilots


class Sweep:
    """Runs of one seed: the long ones, `decisions`, and the shorter ones that may be pilots, `pool`."""

    def __init__(self, runs: pd.DataFrame, known: dict, entry: dict):
        runs = runs[runs.decay_shape.notna()]
        self.horizon = max((t for t, part in runs.groupby("total_steps") if len(part) >= LEAST), default=0)
        long = runs[runs.total_steps == self.horizon]
        self.runs, self.known, self.entry, self.budget = runs.set_index("run_id"), known, entry, entry["budget"]
        self.decisions = [self.candidate(run) for run in sorted(long.run_id)]
        self.loss = np.array([self.runs.final_val_loss[one.label] for one in self.decisions])
        self.pool = sorted(runs[runs.total_steps <= self.budget * self.horizon].run_id)
        self.plan = cache(self._plan)

    def candidate(self, run: str) -> Candidate:
        """A run as what may be chosen, or made; its label is its id."""
        return Candidate(run, self.runs.schedule_name[run], self.known[run].schedule, self.runs.cooldown[run])

    def starts(self, number: int, rng: np.random.Generator) -> list[tuple[str, ...]]:
        """Triples of runs of the shortest horizon, at random, at two learning rates at least."""
        pool = self.runs.loc[self.pool]
        names = pool.index[pool.total_steps == pool.total_steps.min()].tolist() if len(pool) else []
        if len(names) <= FIRST or pool.base_lr[names].nunique() < 2:
            return []
        found: list[tuple[str, ...]] = []
        while len(found) < number:
            start = tuple(rng.choice(names, FIRST, replace=False).tolist())
            found += [start] if pool.base_lr[list(start)].nunique() > 1 else []
        return found

    def _plan(self, pilots: frozenset):
        """(laws, choice) of a plan from these pilots; None where no candidate is within reach."""
        chosen = [self.known[run] for run in sorted(pilots)]
        laws = plausible(pilot_curves(chosen, "val_loss", self.entry["init_std"], self.entry["weight_decay"]))
        try:
            return laws, choose(laws, [one.schedule for one in self.decisions])
        except ValueError:
            return laws, None

    def regret(self, pilots: tuple[str, ...]) -> float:
        """Of the setting that a plan chooses; out of reach of every one, of that nearest to the best pilot's learning rate."""
        _, choice = self.plan(frozenset(pilots))
        index = choice.index if choice else int(np.argmin([abs(np.log(one.base_lr / self._best(pilots))) for one in self.decisions]))
        return float(self.loss[index] - self.loss.min())

    def _best(self, pilots) -> float:
        own = self.runs.loc[list(pilots)]
        return float(own.base_lr[own.final_val_loss.idxmin()])

    def advised(self, pilots: tuple[str, ...]) -> str:
        """The next pilot as a plan names it."""
        laws, choice = self.plan(frozenset(pilots))
        open_now = np.isfinite(choice.regret) if choice else np.zeros(len(self.decisions), bool)
        if not open_now.any():
            open_now[:] = True
        tried = [self.candidate(run) for run in self.pool if run not in pilots]
        made = [self.known[run] for run in pilots]
        return best_of(tried, laws, self.decisions, made, left=self.horizon, budget=self.budget, open_now=open_now).pilot.label

    def grid(self) -> list[str]:
        """One horizon after the other, in each the start's schedule at all learning rates, then the others."""
        pool = self.runs.loc[self.pool]
        first = (pool.schedule_name == "wsd") & (pool.cooldown == COOLDOWN) & (pool.decay_shape == "linear")
        keys = pool.assign(later=~first, run=pool.index).sort_values(
            ["total_steps", "later", "schedule_name", "cooldown", "base_lr", "run"]
        )
        return keys.index.tolist()


def followed(sweep: Sweep, start: tuple[str, ...], steps: int, following) -> Iterator[tuple[int, float, float]]:
    """(pilots, their cost as a share of the long run's, regret) after each pilot that `following` names."""
    pilots = start
    for number in count():
        yield len(pilots), float(sum(sweep.runs.total_steps[run] for run in pilots) / sweep.horizon), sweep.regret(pilots)
        if number == steps or len(pilots) == len(sweep.pool):
            return
        pilots = (*pilots, following(pilots))


def compute(parameters, inputs):
    """Tables steps and summary."""
    runs = load_runs(inputs)
    steps = Rows()
    for name, entry in parameters["sweeps"].items():
        part = runs[fitting(runs, entry["runs"]) & runs.final_val_loss.notna() & runs.schedule.notna()]
        known = logged_pilots(inputs, part)
        for seed, own in part[part.run_id.isin(known)].groupby(part.seed.fillna(0)):
            sweep, rng = Sweep(distinct(own), known, entry), np.random.default_rng([parameters["seed"], int(seed)])
            for number, start in enumerate(sweep.starts(parameters["starts"], rng) if len(sweep.decisions) >= LEAST else ()):
                order, grid = rng.permutation(sweep.pool).tolist(), sweep.grid()
                ways = {
                    "advised": sweep.advised,
                    "grid": lambda pilots, grid=grid: _first(grid, pilots),
                    "random": lambda pilots, order=order: _first(order, pilots),
                }
                for way, following in ways.items():
                    for pilots, cost, regret in followed(sweep, start, parameters["steps"], following):
                        steps.add(sweep=name, seed=int(seed), start=number, way=way, pilots=pilots, cost=cost, regret=regret)
    if not steps.columns:
        raise StepError(
            "no sweep has three short runs at different learning rates and four long ones: correct the selections in config.yaml"
        )
    return {"steps": steps, "summary": summary(pd.DataFrame(steps.columns))}


def summary(table: pd.DataFrame) -> Rows:
    """Mean regret with its standard error, its 90 % quantile, and the mean cost, by sweep, way and number of pilots."""
    rows = Rows()
    for (sweep, way, pilots), part in table.groupby(["sweep", "way", "pilots"], sort=False):
        error = part.regret.std(ddof=1) / np.sqrt(len(part)) if len(part) > 1 else np.nan
        rows.add(
            sweep=sweep, way=way, pilots=pilots, starts=len(part), cost=part.cost.mean(), regret=part.regret.mean(), error=error,
            p90=part.regret.quantile(0.9),
        )  # fmt: skip
    return rows


def _first(order: list[str], pilots: tuple[str, ...]) -> str:
    """The first of an order that was not made."""
    return next(run for run in order if run not in pilots)
