"""What a table tells of its run beside the series: its settings, and what a person should know about its columns."""

import re

import numpy as np

from lastiterate.logs.columns import SETTINGS, TEXTS, counters, others, plain, remark, setting_columns, shortened, unused
from lastiterate.logs.executed_lr import CHECK_RTOL
from lastiterate.logs.run_log import RunLog
from lastiterate.logs.trainers import Trainer

SEEN = {  # counters of what training has consumed, and the setting that they grow by in every update
    "consumed_tokens": "tokens_per_step", "n_tokens_seen": "tokens_per_step",
    "consumed_samples": "batch_size", "samples_vs_steps": "batch_size",
}  # fmt: skip
IN_TOKENS = {"nanotron": "global_batch_size", "OLMo-core": "train/global batch size"}  # batch sizes that their trainers count in tokens

SAME_RATES = ", and hold the same rates: the first is taken"  # what is said of the learning rates of parameter groups that agree


def wanted(names: list[str], trainer: Trainer | None) -> tuple[list[str], list[str]]:
    """(columns of numbers, columns of text) that `settings_of` and `describe_columns` look at, where they are."""
    settings = _settings(names, trainer)
    texts = [name for key, name in settings.items() if key in TEXTS]
    numbers = [name for key, name in settings.items() if key not in TEXTS]
    numbers += [name for name in names if plain(name) in SEEN]
    return numbers, texts


def _settings(names: list[str], trainer: Trainer | None) -> dict[str, str]:
    found = setting_columns(names)
    in_tokens = IN_TOKENS.get(trainer.name) if trainer else None
    if in_tokens in names:
        found = {key: name for key, name in found.items() if name != in_tokens} | {"tokens_per_step": in_tokens}
    return found


def settings_of(rows, names: list[str], trainer: Trainer | None, steps: dict[str, np.ndarray]) -> tuple[dict, list[tuple[str, str]]]:
    """Settings that are the same in all rows, as fields of a RunLog, and notes on those that are not.

    `steps` holds for each of the wanted counters the logged step of its rows.
    """
    found, notes = {}, []
    for key, name in _settings(names, trainer).items():
        if key in TEXTS:
            values = {value for _, value in rows.words.get(name, ())}
            if len(values) == 1:
                found[key] = values.pop()
            continue
        values = rows.column(name)[1] if name in rows.parts else np.empty(0)
        values = np.unique(values[np.isfinite(values)])
        if values.size == 1 and _fits(key, values[0]):
            found[key] = float(values[0]) if key == "weight_decay" else int(values[0])
        elif values.size > 1 and key in ("tokens_per_step", "batch_size", "weight_decay"):
            change = "a ramp: updates are not alike" if key != "weight_decay" else "not one setting of the run"
            notes.append((name, f"goes from {values[0]:g} to {values[-1]:g} within the run, {change}"))
    for name in rows.parts:
        key = SEEN.get(plain(name))
        if key is None or key in found or name not in steps or any(name == where for where, _ in notes):
            continue
        values, at = rows.column(name)[1], steps[name]
        if at.size != values.size or at.size < 3 or (np.diff(at) <= 0).any() or not np.isfinite(values).all():
            continue
        grown = np.diff(values) / np.diff(at)
        if grown.min() > 0 and np.ptp(grown) <= 1e-6 * grown.max() and grown[0] == round(grown[0]):
            found[key] = int(grown[0])
        elif grown.min() > 0 and grown.max() > 1.5 * grown.min() and not notes:
            notes.append((name, f"grows by {grown.min():g} to {grown.max():g} an update: the batch size is ramped, updates are not alike"))
    return found, notes


def _fits(key: str, value: float) -> bool:
    return value >= 0 if key == "weight_decay" else value == round(value) and abs(value) < 2**53 and (key == "seed" or value > 0)


def describe_columns(run: RunLog, rows, names: list[str], taken: dict[str, str], mapped: set[str], steps_of) -> None:
    """Notes on the columns that were taken, on those that would fit as well, and on those that were not used."""
    fitting = others(names, taken)
    for role, found in fitting.items():
        how = _same(rows, taken[role], found, role)
        doubt = how != SAME_RATES and taken[role] not in mapped
        run.note(taken[role], f"taken for {role}; {shortened(found)} would fit as well{how}", doubt)
    doubtful = [name for name in counters(names, taken) if _counts_otherwise(rows, name, steps_of)]
    if doubtful and taken["step"] not in mapped:
        fit = f"{shortened(doubtful)} would fit as well: say so with --map step= if it is the one"
        run.note(taken["step"], f"taken for the count of updates; {fit}", doubt=True)
    if taken["step"] in mapped and re.search(r"epoch|token|sample|images|seen|time", plain(taken["step"])):
        run.note(taken["step"], "counts something else by its name; its numbers are taken for updates, because it is mapped", doubt=True)
    for role, name in taken.items():
        if role != "step" and (why := remark(name)):
            because = ", because it is mapped" if name in mapped else ""
            run.note(name, f"is {why}, by its name; it is taken as it stands{because}", doubt=True)
    if "lr" not in taken and run.schedule is None:
        factors = [name for name in names if (why := remark(name)) and why.startswith("a factor")]
        if factors:
            how = f"{remark(factors[0])}, and name that column with --map lr=, or state the schedule"
            run.note("lr", f"LR not known: {factors[0]} is {how}")
    known = {*taken.values(), *(name for found in fitting.values() for name in found), *setting_columns(names).values()}
    left = unused(names, known)
    if left:
        sets = [name for name in left if "val_loss" not in taken and name.partition(" ")[0].lower().startswith(("eval", "val"))]
        ask = ": name the one to take with --map val_loss=" if len(sets) > 1 else ": name one with --map if it is wanted"
        run.note("columns", f"not used: {shortened(left)}{ask}")


def _same(rows, taken: str, found: list[str], role: str) -> str:
    """Whether the others hold the same numbers, as the learning rates of parameter groups may."""
    known = [name for name in found if name in rows.parts]
    at, values = rows.column(taken)
    if role == "lr" and known and values.size:
        ratios = []
        for name in known:
            there, numbers = rows.column(name)
            common, a, b = np.intersect1d(at, there, assume_unique=True, return_indices=True)
            positive = values[a] > 0
            if common.size and positive.any():
                ratios.append(numbers[b][positive] / values[a][positive])
        if ratios and all(np.abs(ratio - 1).max() <= CHECK_RTOL for ratio in ratios):
            return SAME_RATES
        if ratios:
            low, high = min(ratio.min() for ratio in ratios), max(ratio.max() for ratio in ratios)
            return f", at {low:.3g} to {high:.3g} times its rate: the first is taken; say with --map lr= if another is the one"
    return f": say so with --map {role}= if it is the one"


def _counts_otherwise(rows, name: str, steps_of) -> bool:
    """Whether a column counts otherwise than the one taken: not the same, but for a constant."""
    if name not in rows.parts:
        return False
    at, values = rows.column(name)
    known, steps = steps_of(at)
    return bool(known.any()) and np.ptp(values[known] - steps[known]) != 0


__all__ = ["SETTINGS", "describe_columns", "settings_of", "wanted"]
