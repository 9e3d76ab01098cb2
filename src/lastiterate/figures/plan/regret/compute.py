"""regret: sweeps with runs hidden, planned from the rest; what the choice loses against the best run, and what the interval holds.

A case is a set of pilots and a set of settings that may be chosen, all of them runs that were made: the regret is the
true final loss of the chosen run minus the lowest among them. A sweep is one entry of the config: logged runs
(module runs) or final losses only (module results).
"""

import pandas as pd

from lastiterate.figures.plan.regret import results, runs
from lastiterate.workflow.files import Rows

MEASURES = {
    "right": ("right", "mean"),
    "median": ("regret", "median"),
    "mean": ("regret", "mean"),
    "p90": ("regret", lambda values: values.quantile(0.9)),
    "largest": ("regret", "max"),
    "kept": ("kept", "mean"),
    "rule": ("rule", "mean"),
    "range": ("range", "median"),
    "absolute_error": ("error", lambda values: values.abs().median()),
    "bias": ("error", "median"),
    "coverage": ("inside", "mean"),
    "interval_score": ("interval_score", "mean"),
}


def compute(parameters, inputs):
    """Tables cases and summary."""
    rows = Rows()
    for sweep, entry in parameters["sweeps"].items():
        kind = runs if "runs" in entry else results
        for one in kind.judged(entry, inputs, parameters["level"]):
            rows.add(sweep=sweep, **one)
    return {"cases": rows, "summary": summary(pd.DataFrame(rows.columns))}


def summary(table: pd.DataFrame) -> Rows:
    """MEASURES of the cases that are not refused, by sweep and task, and over all tasks of a sweep of logged runs.

    `kept` and `rule` are means over the cases in which such a run exists, refused or not.
    """
    rows = Rows()
    for sweep, part in table.groupby("sweep", sort=False):
        several = "all" if (part.group != "").any() else part.task.iloc[0]  # of final losses, each task is another tool's
        for task in dict.fromkeys([*part.task, several]):
            group = part if task == "all" else part[part.task == task]
            measured = {name: group[column].agg(how) for name, (column, how) in MEASURES.items()}
            rows.add(sweep=sweep, task=task, cases=len(group) - int(group.refused.sum()), refused=int(group.refused.sum()), **measured)
    return rows
