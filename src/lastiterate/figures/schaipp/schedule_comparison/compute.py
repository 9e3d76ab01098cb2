"""schedule_comparison: six schedules at one horizon, tuned and swept over the base learning rate."""

from lastiterate.figures.bound_tables import BoundTables, base_lr_grid, build_schedule


def compute(parameters, inputs=()):
    """Tables tuned, lr_sweep, convergence."""
    bounds = BoundTables(parameters["distance"], base_lr_grid(**parameters["base_lr_sweep"]))
    for name, entry in parameters["schedules"].items():
        bounds.add(build_schedule(parameters["total_steps"], **entry), parameters["grad_norm"], schedule=name)
    return bounds.tables
