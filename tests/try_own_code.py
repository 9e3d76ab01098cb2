"""Random schedules against the trainers' own code: `python tests/try_own_code.py` (make trainers-table) writes docs/trainers.md's table."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lastiterate.schedules import constant, cosine, cyclic, inverse_sqrt, linear, piecewise, polynomial, two_stage, wsd
from lastiterate.schedules.export import CannotExport, export
from own_code import OWN

BEGIN, END = "% written by make trainers-table\n", "\n% until here\n"


FAMILIES = ["wsd"] * 3 + ["linear", "cosine", "constant", "polynomial", "inverse_sqrt", "cyclic", "two", "piecewise"]
HEAD = ("`--trainer`", "code that ran", "released", "random schedules that agree", "largest deviation, of the peak")


def random_schedule(rng, trainer):
    """A schedule of any family; its warmup starts anywhere, but mostly where most trainers' do."""
    total = int(rng.integers(2, 200))
    warmup = int(rng.integers(0, total - 1)) if rng.random() < 0.7 else 0
    start = float(rng.choice([0.0, 0.0, 1 / (warmup + 1), 1 / (warmup + 1), rng.random()]))
    peak, final = float(10 ** rng.uniform(-5, 0)), float(rng.choice([0.0, 0.1, rng.random()]))
    if rng.random() < 0.3:
        start = final
    shape = str(rng.choice(["linear", "cosine", "1-sqrt", "power", "exponential"]))
    decay = {"decay_shape": shape, "decay_power": float(rng.uniform(0.3, 3))}
    own = {"warmup_steps": warmup, "peak_lr": peak, "initial_lr_ratio": start}
    cooldown, low = float(rng.random() * (total + 1 - warmup) / (total + 1)), max(final, 0.01) if shape == "exponential" else final
    cycle = int(rng.integers(1, total + 1))
    switch = int(rng.integers(warmup, total + 1))
    match str(rng.choice(FAMILIES)):
        case "wsd":
            return wsd(total, cooldown, final_lr_ratio=low, **decay, **own)
        case "linear":
            return linear(total, final_lr_ratio=final, **own)
        case "cosine":
            return cosine(total, float(rng.choice([1.0, rng.uniform(1, 3)])), final_lr_ratio=final, **own)
        case "polynomial":
            return polynomial(total, float(rng.uniform(0.3, 3)), final_lr_ratio=final, **own)
        case "inverse_sqrt":
            return inverse_sqrt(total, cooldown if rng.random() < 0.5 else 0.0, **own)
        case "cyclic":
            return cyclic(total, cycle, final_lr_ratio=low, **decay, **own)
        case "two":
            return two_stage(total, switch, 0.5, min(cooldown, (total - switch) / (total + 1)), **own)
        case "piecewise" if warmup < switch < total:
            return piecewise(total, [switch], [1.0, 0.3], warmup, peak, initial_lr_ratio=start)
    return constant(total, **own)


@dataclass(frozen=True)
class Tried:
    """Schedules that were executed by the trainer's own code, the largest deviation of the peak, and how many were refused."""

    agreed: int
    largest: float
    refused: int


def try_own_code(trainer: str, count: int, seed: int = 0) -> Tried:
    """`count` random schedules that the exporter writes, against what the trainer's own code executes; AssertionError if one is off."""
    own, rng, largest, agreed, refused = OWN[trainer], np.random.default_rng(seed), 0.0, 0, 0
    while agreed < count:
        schedule = random_schedule(rng, trainer)
        try:
            found = export(schedule, trainer, version=own.version, search=False)
        except CannotExport:
            refused += 1
            continue
        executed = np.asarray(own.run(found.text, schedule.total_steps)) * (schedule.peak_lr if own.scaled else 1.0)
        single = trainer == "keras"
        expected = found.lr if single else schedule.lr
        off = float(np.abs(executed - expected).max() / schedule.lr.max())
        assert off <= 1e-9 and off <= 1e-12 + found.deviation, (trainer, off, schedule, found.text)
        largest, agreed = max(largest, off if found.deviation <= 1e-12 else 0.0), agreed + 1
    return Tried(agreed, largest, refused)


if __name__ == "__main__":
    rows = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    for name in sys.argv[1:] or OWN:
        tried, own = try_own_code(name, 200), OWN[name]
        rows.append(f"| `{name}` | {own.distribution} {own.release} | {own.date} | {tried.agreed} | {tried.largest:.1g} |")
        print(rows[-1], f"({tried.refused} refused)")
    if not sys.argv[1:]:
        page = Path(__file__).parents[1] / "docs" / "trainers.md"
        before, _, rest = page.read_text().partition(BEGIN)
        page.write_text(before + BEGIN + "\n".join(["", *rows, ""]) + END + rest.partition(END)[2], encoding="utf-8")
