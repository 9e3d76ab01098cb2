"""noise_limited_extension: a tuned run goes on to a longer horizon, at the same learning rate or as the bound advises."""

import numpy as np

from lastiterate.figures.defazio.hinge import HingeProblem
from lastiterate.schedules import wsd
from lastiterate.sgd import mean_and_error, paired
from lastiterate.transfer import METHODS, extend
from lastiterate.workflow.files import Rows

STRATEGIES = {"lowered": "base_lr", "second stage": "second_stage", "longer cooldown": "cooldown"}


def compute(parameters, inputs=()):
    """Tables extension (every strategy against `same`), advice (what the bound says) and trajectories (of the longest horizon)."""
    problem = HingeProblem(**parameters["problem"])
    start, cooldown = parameters["start_steps"], parameters["cooldown"]
    best = problem.tune({"wsd": wsd(start, cooldown).lr}, parameters["base_lr_sweep"], parameters["extensions"])["wsd"].optimum()
    first = wsd(start, cooldown, peak_lr=best)
    tables = {name: Rows() for name in ("extension", "advice", "trajectories")}
    for total_steps in [start * multiple for multiple in parameters["multiples"]]:
        strategies, advice = advised(first, total_steps)
        for how, found in advice.items():
            tables["advice"].add(
                start_steps=start, total_steps=total_steps, base_lr=best, how=how, parameter=found.parameter, found=int(found.found),
                predicted_change=found.bound / found.unadapted_bound - 1,
            )  # fmt: skip
        retuned = problem.tune({"retuned": strategies["same"]}, parameters["base_lr_sweep"], parameters["extensions"])["retuned"]
        factors = {"tuned": 1.0, **{f"{factor:g} of tuned": factor for factor in parameters["base_lr_factors"]}}
        pairs = [(name, factor * best) for factor in factors.values() for name in strategies]
        pairs.append(("same", retuned.optimum()))
        last = total_steps == start * parameters["multiples"][-1]
        marks = np.linspace(0, total_steps, parameters["points"] + 1)[1:].round().astype(int).tolist() if last else []
        result = problem.train(strategies, pairs, checkpoints=marks)
        for start_lr, factor in factors.items():
            runs = [i for i, (_, base_lr) in enumerate(pairs[:-1]) if base_lr == factor * best]
            named = [(pairs[i][0], i) for i in runs] + [("retuned", len(pairs) - 1)]
            reference = result.loss[:, runs[0]]
            for name, run in named:
                excess, excess_se = mean_and_error(problem.excess(result.loss[:, run]))
                difference, difference_se = paired(result.loss[:, run], reference)
                tables["extension"].add(
                    start_lr=start_lr, total_steps=total_steps, strategy=name, base_lr=pairs[run][1], excess=excess, excess_se=excess_se,
                    difference=difference, difference_se=difference_se,
                )  # fmt: skip
        for run, (name, base_lr) in enumerate(pairs[: len(strategies)]):
            for t in marks:
                excess, excess_se = mean_and_error(problem.excess(result.checkpoints[t][0][:, run]))
                lr = base_lr * strategies[name][t - 1]
                tables["trajectories"].add(strategy=name, t=t, lr=lr, excess=excess, excess_se=excess_se)
    return tables


def advised(first, total_steps: int):
    """Learning-rate factors over the longer horizon by strategy, of the peak of `first`, and the advice they follow by method.

    same: the first run's cooldown fraction and base learning rate. The others are `lastiterate.transfer.extend`'s.
    """
    advice = {how: extend(first, total_steps, how) for how in METHODS}
    schedules = {name: advice[how].schedule for name, how in STRATEGIES.items()}
    schedules = {"same": advice["base_lr"].schedule.with_peak_lr(first.peak_lr), **schedules}
    return {name: schedule.lr / first.peak_lr for name, schedule in schedules.items()}, advice
