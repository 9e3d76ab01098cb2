"""What the families of refined schedules share: the logged gradient norms of runs, by kind."""

import pandas as pd

from lastiterate.figures.runs import load_history
from lastiterate.workflow.step import StepError

POWERS = {"l2": -2, "l1": -1}  # weights Ghat^power for each kind of norm
_COLUMNS = {"l2": "grad_norm", "l1": "grad_norm_l1"}


def load_norms(inputs, runs: pd.DataFrame) -> dict[str, dict[str, tuple]]:
    """For each run_id, in order: kind of norm ("l2", "l1") -> (step, norm, power of the weights), kinds that it logged.

    StepError for a run that logged neither.
    """
    history = load_history(inputs, runs.run_id.tolist(), list(_COLUMNS.values()))
    found = {}
    for run_id in runs.run_id:
        rows = history[(history.run_id == run_id) & (history.step > 0)]
        found[run_id] = {}
        for kind, column in _COLUMNS.items():
            logged = rows[["step", column]].dropna()
            if len(logged):
                found[run_id][kind] = (logged.step.to_numpy(), logged[column].to_numpy(), POWERS[kind])
        if not found[run_id]:
            raise StepError(f"run {run_id} has no gradient norms (columns {', '.join(_COLUMNS.values())}): select runs that logged them")
    return found
