"""refined_logs: schedules refined from the gradient norms of language models, over base learning rates and schedules."""

from lastiterate.figures.defazio.logged_norms import load_norms
from lastiterate.figures.defazio.refined_tables import RefinedTables
from lastiterate.figures.runs import load_runs, select
from lastiterate.refine import refine
from lastiterate.workflow.step import StepError


def compute(parameters, inputs):
    """Tables schedules, diagnosis, bounds (see `RefinedTables`), by schedule_name and base_lr of the run."""
    runs = select(load_runs(inputs), parameters["select"], one_per=["schedule_name", "base_lr"])
    tables = RefinedTables(parameters["points"])
    for run, norms in zip(runs.itertuples(), load_norms(inputs, runs).values(), strict=True):
        if "l2" not in norms:
            raise StepError(f"run {run.run_id} has no l2 gradient norms (column grad_norm): select runs that logged them")
        step, norm, power = norms["l2"]
        refined = refine(norm, parameters["smoothing"], power, step=step, total_steps=run.total_steps)
        tables.add(refined, schedule_name=run.schedule_name, base_lr=run.base_lr)
    return tables.tables
