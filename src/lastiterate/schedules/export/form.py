"""How trainers see a schedule: a warmup, a stable stretch and a decay, in counts s = 0, 1, ... of updates already made."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from lastiterate.schedules.schedule import Phase, Schedule


@dataclass(frozen=True)
class Reach:
    """One decay that a trainer has, for the search of the nearest settings.

    shape : a decay shape of this package, or the trainer's own; begin, end : "any" count, or the end of the "warmup", of the "run".
    """

    shape: str
    begin: str = "any"
    end: str = "any"


@dataclass(frozen=True)
class Form:
    """Warmup, stable, decay, of factors of the peak.

    After s updates, with W, S, N, w0 and r the fields below, the next one executes the factor

        w0 + (1 - w0) s/W                 for s < W
        1                                 for W <= s <= S
        decay_shape at x = (s - S)/N      after it, from 1 at x = 0 to r at x = 1

    so that ``wsd(T, cooldown)`` has S + N = T: the last executed factor is one step above r.
    """

    total_steps: int
    peak_lr: float
    phases: tuple[Phase, ...]
    warmup_steps: int  # W, 0 if there is none
    warmup_start: float  # w0
    decay_begin: int  # S, total_steps if there is no decay
    decay_steps: int  # N, 0 if there is no decay
    decay_shape: str
    decay_power: float
    final: float  # r
    first: float  # factor of update 1, of the largest
    whole: bool  # False if the schedule has more to it, which trainers of this form must leave out

    @property
    def immediate(self) -> bool:
        """Whether the decay begins at the end of the warmup."""
        return self.decay_steps > 0 and self.decay_begin == self.warmup_steps

    @property
    def decay_end(self) -> int:
        """S + N, the count at which the decay reaches r."""
        return self.decay_begin + self.decay_steps

    @property
    def inverse_sqrt(self) -> bool:
        """Whether the learning rate falls as 1/sqrt(s - W + 1) after the warmup, to the end of the run or to a linear cooldown.

        The cooldown starts at count ``decay_begin``, from the value there, and ends on `final` with the run.
        """
        phases = [phase for phase in self.phases if phase.kind != "warmup"]
        main, rest = phases[:1], phases[1:]
        if not main or (main[0].shape, main[0].start, main[0].offset) != ("inverse_sqrt", 1.0, 1) or len(rest) > 1:
            return False
        cooled = [(p.shape, p.offset, p.steps == p.span - 1, abs(p.start - main[0].steps ** -0.5) < 1e-15) for p in rest]
        return all(found == ("linear", 1, True, True) for found in cooled) and self.linear_warmup

    @property
    def rises(self) -> bool:
        """Whether the schedule has a warmup, or begins below its largest learning rate."""
        return self.warmup_steps > 0 or self.first < 1.0

    @property
    def linear_warmup(self) -> bool:
        """Whether the warmup, if there is one, is linear and ends at the peak."""
        return all(phase.shape == "linear" and phase.end == 1.0 for phase in self.phases if phase.kind == "warmup")

    @property
    def cycle(self) -> Phase | None:
        """The decay that repeats after the warmup, if the schedule is cyclic; only its last repetition may be cut off."""
        first, *rest = [phase for phase in self.phases if phase.kind != "warmup"] or [Phase("stable", 0)]
        if not rest or (first.kind, first.offset, first.start, first.steps) != ("decay", 0, 1.0, first.span):
            return None
        same = all(replace(phase, steps=first.steps) == first for phase in rest)
        return first if same and all(phase.steps == first.steps for phase in rest[:-1]) and self.linear_warmup else None

    def styles(self, names: dict[str, str]) -> list[str]:
        """The trainer's name of this decay shape, or all its names if it lacks the shape."""
        return [names[self.decay_shape]] if self.decay_shape in names else list(names.values())


def read(schedule: Schedule) -> Form:
    """The form of a schedule: its first phase if that is a warmup, its last if that is a decay, and 1 in between.

    >>> from lastiterate.schedules import wsd
    >>> form = read(wsd(100, cooldown=0.2, warmup_steps=10))
    >>> form.warmup_steps, form.decay_begin, form.decay_steps, form.whole
    (10, 80, 20, True)
    """
    total_steps = int(schedule.total_steps)
    phases = tuple(_plain(phase) for phase in schedule.phases if phase.steps)
    warmup = phases[0] if phases[0].kind == "warmup" else None
    after = phases[-1].steps if len(phases) > 1 and _stays_at_end(*phases[-2:]) else 0  # updates at r after the decay
    shaped = phases[:-1] if after else phases
    decay = shaped[-1] if shaped[-1].kind == "decay" else None
    between = shaped[warmup is not None : len(shaped) - (decay is not None)]
    whole = all(phase.shape == "constant" and phase.start == 1.0 for phase in between)
    steps, start = 0, 1.0
    if warmup is not None:
        whole &= warmup.shape == "linear" and warmup.end == 1.0
        start = warmup.start + (1.0 - warmup.start) * warmup.offset / warmup.span
        steps = max(warmup.span - warmup.offset, 0) if start < 1.0 else 0
    begin, count, shape, power, final = total_steps, 0, "linear", 1.0, 0.0
    if decay is not None:
        whole &= decay.start == 1.0 and decay.end <= 1.0
    if decay is not None and decay.end < 1.0:
        begin, count, final = total_steps - after - decay.steps - decay.offset, decay.span, decay.end
        shape, power = decay.shape, decay.power if decay.shape == "power" else 1.0
        shape = "linear" if shape == "power" and power == 1.0 else shape
    first = float(schedule.lr[0] / schedule.lr.max())
    steps, begin = min(steps, total_steps), max(begin, 0)
    return Form(total_steps, float(schedule.peak_lr), phases, steps, start, max(begin, steps), count, shape, power, final, first, whole)


def _stays_at_end(decay: Phase, last: Phase) -> bool:
    """Whether the last phase is constant at where the decay before it ends, and that decay is executed up to there."""
    constant = last.kind == "stable" and last.shape == "constant"
    return decay.kind == "decay" and constant and last.start == decay.end and decay.offset + decay.steps in (decay.span, decay.span + 1)


def _plain(phase: Phase) -> Phase:
    """The phase in Python's own numbers, whose repr every trainer can read."""
    numbers: dict[str, Any] = {name: int(getattr(phase, name)) for name in ("steps", "span", "offset")}
    numbers |= {name: float(getattr(phase, name)) for name in ("start", "end", "power")}
    return replace(phase, **numbers)


def common_limits(form: Form, shapes: Collection[str], first: str = "0") -> list[str]:
    """Why a trainer of this form cannot execute the schedule: what it is more than, its decay shape, its warmup.

    `first` is the factor at which the trainer's own warmup starts: "0", "any", or "1/(W+1)".
    """
    limits = [] if form.whole else ["it knows a warmup, a stable stretch and one decay from the peak, and nothing else"]
    if form.decay_steps and form.decay_shape not in shapes:
        limits.append(f"its decays are {', '.join(shapes)}, not {form.decay_shape}")
    if form.warmup_steps and first != "any":
        own = 0.0 if first == "0" else 1 / (form.warmup_steps + 1)
        if abs(form.warmup_start - own) > 1e-12:
            limits.append(f"its warmup starts at {own:.6g} of the peak, not at {form.warmup_start:.6g}: use initial_lr_ratio={own!r}")
    return limits
