"""cosine_cycle: cosine schedules whose cycle is longer than the run."""

from lastiterate.figures.bound_tables import BoundTables, base_lr_grid
from lastiterate.schedules import cosine
from lastiterate.workflow.files import Rows


def compute(parameters, inputs=()):
    """Tables tuned, lr_sweep (every horizon) and convergence (first horizon, at the first cycle length's gamma*)."""
    bounds = BoundTables(parameters["distance"], base_lr_grid(**parameters["base_lr_sweep"]))
    convergence, shared = Rows(), {}
    first_horizon = parameters["total_steps"][0]
    for total_steps in parameters["total_steps"]:
        for cycle in parameters["cycle_lengths"]:
            schedule = cosine(total_steps, cycle, final_lr_ratio=parameters["final_lr_ratio"])
            curves = bounds.add(schedule, parameters["grad_norm"], total_steps=total_steps, cycle_length=cycle)
            if total_steps == first_horizon:
                for kind, curve in curves.items():
                    base_lr = shared.setdefault(kind, curve.tuned[0])
                    convergence.add(cycle_length=cycle, kind=kind, base_lr=base_lr, **curve.columns(base_lr))
    return {**bounds.tables, "convergence": convergence}
