"""llm_l1_l2: schedules of language models refined from l2 and from l1 gradient norms, and which kind agrees better."""

import numpy as np

from lastiterate.figures.defazio.logged_norms import load_norms
from lastiterate.figures.runs import load_runs, select
from lastiterate.refine import refine
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import run_step


def compute(parameters, inputs):
    """Tables schedules (norm, run, progress, lr), diagnosis, and spread: how far the runs' schedules differ, by kind of norm.

    The spread is the root mean square over the run's progress of the standard deviation between runs; null for one run.
    """
    runs = select(load_runs(inputs), parameters["select"], one_per=["run_id"])
    schedules, diagnosis, spread = Rows(), Rows(), Rows()
    progress = (np.arange(parameters["points"]) + 0.5) / parameters["points"]
    lrs = {"l2": [], "l1": []}
    for run, norms in zip(runs.itertuples(), load_norms(inputs, runs).values(), strict=True):
        for kind, (step, norm, power) in norms.items():
            refined = refine(norm, parameters["smoothing"], power, step=step, total_steps=run.total_steps)
            lr = refined.lr[(progress * run.total_steps).astype(np.int64)]
            lrs[kind].append(lr)
            schedules.add(norm=kind, run=run.run_id, progress=progress, lr=lr)
            diagnosis.add(norm=kind, run=run.run_id, total_steps=run.total_steps, **refined.diagnosis._asdict())
    for kind, found in lrs.items():
        value = float(np.sqrt(np.mean(np.var(found, axis=0, ddof=1)))) if len(found) > 1 else None
        spread.add(norm=kind, runs=len(found), spread=value)
    return {"schedules": schedules, "diagnosis": diagnosis, "spread": spread}


if __name__ == "__main__":
    run_step(compute)
