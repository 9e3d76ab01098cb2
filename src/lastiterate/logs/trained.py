"""Reader of what `lastiterate.train` collects: a folder with the cards of all runs and the history of their own updates."""

import json
import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from lastiterate.logs.border import border
from lastiterate.logs.run_log import HISTORY_VALUES, LogError, Note, RunLog
from lastiterate.schedules import Phase, Schedule

CARDS, HISTORY = "cards.json", "history.parquet"


def read_folder(folder: Path) -> tuple[list[RunLog], list[Note]]:
    """The runs of a collected folder, and notes of those that are left out: diverged before they logged anything."""
    with border(str(folder / HISTORY)):
        history = parquet.read_table(folder / HISTORY, page_checksum_verification=True).to_pandas()
        rows = dict(list(history.groupby("run_id", observed=True)))
    with border(str(folder / CARDS)):
        cards = json.loads((folder / CARDS).read_text())
        return _runs(cards, rows, folder)


def _runs(cards: list, rows: dict, folder: Path) -> tuple[list[RunLog], list[Note]]:
    runs, notes = [], []
    for card in cards:
        name = card["run_id"]
        if name in rows:
            runs.append(_run(card, rows[name], folder))
        elif card["result"]["diverged_step"]:
            message = f"diverged at update {card['result']['diverged_step']}, before anything of its own was logged"
            notes.append(Note(str(folder / CARDS), name, "result.diverged_step", message, left_out=True))
        else:
            raise LogError(str(folder / HISTORY), name, "has a card but no rows: collect the runs again")
    return runs, notes


def _run(card: dict, rows, folder: Path) -> RunLog:
    schedule, settings, result = card["schedule"], card["settings"], card["result"]
    schedule = Schedule(schedule["name"], tuple(Phase(**phase) for phase in schedule["phases"]), schedule["peak_lr"])
    data = settings["data"]
    series = {}
    for name in HISTORY_VALUES:
        logged = rows[name].notna().to_numpy()
        if logged.any():
            series[name] = rows["step"].to_numpy(np.int64)[logged], rows[name].to_numpy(np.float64)[logged]
    return RunLog(
        run_id=card["run_id"],
        file=str(folder / CARDS),
        name=card["run_id"],
        dataset=data["kind"] + (f"-{data['first']}" if "first" in data else ""),
        model=settings["model"]["family"],
        n_params=result["n_params"],
        optimizer=card["optimizer"],
        schedule=schedule,
        cooldown=1.0 if schedule.name == "linear" else card["cooldown"],
        base_lr=card["base_lr"],
        tokens_per_step=settings["batch_size"] * settings["context"],
        batch_size=settings["batch_size"],
        weight_decay=settings["optimizer"].get("weight_decay"),
        seed=card["seed"],
        final_train_loss=_loss(result["final_train_loss"]),
        final_val_loss=_loss(result["final_val_loss"]),
        series=series,
        resumed_from=card["parent"],
        branch_step=card["branch_step"] if card["parent"] else None,
        diverged=result["diverged_step"] is not None,
    )


def _loss(value: float | None) -> float:
    return math.nan if value is None else value
