"""noise_limited: a convex problem in which noise limits SGD, the theory's own regime, really trained.

Errors are standard errors over seeds. A seed's runs share their samples over schedules, base learning rates and horizons
(a longer horizon begins with the shorter one's); differences are therefore taken seed by seed, and whatever is fitted to
several horizons gets its error from leaving out one seed of all of them at a time.
"""

import numpy as np

from lastiterate.bound import tuned
from lastiterate.figures.bound_tables import build_schedule
from lastiterate.figures.defazio.hinge import HingeProblem
from lastiterate.fits import log_slope
from lastiterate.refine import refine
from lastiterate.schedules import wsd
from lastiterate.sgd import jackknife, mean_and_error, paired
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError


def compute(parameters, inputs=()):
    """Tables lr_sweep, tuned, exponents, trajectories, constants, cooldown, cooldown_theory, refined and comparison."""
    problem = HingeProblem(**parameters["problem"])
    horizons = parameters["total_steps"]
    lr = {
        total_steps: {name: build_schedule(total_steps, **entry).lr for name, entry in parameters["schedules"].items()}
        for total_steps in horizons
    }
    sweeps = {total_steps: problem.tune(lr[total_steps], parameters["base_lr_sweep"], parameters["extensions"]) for total_steps in horizons}
    curves, constants = trajectories(problem, lr, sweeps, parameters)
    scale = constants.columns["distance"][0] / constants.columns["grad_norm"][0]
    return {
        **sweep_tables(problem, lr, sweeps, parameters["reference"], scale),
        "trajectories": curves,
        "constants": constants,
        **cooldown_tables(problem, parameters),
        **refined_tables(problem, lr, sweeps, parameters),
    }


def sweep_tables(problem, lr, sweeps, reference, scale):
    """Tables lr_sweep, tuned and exponents; `scale` is D/G, in whose unit the bound predicts the base learning rate."""
    tables = {name: Rows() for name in ("lr_sweep", "tuned", "exponents")}
    for total_steps, found in sweeps.items():
        for name, sweep in found.items():
            best, best_se = jackknife(lambda seeds, s=sweep: np.log2(s.optimum(seeds)), problem.seeds)
            excess, excess_se = mean_and_error(problem.excess(sweep.tuned_loss))
            difference, difference_se = paired(sweep.tuned_loss, found[reference].tuned_loss)
            tables["lr_sweep"].add(
                schedule=name, total_steps=total_steps, base_lr=sweep.base_lr, excess=problem.excess(sweep.loss.mean(axis=0))
            )
            tables["tuned"].add(
                schedule=name, total_steps=total_steps, at_edge=int(sweep.at_edge), base_lr=sweep.tuned_lr, log2_best_lr=float(best),
                log2_best_lr_se=float(best_se), predicted_lr=scale * tuned(lr[total_steps][name]).base_lr, excess=excess,
                excess_se=excess_se, difference=difference, difference_se=difference_se,
            )  # fmt: skip
    horizons = list(sweeps)
    for name in sweeps[horizons[0]]:
        slope = lambda seeds, name=name: log_slope(horizons, [sweeps[t][name].optimum(seeds) for t in horizons])
        value, error = jackknife(slope, problem.seeds)
        log_ratio = lambda seeds, name=name: np.mean(
            [np.log(sweeps[t][name].optimum(seeds) / sweeps[t][reference].optimum(seeds)) for t in horizons]
        )
        ratio, ratio_se = jackknife(log_ratio, problem.seeds)
        predicted = [tuned(lr[t][name]).base_lr for t in horizons]
        predicted_ratio = np.mean([np.log(p / tuned(lr[t][reference]).base_lr) for p, t in zip(predicted, horizons, strict=True)])
        tables["exponents"].add(
            schedule=name, exponent=value, exponent_se=float(error), predicted_exponent=log_slope(horizons, predicted),
            log_ratio=float(ratio), log_ratio_se=float(ratio_se), predicted_log_ratio=float(predicted_ratio),
        )  # fmt: skip
    return tables


def trajectories(problem, lr, sweeps, parameters):
    """Tables trajectories (excess along the tuned runs of one horizon) and constants (D, G and f* of the problem).

    G is the root mean square of the gradient norms over seeds and updates of the tuned run of the reference schedule.
    """
    total_steps, reference = parameters["trajectory_steps"], parameters["reference"]
    if total_steps not in sweeps:
        raise StepError(f"trajectory_steps={total_steps} must be one of total_steps, {', '.join(map(str, sweeps))}: it uses their tuned LR")
    pairs = [(name, sweep.tuned_lr) for name, sweep in sweeps[total_steps].items()]
    at = np.unique(np.geomspace(total_steps / 100, total_steps, parameters["points"]).round().astype(int)).tolist()
    at = sorted({*at, *np.linspace(total_steps / 2, total_steps, parameters["points"]).round().astype(int).tolist()})
    result = problem.train(lr[total_steps], pairs, checkpoints=at, grad_norm=True)
    curves, constants = Rows(), Rows()
    for run, (name, base_lr) in enumerate(pairs):
        for t in at:
            excess, error = mean_and_error(problem.excess(result.checkpoints[t][0][:, run]))
            curves.add(schedule=name, base_lr=base_lr, t=t, lr=base_lr * lr[total_steps][name][t - 1], excess=excess, excess_se=error)
    norms = result.grad_norm[:, :, list(lr[total_steps]).index(reference)]
    grad_norm = float(np.sqrt((norms**2).mean()))
    constants.add(distance=problem.optimum.distance, grad_norm=grad_norm, minimum=problem.optimum.value)
    return curves, constants


def cooldown_tables(problem, parameters):
    """Tables cooldown (measured) and cooldown_theory: log gamma*(longest) - log gamma*(c), by cooldown fraction c."""
    entry = parameters["cooldown"]
    total_steps, fractions = entry["total_steps"], entry["fractions"]
    schedules = {str(c): wsd(total_steps, c).lr for c in fractions}
    sweeps = problem.tune(schedules, parameters["base_lr_sweep"], parameters["extensions"])
    longest = str(fractions[-1])
    measured, theory = Rows(), Rows()
    for fraction, sweep in zip(fractions, sweeps.values(), strict=True):
        best, best_se = jackknife(lambda seeds, s=sweep: np.log2(s.optimum(seeds)), problem.seeds)
        log_ratio = lambda seeds, s=sweep: np.log(sweeps[longest].optimum(seeds) / s.optimum(seeds))
        ratio, ratio_se = jackknife(log_ratio, problem.seeds)
        excess, excess_se = mean_and_error(problem.excess(sweep.tuned_loss))
        measured.add(
            cooldown=fraction, base_lr=sweep.tuned_lr, at_edge=int(sweep.at_edge), log2_best_lr=float(best), log2_best_lr_se=float(best_se),
            log_ratio=float(ratio), log_ratio_se=float(ratio_se), excess=excess, excess_se=excess_se,
        )  # fmt: skip
    grid = np.linspace(fractions[0], fractions[-1], entry["theory_count"])
    best = np.array([tuned(wsd(total_steps, c)).base_lr for c in grid.tolist()])
    theory.add(cooldown=grid, log_ratio=np.log(best[-1] / best))
    return {"cooldown": measured, "cooldown_theory": theory}


def refined_tables(problem, lr, sweeps, parameters):
    """Tables refined (norms, and the schedule that they lead to in the next round) and comparison (each round retrained).

    It starts from the reference schedule. Each schedule runs at its own best base learning rate (of `Sweep.optimum`). The
    norm of an update is the root mean square over seeds: one sample's hinge gradient is often exactly 0.
    """
    total_steps, name = parameters["trajectory_steps"], parameters["reference"]
    factors, sweep = lr[total_steps][name], sweeps[total_steps][name]
    at = np.unique(np.linspace(0, total_steps - 1, parameters["refined"]["points"]).round().astype(int))
    schedules, comparison, reference = Rows(), Rows(), None
    for number in range(parameters["refined"]["rounds"] + 1):
        result = problem.train({name: factors}, [(name, sweep.optimum())], grad_norm=True)
        loss = result.loss[:, 0]
        reference = loss if reference is None else reference
        excess, excess_se = mean_and_error(problem.excess(loss))
        difference, difference_se = paired(loss, reference)
        comparison.add(
            schedule=name, base_lr=sweep.optimum(), at_edge=int(sweep.at_edge), excess=excess, excess_se=excess_se,
            difference=difference, difference_se=difference_se,
        )  # fmt: skip
        norm = np.sqrt((result.grad_norm[:, :, 0] ** 2).mean(axis=1))
        found = refine(norm, parameters["refined"]["smoothing"], total_steps=total_steps, drop_invalid=True)
        schedules.add(schedule=name, t=at + 1, lr=factors[at], grad_norm=found.grad_norm[at])
        factors, name = found.lr, f"refined {number + 1}"
        if number < parameters["refined"]["rounds"]:
            sweep = problem.tune({name: factors}, parameters["base_lr_sweep"], parameters["extensions"])[name]
    return {"refined": schedules, "comparison": comparison}
