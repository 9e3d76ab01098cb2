"""lower_bound: Omega against the exact worst case of the subgradient method, and the schedule that is best for the latter.

Two steppings: "exact" judges the x_t that Omega_t bounds, which eta_1..eta_{t-1} lead to; "exact_shifted" the x_t that
eta_2..eta_t lead to, as in the published script. At a fixed horizon both use the base learning rate that is best for Omega.
"""

import numpy as np

from lastiterate.figures.bound_tables import BoundCurve, build_schedule
from lastiterate.figures.thinning import drawn_steps
from lastiterate.schedules import Schedule
from lastiterate.workflow.files import Rows
from lastiterate.worst_case import lower_bound, optimise_worst_case, tuned_worst_case, worst_case, worst_case_trajectory


def compute(parameters, inputs=()):
    """Tables worst_case, final, long_horizon, descent, optimised, minimisers."""
    norms = parameters["grad_norm"], parameters["distance"]
    tables = {name: Rows() for name in ("worst_case", "final", "long_horizon", "descent", "optimised", "minimisers")}
    for name, entry in parameters["schedules"].items():
        compare(tables, name, build_schedule(parameters["total_steps"], **entry), norms)
        ratio(tables, name, build_schedule(parameters["long_total_steps"], **entry), norms)
    optimise(tables, norms, **parameters["optimise"])
    return tables


def compare(tables, name, schedule: Schedule, norms):
    """Every t of one schedule at the base learning rate that is best for Omega_T, and the values at T, tuned for both."""
    curve = BoundCurve(schedule, *norms)
    base_lr, omega = curve.tuned
    lr = base_lr * schedule.lr
    exact, shifted = (worst_case_trajectory(steps, *norms) for steps in (lr, shift(lr)))
    tables["worst_case"].add(schedule=name, **curve.columns(base_lr, exact=exact, exact_shifted=shifted))
    tuned, tuned_shifted = (tuned_worst_case(steps, *norms) for steps in (schedule.lr, shift(schedule.lr)))
    tables["final"].add(
        schedule=name,
        total_steps=schedule.total_steps,
        base_lr=base_lr,
        omega=omega,
        exact=float(exact[-1]),
        exact_shifted=float(shifted[-1]),
        tuned_base_lr=tuned.base_lr,
        tuned_exact=tuned.value,
        tuned_base_lr_shifted=tuned_shifted.base_lr,
        tuned_exact_shifted=tuned_shifted.value,
        lower_bound=lower_bound(schedule.total_steps, *norms),
    )


def shift(lr):
    """eta_2..eta_T, and a last entry that leads on from x_T and does not enter."""
    return np.append(lr[1:], lr[-1])


def ratio(tables, name, schedule: Schedule, norms):
    """Omega and the exact worst case at every t >= 2, each at its own best base learning rate for that t."""
    t = drawn_steps(schedule.total_steps)[1:]
    exact = tuned_worst_case(schedule, *norms, every_t=True).value[t - 1]
    omega = BoundCurve(schedule, *norms).best.value[t - 1]
    tables["long_horizon"].add(schedule=name, t=t, omega=omega, exact=exact, ratio=omega / exact)


def optimise(tables, norms, total_steps, starts, rtol, max_iterations):
    """The descent on the exact value from several schedules, and what it ends at, next to linear decay to 0."""
    bound = lower_bound(total_steps, *norms)
    t = np.arange(1, total_steps + 1)
    linear = worst_case_optimum(total_steps, *norms)
    for name, entry in starts.items():
        start = build_schedule(total_steps, **entry).lr
        best = optimise_worst_case(total_steps, *norms, start=start, rtol=rtol, max_iterations=max_iterations)
        if best.reason != "certified":
            raise ValueError(f"the descent from {name} ended {best.reason}, certified to {best.gap:.1e} only: raise rtol or max_iterations")
        iteration = np.arange(best.history.size)
        tables["descent"].add(start=name, iteration=iteration, exact=best.history, lower_bound=bound)
        first = start * tuned_worst_case(start, *norms).base_lr
        value = worst_case(best.lr, *norms)
        tables["optimised"].add(start=name, t=t, lr_start=first, lr=best.lr, lr_linear=linear, exact=value)
        moving = best.lr[:-1] / best.lr[0]  # the step after x_T plays no role
        distance = np.abs(moving - (1 - np.arange(total_steps - 1) / (total_steps - 1))).max()
        tables["minimisers"].add(start=name, steps=total_steps - 1, distance_to_linear=distance, gap_to_bound=value / bound - 1)


def worst_case_optimum(total_steps, grad_norm, distance):
    """The only minimiser of the exact worst case: ``eta_k = D/(G sqrt(T)) (1 - k/T)``."""
    return distance / (grad_norm * np.sqrt(total_steps)) * (1 - np.arange(1, total_steps + 1) / total_steps)
