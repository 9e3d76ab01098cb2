"""optimize_schedule: projected gradient descent on the bound over the schedule itself, from a constant one."""

import numpy as np

from lastiterate.bound import omega, omega_gradient, optimise_schedule, tuned
from lastiterate.schedules import linear
from lastiterate.workflow.files import Rows
from lastiterate.worst_case import worst_case


def compute(parameters, inputs=()):
    """Tables descent (bound per iteration), shapes (schedule at logged iterations) and references (values to compare with)."""
    total_steps, norm, distance = (parameters[key] for key in ("total_steps", "grad_norm", "distance"))
    descent, shapes = Rows(), Rows()
    for iteration, lr, value in descend(total_steps, norm, distance, **parameters["descent"]):
        descent.add(iteration=iteration, omega=value)
        if iteration % parameters["log_every"] == 0 or iteration == parameters["descent"]["iterations"]:
            shapes.add(iteration=iteration, t=np.arange(1, total_steps + 1), lr=lr)
    references = Rows()
    references.add(name="descent", omega=min(descent.columns["omega"]), lower_bound=np.nan)
    references.add(name="tuned linear decay", omega=tuned(linear(total_steps), norm, distance).value, lower_bound=np.nan)
    best = optimise_schedule(total_steps, norm, distance)
    exact = worst_case(linear(total_steps, peak_lr=tuned(linear(total_steps), norm, distance).base_lr), norm, distance)
    references.add(name="exact worst case of linear decay", omega=exact, lower_bound=np.nan)
    references.add(name="optimum", omega=best.value, lower_bound=(1 - best.gap) * best.value)
    return {"descent": descent, "shapes": shapes, "references": references}


def descend(total_steps, grad_norm, distance, iterations, step_size, momentum, first_lr, smallest_lr):
    """Yield (iteration, lr, Omega_T) of ``m <- mu m + (1 - mu) grad, lr <- max(lr - step m, smallest)``, m the first gradient at first.

    The average in m is the paper's (momentum .9 with dampening .9).
    """
    lr, average = np.full(total_steps, first_lr), None
    for iteration in range(iterations + 1):
        yield iteration, lr, float(omega(lr, grad_norm, distance))
        gradient = omega_gradient(lr, grad_norm, distance)
        average = gradient if average is None else momentum * average + (1 - momentum) * gradient
        lr = np.maximum(lr - step_size * average, smallest_lr)
