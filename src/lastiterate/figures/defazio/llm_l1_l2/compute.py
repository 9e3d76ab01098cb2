"""llm_l1_l2: schedules of language models refined from l2 and from l1 gradient norms, by size, and how far they differ."""

import numpy as np
import pandas as pd

from lastiterate.figures.defazio.logged_norms import load_norms
from lastiterate.figures.runs import load_runs, select
from lastiterate.refine import refine
from lastiterate.workflow.files import Rows

ALL = "all"


def compute(parameters, inputs):
    """Tables schedules (norm, n_params, run, progress, lr), diagnosis, and spread (see `spreads`)."""
    runs = select(load_runs(inputs), parameters["select"], one_per=["run_id"])
    schedules, diagnosis = Rows(), Rows()
    progress = (np.arange(parameters["points"]) + 0.5) / parameters["points"]
    found: dict[str, dict[int, list]] = {"l2": {}, "l1": {}}
    for run, norms in zip(runs.itertuples(), load_norms(inputs, runs).values(), strict=True):
        size = 0 if pd.isna(run.n_params) else int(run.n_params)  # 0: not logged
        for kind, (step, norm, power) in norms.items():
            refined = refine(norm, parameters["smoothing"], power, step=step, total_steps=run.total_steps)
            lr = refined.lr[(progress * run.total_steps).astype(np.int64)]
            found[kind].setdefault(size, []).append(lr)
            labels = {"norm": kind, "n_params": size, "run": run.run_id, "schedule": run.schedule_name, "base_lr": run.base_lr}
            schedules.add(**labels, progress=progress, lr=lr)
            diagnosis.add(norm=kind, n_params=size, run=run.run_id, total_steps=run.total_steps, **refined.diagnosis._asdict())
    return {"schedules": schedules, "diagnosis": diagnosis, "spread": spreads(found)}


def spreads(found: dict[str, dict[int, list]]) -> Rows:
    """How far the schedules of each norm differ, a row for each size and one for all.

    The spread is the root mean square over the run's progress of the standard deviation between runs; `between_sizes` is that between
    the sizes' mean schedules; `relative` is the spread over that of the l2 norms. Null where there is one run, size or norm.
    """
    rows = Rows()
    for size in [*sorted({size for sizes in found.values() for size in sizes}), ALL]:
        reference = None
        for kind, sizes in found.items():
            lrs = [lr for key, values in sizes.items() if size in (key, ALL) for lr in values]
            spread = deviation(lrs)
            reference = spread if kind == "l2" else reference
            means = [np.mean(values, axis=0) for values in sizes.values()] if size == ALL else []
            rows.add(
                norm=kind,
                n_params=size,
                runs=len(lrs),
                spread=spread,
                relative=spread / reference if spread and reference else None,
                between_sizes=deviation(means),
            )
    return rows


def deviation(lrs: list) -> float | None:
    """Root mean square over the points of the standard deviation between schedules; None for fewer than two."""
    return float(np.sqrt(np.mean(np.var(lrs, axis=0, ddof=1)))) if len(lrs) > 1 else None
