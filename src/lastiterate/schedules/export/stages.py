"""A schedule as stages of lines and cosines, which OLMo-core's ComposableScheduler is made of."""

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from typing import Any

import numpy as np

from lastiterate.schedules.export.form import Form
from lastiterate.schedules.schedule import Phase

FEW_STAGES = 32
EXACT_STAGES = 512  # a stage for every update of what is neither line nor cosine, if it is that short


@dataclass(frozen=True)
class Stage:
    """Counts begin .. begin + duration - 1, from `start_lr` at the first to `end_lr` at the one after the last."""

    duration: int
    shape: str
    start_lr: float
    end_lr: float


def curved(form: Form) -> int:
    """Updates of phases that are neither lines nor cosines."""
    return sum(phase.steps for phase in form.phases if not _straight(phase))


def stages(form: Form, most: int) -> tuple[Stage, ...]:
    """Stages for current = 0, 1, ..., T: lines and cosines are exact, others lines between `most` (in all) of their updates.

    Count 0 is never executed: the first stage begins there with the learning rate of update 1, or ends there.
    """
    found: list[Any] = []
    current, each = 0, max(most // max(sum(not _straight(phase) for phase in form.phases), 1), 1)
    for number, phase in enumerate(form.phases):
        whole = phase.offset == 0 or (found and _ends_level(found[-1], phase, form.peak_lr))
        last = number == len(form.phases) - 1
        if phase.shape == "cosine" and whole and (last or phase.offset + phase.steps >= phase.span):
            if phase.offset:  # it begins on the stable update before it
                found[-1] = Stage(found[-1].duration - phase.offset, found[-1].shape, found[-1].start_lr, found[-1].end_lr)
            new = [Stage(phase.span, "cosine", phase.start * form.peak_lr, phase.end * form.peak_lr)]
        elif _straight(phase) and phase.shape != "cosine":
            new = [_line(phase, form.peak_lr)]
        else:
            new = _lines(form.peak_lr * phase.factors(), each if most == FEW_STAGES else phase.steps)
        if current == 0:  # one count that is never executed
            new = [_first(new[0]), *new] if new[0].start_lr != new[0].end_lr else [_longer(new[0]), *new[1:]]
        found += new
        current += phase.steps
    return tuple(stage for stage in found if stage.duration)


def _straight(phase: Phase) -> bool:
    return phase.shape in ("constant", "linear", "cosine")


def _ends_level(stage: Stage, phase: Phase, peak: float) -> bool:
    """Whether the stage before a phase has its level for as many counts as the phase has moved on from where it starts."""
    return stage.start_lr == stage.end_lr == phase.start * peak and stage.duration > phase.offset


def _line(phase: Phase, peak: float) -> Stage:
    if phase.shape == "constant":
        return Stage(phase.steps, "linear", phase.start * peak, phase.start * peak)
    slope = (phase.end - phase.start) / phase.span
    first = phase.start + phase.offset * slope
    end = phase.end if phase.offset + phase.steps == phase.span else phase.start + (phase.offset + phase.steps) * slope
    return Stage(phase.steps, "linear", first * peak, max(end * peak, 0.0))


def _lines(lr: np.ndarray, most: int) -> list[Stage]:
    """Lines between at most `most` + 1 of the updates, split again and again where they are furthest off."""
    counts = np.arange(lr.size)

    def worst(a: int, b: int) -> tuple[float, int, int, int]:
        off = np.abs(lr[a : b + 1] - (lr[a] + (lr[b] - lr[a]) * (counts[a : b + 1] - a) / max(b - a, 1)))
        t = int(np.argmax(off))
        return (-float(off[t]), a, b, a + t)

    heap: list[Any] = []
    last = lr.size - 1
    heappush(heap, worst(0, last))
    while len(heap) < most and heap[0][0] < 0:
        _, a, b, t = heappop(heap)
        heappush(heap, worst(a, t))
        heappush(heap, worst(t, b))
    knots = sorted({a for _, a, _, _ in heap} | {last})
    found = [Stage(b - a, "linear", float(lr[a]), float(lr[b])) for a, b in pairwise(knots)]
    return [*found, Stage(1, "linear", float(lr[-1]), float(lr[-1]))]


def _first(stage: Stage) -> Stage:
    return Stage(1, "linear", stage.start_lr, stage.start_lr)


def _longer(stage: Stage) -> Stage:
    return Stage(stage.duration + 1, stage.shape, stage.start_lr, stage.end_lr)
