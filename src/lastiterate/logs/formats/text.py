"""Reader of the text logs of nanoGPT, modded-nanogpt and llm.c; lines of any other kind are passed over.

    iter 100: loss 3.9, time 120ms, mfu 30%          nanoGPT: written after update iter + 1
    step 100: train loss 3.9, val loss 4.0           nanoGPT: before update step + 1, so after `step` of them
    step:100/5100 train_loss:3.9 train_time:..ms     modded-nanogpt: after update step; it prints step + 1 itself
    step:100/5100 val_loss:4.0 train_time:..ms       modded-nanogpt: after update step
    s:100 trl:3.9 lr:0.0006 norm:1.2                 llm.c (and the first of modded-nanogpt): after update s + 1, with its LR
    s:100 tel:4.0                                    llm.c: after update s

The losses of `iter` lines are of one batch; where there are none, the train loss of the `step` lines is taken. nanoGPT
prints no LR, but its configuration: if that states all of learning_rate, warmup_iters, lr_decay_iters, min_lr and
max_iters, the schedule is rebuilt from it (its warm-up executes learning_rate * (it + 1)/(warmup_iters + 1), it = 0, 1, ...).
Source: karpathy/nanoGPT train.py and configurator.py; KellerJordan/modded-nanogpt train_gpt.py; karpathy/llm.c llmc/logger.h.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lastiterate.logs.assemble import Convention, assemble
from lastiterate.logs.formats.source import LogFile, text_of
from lastiterate.logs.run_log import RunLog
from lastiterate.schedules import Phase, Schedule

NAME = "text log"
_MODDED = {"train_loss": ("train_loss", 0), "val_loss": ("val_loss", 0), "lr": ("lr", 0), "grad_norm": ("grad_norm", 0)}
_LLM_C = {"trl": ("train_loss", 1), "tel": ("val_loss", 0), "lr": ("lr", 1), "norm": ("grad_norm", 1)}
_LINES = {  # by trainer: the line, and for each of its keys the role, and how many updates the row's number lags behind
    "nanoGPT": (re.compile(r"iter (\d{1,15}): (loss \S+),"), {"loss": ("train_loss", 1)}),
    "nanoGPT evaluation": (
        re.compile(r"step (\d{1,15}): (train loss \S+, val loss \S+)"),
        {"train loss": ("mean_loss", 0), "val loss": ("val_loss", 0)},
    ),
    "modded-nanogpt": (re.compile(r"step:(\d{1,15})(?:/\d+)? (.*_loss:.*)"), _MODDED),
    "llm.c": (re.compile(r"s:(\d{1,15}) (t[re]l:.*)"), _LLM_C),
}
_ANY_LINE = re.compile(rb"^(?:iter \d+: loss |step \d+: train loss |step:\d+(?:/\d+)? [^\n]*_loss:|s:\d+ t[re]l:)", re.MULTILINE)
_STATED = re.compile(r"(?:Overriding: )?(learning_rate|warmup_iters|lr_decay_iters|min_lr|max_iters|decay_lr) *= *([^#\s]+)")
_CONFIG = ("learning_rate", "warmup_iters", "lr_decay_iters", "min_lr", "max_iters")
LR_ATOL = 5.1e-7  # llm.c prints learning rates with six decimals
SEARCHED_BYTES = 1 << 24  # modded-nanogpt's logs begin with their own source


def recognise(path: Path, head: bytes) -> bool:
    """Whether a line among the first 16 MB is one of these trainers'."""
    if text_of(head) is None:
        return False
    with path.open("rb") as opened:
        return bool(_ANY_LINE.search(opened.read(SEARCHED_BYTES)))


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the run; LogError that names the line whose number is none."""
    found: dict[str, tuple[list[int], list[float]]] = {}
    names: dict[str, str] = {}
    trainers, config, cut = [], {}, False
    with file.path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            line = raw.decode("utf-8", errors="replace").rstrip("\r\n")
            if stated := _STATED.match(line):
                config[stated[1]] = stated[2]
            trainer, match = next(((t, m) for t, (pattern, _) in _LINES.items() if (m := pattern.match(line))), (None, None))
            if match is None:
                continue
            if not raw.endswith(b"\n"):  # the last number may be cut short
                cut = True
                continue
            if trainer.split()[0] not in trainers:
                trainers.append(trainer.split()[0])
            keys = _LINES[trainer][1]
            for key, text in re.findall(r"([A-Za-z_]+(?: [A-Za-z_]+)?)[: ]([^\s,]+)", match[2]):
                if key in keys:
                    role, lag = keys[key]
                    at, values = found.setdefault(role, ([], []))
                    at.append(int(match[1]) + lag)
                    values.append(_number(file, number, key, text))
                    names[role] = key
    log_format = " and ".join(trainers) + " text log"
    mean = found.pop("mean_loss", None)
    if mean and "train_loss" not in found:
        found["train_loss"], names["train_loss"] = mean, "train loss"
    columns = {role: (np.array(at, np.int64), np.array(values)) for role, (at, values) in found.items()}
    schedule, note = _schedule(config) if "nanoGPT" in trainers and "lr" not in columns else (None, None)
    if schedule and columns and max(int(at.max()) for at, _ in columns.values()) > schedule.total_steps:
        schedule, note = None, "LR not known: the log goes beyond its configuration's max_iters"
    taken = {"step": "the line's number", **names}
    run = assemble(file.name, file.run_id, log_format, columns, taken, file.stated, Convention(0, 0), schedule=schedule, lr_atol=LR_ATOL)
    if note and file.stated.schedule is None:
        run.note("lr", note)
    elif "lr" not in columns and run.schedule is None:
        run.note("lr", "LR not known: these logs hold none; state the schedule")
    if cut:
        run.note(f"line {number}", "has no line end, so that its numbers may be cut short: left out")
    yield run


def _number(file: LogFile, line: int, key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise file.error(f"line {line}", f"{key} is {text!r:.40}, expected a number") from None


def _schedule(config: dict[str, str]) -> tuple[Schedule | None, str]:
    """NanoGPT's schedule from its configuration, and what to say about it."""
    missing = [key for key in _CONFIG if key not in config]
    if missing:
        return None, f"LR not known: the log does not state {', '.join(missing)}; state the schedule"
    try:
        peak, final = float(config["learning_rate"]), float(config["min_lr"])
        warmup, last, total = int(config["warmup_iters"]), int(config["lr_decay_iters"]), int(config["max_iters"]) + 1
        if config.get("decay_lr") == "False":
            return Schedule("constant", (Phase("stable", total),), peak), "constant LR, as the log's configuration states"
        decay = min(total, last + 1) - warmup
        phases = (
            Phase("warmup", warmup, "linear", 1 / (warmup + 1), 1.0, max(warmup, 1)),
            Phase("decay", decay, "cosine", 1.0, final / peak, max(last - warmup, 1)),
            Phase("stable", total - warmup - decay, start=final / peak),
        )
        schedule = Schedule("cosine", phases, peak)
    except (ValueError, ZeroDivisionError) as error:
        return None, f"LR not known: the log's configuration describes no schedule ({error})"
    return schedule, "LR rebuilt from the configuration in the log, with nanoGPT's warm-up from 1/(warmup_iters + 1)"
