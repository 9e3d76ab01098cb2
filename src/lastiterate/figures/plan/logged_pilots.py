"""Runs of ingested sources as pilots."""

from pathlib import Path

import pandas as pd

from lastiterate.plan.load import table_pilots
from lastiterate.plan.pilots import Pilot


def logged_pilots(inputs: list[Path], sweep: pd.DataFrame) -> dict[str, Pilot]:
    """The runs of a sweep that logged a validation loss, by id."""
    found = {}
    for runs in (path for path in inputs if path.stem == "runs"):
        pilots, _ = table_pilots(runs, runs.with_name("history.parquet"), sweep.run_id.tolist())
        found |= {pilot.run_id: pilot for pilot in pilots if "val_loss" in pilot.losses}
    return found
