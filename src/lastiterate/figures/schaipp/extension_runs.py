"""Runs that are extended to longer horizons, by what they are in the figures."""

import pandas as pd

from lastiterate.figures.runs import select


def select_extensions(models: dict[str, dict], runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of every model and extension, of which each has one per horizon, with columns model_name and extension."""
    chosen = []
    for model, extensions in models.items():
        for extension, clauses in extensions.items():
            chosen.append(select(runs, clauses, one_per=["total_steps"]).assign(model_name=model, extension=extension))
    return pd.concat(chosen, ignore_index=True)
