"""The schedule that nanoGPT's configuration states, where its log prints it.

Its warm-up executes learning_rate * (it + 1)/(warmup_iters + 1), it = 0, 1, ...; then a cosine to min_lr at lr_decay_iters.
Source: karpathy/nanoGPT 3adf61e train.py (get_lr), configurator.py.
"""

import re

from lastiterate.logs.assemble import MAX_UPDATES
from lastiterate.schedules import Phase, Schedule

STATED = re.compile(rb"^(?:Overriding: )?(learning_rate|warmup_iters|lr_decay_iters|min_lr|max_iters|decay_lr) *= *([^#\s]+)", re.MULTILINE)
CONFIG = ("learning_rate", "warmup_iters", "lr_decay_iters", "min_lr", "max_iters")


def schedule_of(config: dict[str, str]) -> tuple[Schedule | None, str]:
    """The schedule, or None, and what to say about it."""
    missing = [key for key in CONFIG if key not in config]
    if missing:
        return None, f"LR not known: the log does not state {', '.join(missing)}; state the schedule"
    try:
        peak, final = float(config["learning_rate"]), float(config["min_lr"])
        warmup, last, total = int(config["warmup_iters"]), int(config["lr_decay_iters"]), int(config["max_iters"]) + 1
        if max(total, last, warmup) > MAX_UPDATES:
            raise ValueError(f"{max(total, last, warmup)} updates, at most {MAX_UPDATES} are a run's")
        if config.get("decay_lr") == "False":
            return Schedule("constant", (Phase("stable", total),), peak), "constant LR, as the log's configuration states"
        decay = min(total, last + 1) - warmup
        phases = (
            Phase("warmup", warmup, "linear", 1 / (warmup + 1), 1.0, max(warmup, 1)),
            Phase("decay", decay, "cosine", 1.0, final / peak, max(last - warmup, 1)),
            Phase("stable", total - warmup - decay, start=final / peak),
        )
        schedule = Schedule("cosine", phases, peak)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        return None, f"LR not known: the log's configuration describes no schedule ({error})"
    return schedule, "LR rebuilt from the configuration in the log, with nanoGPT's warm-up from 1/(warmup_iters + 1)"
