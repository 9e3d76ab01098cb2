"""OLMo-core: scheduler and trainer settings in Python.

OLMo-core counts the update that it is about to make: current = 1, ..., T. With W = warmup, m = warmup_min_lr and
E = t_max (max_duration for WSD, in steps), the learning rate is

    m + (lr - m) current/W                            up to current = W
    d + (lr - d) (E - current)/D                      WSD, from current = E - D on, d = decay_min_lr, D = decay
    a + (lr - a) g((current - W)/(E - W))             LinearWithWarmup, CosWithWarmup, a = alpha_f lr

g being 1 - x or (1 + cos(pi x))/2. With E = T the last update would have d, or a: 0 by default in WSD, an update lost.
So E is one more than the length of the run, which hard_stop ends. A warmup of W updates starts at 1/W and becomes
one of W - 1 updates here; warmup_min_lr gives it a higher start, nothing a lower one.

ComposableScheduler is a list of stages, each of which goes from start_lr to end_lr over duration counts, by g. It executes any
schedule of lines and cosines, and others by lines between some of their updates (`lastiterate.schedules.export.stages`).

Source: allenai/OLMo-core, src/olmo_core/optim/scheduler.py (fa6c501, 2026-06-22, and release 3.0.0), train/trainer.py (83db5f7).
decay_fraction and alpha_f default to 0.1 and are always written.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lastiterate.schedules import pieces
from lastiterate.schedules.export.form import Form, Reach, common_limits
from lastiterate.schedules.export.stages import EXACT_STAGES, FEW_STAGES, Stage, curved, stages
from lastiterate.schedules.export.text import call

TITLE = "OLMo-core"
DECAYS = {"linear": "LinearWithWarmup", "cosine": "CosWithWarmup"}
VERSIONS = {"2.2": "warmup and decay in steps", "3": "ComposableScheduler (2026-05-13)"}


def reaches(version: str) -> list[Reach]:
    """The decays it has."""
    if version != "2.2":
        return []  # the stages are nearer than any of them
    return [Reach("linear"), *(Reach(shape, "warmup") for shape in DECAYS)]


def candidates(form: Form, version: str) -> Iterator[dict[str, Any]]:
    """Settings that may execute the form."""
    base = {"lr": form.peak_lr, "max_duration": form.total_steps, "hard_stop": None}
    for warmup, low in _warmups(form):
        common = {"warmup": warmup, "warmup_min_lr": low * form.peak_lr}
        if not form.decay_steps:
            yield base | {"scheduler": "ConstantWithWarmup", "arguments": common}
            continue
        if form.immediate and form.decay_shape in DECAYS:
            end: dict[str, Any] = {"alpha_f": form.final, "t_max": form.decay_end + 1}
            yield base | {"scheduler": DECAYS[form.decay_shape], "arguments": common | end}
        end = {"decay": form.decay_steps, "decay_fraction": None, "decay_min_lr": form.final * form.peak_lr}
        stop = {"max_duration": form.decay_end + 1, "hard_stop": form.total_steps}
        if form.decay_end >= form.total_steps:  # max_duration would end the run
            yield base | stop | {"scheduler": "WSD", "arguments": common | end}
    if version != "2.2":
        most = EXACT_STAGES if curved(form) <= EXACT_STAGES else FEW_STAGES
        yield base | {"scheduler": "ComposableScheduler", "arguments": {"stages": stages(form, most)}}


def _warmups(form: Form) -> list[tuple[int, float]]:
    """(warmup, warmup_min_lr/lr): a warmup of one update executes the peak, so there always is one."""
    steps = form.warmup_steps
    if not steps:
        return [(1, 0.0)]
    low = (form.warmup_start * (steps + 1) - 1) / steps
    return [(steps + 1, low if low > 1e-15 else 0.0), (steps, 0.0)]


def executed(values: dict[str, Any], steps: int) -> np.ndarray:
    """Learning rates of updates 1..steps, or after each count of an array, by the rule in the module's head."""
    current, peak, arguments, kind = pieces.counts(steps) + 1, values["lr"], values["arguments"], values["scheduler"]
    if kind == "ComposableScheduler":
        return _composed(arguments["stages"], current, peak)
    warmup, low = arguments["warmup"], arguments["warmup_min_lr"]
    if kind == "ConstantWithWarmup":
        lr = np.full(current.size, peak)
    elif kind == "WSD":
        left, decay, end = values["max_duration"] - current, arguments["decay"], arguments["decay_min_lr"]
        lr = end + (peak - end) * np.minimum(left, decay) / decay
    else:
        x = (current - warmup) / max(arguments["t_max"] - warmup, 1)
        end = arguments["alpha_f"] * peak
        lr = end + (peak - end) * (1 - x if kind == "LinearWithWarmup" else (1 + np.cos(np.pi * x)) / 2)
        lr = np.where(current >= arguments["t_max"], end, lr)
    return np.where(current <= warmup, low + (peak - low) * np.minimum(current, warmup) / warmup, lr)


def _composed(found: tuple[Stage, ...], current: np.ndarray, peak: float) -> np.ndarray:
    lr, begin = np.full(current.size, found[-1].end_lr), 0
    for stage in found:
        here = (current >= begin) & (current < begin + stage.duration)
        x, start, end = current[here] - begin, stage.start_lr, stage.end_lr
        if stage.shape == "cosine":
            lr[here] = end + (start - end) * (1 + np.cos(np.pi * x / stage.duration)) / 2
        else:
            lr[here] = start + (end - start) * x / stage.duration
        begin += stage.duration
    return lr


def limits(form: Form, version: str) -> list[str]:
    """Why OLMo-core cannot execute the form."""
    if version != "2.2":
        return [f"its stages are lines and cosines: {FEW_STAGES} of them come this near"]
    shapes = DECAYS if form.immediate else {"linear": "WSD"}
    own = 1 / (form.warmup_steps + 1)
    found = common_limits(form, shapes, first="any" if form.warmup_start >= own else "1/(W+1)")
    return [*found, "ComposableScheduler, since version 3, executes lines and cosines from anywhere"] if found else []


def notes(form: Form, values: dict[str, Any], version: str) -> list[str]:
    """What to know before using the settings."""
    if values["scheduler"] == "ComposableScheduler":
        return ["updates are counted from 1; the stages' lengths are absolute: OLMo-core warns that it ignores t_max"]
    found = ["updates are counted from 1: a warmup of W updates starts at 1/W of the peak and reaches it at update W"]
    if values["hard_stop"]:
        found.append("max_duration is the end of the decay, hard_stop that of the run: without it the last update would run at the end")
    return found


def text(values: dict[str, Any]) -> str:
    """The settings as Python."""
    duration = {"max_duration": values["max_duration"]} | ({"hard_stop": values["hard_stop"]} if values["hard_stop"] else {})
    steps = ", ".join(f"{name}=Duration.steps({count})" for name, count in duration.items())
    optimiser = f"optim = AdamWConfig(lr={values['lr']!r})  # any optimiser"
    if values["scheduler"] == "ComposableScheduler":
        lines = [f"        {_stage(stage)}," for stage in values["arguments"]["stages"]]
        scheduler = "\n".join(["scheduler = ComposableScheduler(", "    stages=[", *lines, "    ],", ")"])
    else:
        scheduler = f"scheduler = {call(values['scheduler'], values['arguments'])}"
    return f"{optimiser}\n{scheduler}\ntrainer = TrainerConfig({steps})"


def _stage(stage: Stage) -> str:
    named = {"duration": stage.duration, "shape": stage.shape, "start_lr": stage.start_lr, "end_lr": stage.end_lr}
    shape = f"ComposableSchedulerStageType.{named.pop('shape')}"
    return call("ComposableSchedulerStage", named).replace("duration", f"shape={shape}, duration", 1)
