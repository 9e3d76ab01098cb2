"""noise_limited_extension: a tuned run goes on to a longer horizon, at the same learning rate or as the bound advises."""

import numpy as np

from lastiterate.bound import tuned
from lastiterate.schedules import two_stage, wsd
from lastiterate.sgd import mean_and_error, paired
from lastiterate.simulate.hinge import HingeProblem
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import run_step


def compute(parameters, inputs=()):
    """Tables extension (every strategy against `same`), advice (what the bound says) and trajectories (of the longest horizon)."""
    problem = HingeProblem(**parameters["problem"])
    start, cooldown = parameters["start_steps"], parameters["cooldown"]
    first = wsd(start, cooldown)
    best = problem.tune({"wsd": first.lr}, parameters["base_lr_sweep"], parameters["extensions"])["wsd"].optimum()
    tables = {name: Rows() for name in ("extension", "advice", "trajectories")}
    for total_steps in [start * multiple for multiple in parameters["multiples"]]:
        strategies, advice = advised(first, total_steps, cooldown, parameters)
        tables["advice"].add(start_steps=start, total_steps=total_steps, base_lr=best, **advice)
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


def advised(first, total_steps: int, cooldown: float, parameters):
    """Learning-rate factors of every strategy over the longer horizon, and the numbers behind them.

    same: wsd with the same cooldown fraction. lowered: that times gamma*(T)/gamma*(T0). second stage: the factor rho, from
    step int(.8 T0) on, with which the bound's own base learning rate is that of T0; longer cooldown: the same for the
    cooldown fraction. Of each, the trial whose gamma* is closest. Source: arXiv:2501.18965, section 5.1.
    """
    target = tuned(first).base_lr
    switch = int(parameters["switch"] * first.total_steps)
    same = wsd(total_steps, cooldown)
    lowered = tuned(same).base_lr / target
    rho, second = _closest(lambda v: two_stage(total_steps, switch, v, cooldown), parameters["factors"], target)
    longer, adapted = _closest(lambda v: wsd(total_steps, v), parameters["cooldowns"], target)
    strategies = {"same": same.lr, "lowered": lowered * same.lr, "second stage": second.lr, "longer cooldown": adapted.lr}
    return strategies, {"lowered": lowered, "second_stage": rho, "longer_cooldown": longer}


def _closest(build, trials, target):
    """The trial (and its schedule) whose tuned base learning rate is closest to the target."""
    values = np.linspace(trials["low"], trials["high"], trials["count"]).tolist()
    schedules = [build(value) for value in values]
    best = int(np.argmin([abs(np.log(tuned(schedule).base_lr / target)) for schedule in schedules]))
    return values[best], schedules[best]


if __name__ == "__main__":
    run_step(compute)
