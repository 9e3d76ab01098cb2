"""The schedule families, all with one vocabulary and one convention.

A horizon of T updates is described by T + 1 entries, the last of which (the value that decay ends on) is never
executed: a decay of N entries therefore executes N - 1 updates, and ``wsd(T, cooldown=0.2)`` ends one entry above
`final_lr_ratio`. This is the convention of the arrays published with arXiv:2501.18965, reproduced to the last bit.

Common arguments
----------------
total_steps : int
    T, the number of updates, at least 1.
cooldown : float in [0, 1]
    Fraction of the T + 1 entries that decay: N = int(cooldown (T + 1)).
decay_shape : {"linear", "1-sqrt", "cosine", "exponential", "power"}
    How the decay goes from where it starts to `final_lr_ratio`; "power" uses `decay_power`.
warmup_steps : int
    W updates of linear warmup, ``w0 + (t-1)/W (1 - w0)`` for t = 1..W with w0 = `initial_lr_ratio`: the peak is reached
    at update W + 1, and what follows is shortened by W.
final_lr_ratio, initial_lr_ratio : float in [0, 1]
    Last entry and first warmup entry, as factors of the peak. The default 1e-10 of the latter is the published code's.
peak_lr : float > 0
    Multiplies the whole schedule (gamma, the base learning rate of the papers).

Every family raises ValueError that names the argument, the rule and the fix.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from lastiterate._checks import check_choice, check_counts, check_number, check_reals, check_steps
from lastiterate.schedules.schedule import Phase, Schedule
from lastiterate.schedules.shapes import DECAY_SHAPES

MOST_CYCLES = 100_000
INITIAL_LR_RATIO = 1e-10


def constant(total_steps: int, warmup_steps: int = 0, peak_lr: float = 1.0, *, initial_lr_ratio: float = INITIAL_LR_RATIO) -> Schedule:
    """Constant learning rate: ``eta_t = peak_lr``.

    Arguments and errors as in the module's head. Returns a Schedule with ``.lr`` of shape (total_steps,).
    Source: arXiv:2501.18965, section 3.

    >>> constant(3, peak_lr=0.1).lr.tolist()
    [0.1, 0.1, 0.1]
    """
    entries, warmup = _begin(total_steps, warmup_steps, initial_lr_ratio)
    return Schedule("constant", (*warmup, Phase("stable", entries - 1)), peak_lr)


def wsd(
    total_steps: int,
    cooldown: float = 0.2,
    decay_shape: str = "linear",
    warmup_steps: int = 0,
    final_lr_ratio: float = 0.0,
    peak_lr: float = 1.0,
    *,
    decay_power: float = 1.0,
    initial_lr_ratio: float = INITIAL_LR_RATIO,
) -> Schedule:
    """Warmup, stable, decay: constant at the peak, then a decay over the last fraction `cooldown`.

    With N = int(cooldown (T+1)) and r = `final_lr_ratio`, the j-th decay entry (j = 1..N, of which N - 1 are executed)
    is ``1 - j (1-r)/N`` (linear) or ``r + (1-r)(1 - sqrt(j/N))`` (1-sqrt). If warmup and decay fill all T + 1
    entries the decay gives one up, so that ``wsd(T, cooldown=1)`` is linear decay ``1 - (t-1)/T``.

    Arguments, units and errors as in the module's head; warmup_steps + N > T + 1 is an error.
    Source: arXiv:2405.18392; arrays of arXiv:2501.18965.

    >>> wsd(10, cooldown=0.4).lr.tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    entries, warmup = _begin(total_steps, warmup_steps, initial_lr_ratio)
    count = _decay_entries(total_steps, cooldown, warmup_steps)
    stable, decay = _stable_and_decay(entries, count, Phase("stable", 0), 1.0, decay_shape, final_lr_ratio, decay_power)
    return Schedule("wsd", (*warmup, stable, *decay), peak_lr)


def linear(
    total_steps: int,
    warmup_steps: int = 0,
    final_lr_ratio: float = 0.0,
    peak_lr: float = 1.0,
    *,
    initial_lr_ratio: float = INITIAL_LR_RATIO,
) -> Schedule:
    """Linear decay over everything after the warmup: ``eta_t = 1 - (t-1)(1-r)/T`` for W = 0, r = `final_lr_ratio`.

    Arguments and errors as in the module's head. The worst-case optimal schedule.
    Source: arXiv:2310.07831, Thm 1 (there ``1 - t/T`` counts from t = 0).

    >>> linear(4).lr.tolist()
    [1.0, 0.75, 0.5, 0.25]
    """
    return _full_decay("linear", total_steps, "linear", warmup_steps, final_lr_ratio, peak_lr, 1.0, initial_lr_ratio)


def one_minus_sqrt(
    total_steps: int,
    warmup_steps: int = 0,
    final_lr_ratio: float = 0.0,
    peak_lr: float = 1.0,
    *,
    initial_lr_ratio: float = INITIAL_LR_RATIO,
) -> Schedule:
    """1-sqrt decay over everything after the warmup: ``eta_t = r + (1-r)(1 - sqrt((t-1)/T))`` for W = 0.

    Arguments and errors as in the module's head. Source: arXiv:2405.18392, eq. (2); arXiv:2501.18965.

    >>> one_minus_sqrt(4).lr.round(4).tolist()
    [1.0, 0.5, 0.2929, 0.134]
    """
    return _full_decay("one_minus_sqrt", total_steps, "1-sqrt", warmup_steps, final_lr_ratio, peak_lr, 1.0, initial_lr_ratio)


def polynomial(
    total_steps: int,
    power: float = 2.0,
    warmup_steps: int = 0,
    final_lr_ratio: float = 0.0,
    peak_lr: float = 1.0,
    *,
    initial_lr_ratio: float = INITIAL_LR_RATIO,
) -> Schedule:
    """Polynomial decay over everything after the warmup: ``eta_t = r + (1-r)(1 - (t-1)/T)^power`` for W = 0.

    `power` > 0 has no unit; other arguments and errors as in the module's head. Source: arXiv:2310.07831, section 4.

    >>> polynomial(4, power=2).lr.tolist()
    [1.0, 0.5625, 0.25, 0.0625]
    """
    return _full_decay("polynomial", total_steps, "power", warmup_steps, final_lr_ratio, peak_lr, power, initial_lr_ratio)


def cosine(
    total_steps: int,
    cycle_length: float = 1.0,
    warmup_steps: int = 0,
    final_lr_ratio: float = 0.0,
    peak_lr: float = 1.0,
    *,
    initial_lr_ratio: float = INITIAL_LR_RATIO,
) -> Schedule:
    """Half a cosine: ``eta_t = r + (1-r)(1 + cos(pi (t-1)/span))/2``, span = int(m (T+1)) - W - 1.

    `cycle_length` m >= 1 stretches the cycle beyond the horizon, so that training stops before r = `final_lr_ratio`
    is reached; with m = 1 and W = 0 the span is T. Other arguments and errors as in the module's head.
    Source: arXiv:1608.03983; arrays of arXiv:2501.18965.

    >>> cosine(4).lr.round(4).tolist()
    [1.0, 0.8536, 0.5, 0.1464]
    """
    entries, warmup = _begin(total_steps, warmup_steps, initial_lr_ratio)
    check_number("cycle_length", cycle_length, "the cycle, in units of total_steps, must not end before training does", 1.0)
    check_number("final_lr_ratio", final_lr_ratio, "it is a fraction of peak_lr", 0.0, 1.0)
    span = max(int(cycle_length * (total_steps + 1)) - warmup_steps - 1, 1)
    return Schedule("cosine", (*warmup, Phase("decay", entries - 1, "cosine", 1.0, float(final_lr_ratio), span)), peak_lr)


def inverse_sqrt(
    total_steps: int,
    cooldown: float = 0.0,
    decay_shape: str = "linear",
    warmup_steps: int = 0,
    final_lr_ratio: float = 0.0,
    peak_lr: float = 1.0,
    *,
    decay_power: float = 1.0,
    initial_lr_ratio: float = INITIAL_LR_RATIO,
) -> Schedule:
    """1/sqrt: ``eta_t = t^-1/2`` (t counted after the warmup), optionally cooled from its last value.

    The cooldown takes N = int(cooldown (T+1)) entries as in `wsd`, from ``M^-1/2`` after M entries to
    `final_lr_ratio` (a fraction of the peak, at most ``M^-1/2``). Arguments and errors as in the module's head.
    Source: arrays of arXiv:2501.18965.

    >>> inverse_sqrt(4).lr.round(4).tolist()
    [1.0, 0.7071, 0.5774, 0.5]
    """
    entries, warmup = _begin(total_steps, warmup_steps, initial_lr_ratio)
    count = _decay_entries(total_steps, cooldown, warmup_steps)
    start = max(entries - count, 1) ** -0.5
    main = Phase("stable", 0, "inverse_sqrt", offset=1)
    stable, decay = _stable_and_decay(entries, count, main, start, decay_shape, final_lr_ratio, decay_power)
    return Schedule("inverse_sqrt", (*warmup, stable, *decay), peak_lr)


def two_stage(
    total_steps: int,
    switch_step: int,
    factor: float,
    cooldown: float = 0.2,
    decay_shape: str = "linear",
    warmup_steps: int = 0,
    final_lr_ratio: float = 0.0,
    peak_lr: float = 1.0,
    *,
    transition_steps: int = 0,
    decay_power: float = 1.0,
    initial_lr_ratio: float = INITIAL_LR_RATIO,
) -> Schedule:
    """Two stable stages, then a decay (wssd): 1 for `switch_step` updates, then `factor`, then a cooldown.

    ``eta_t = 1`` for t <= switch_step, then `factor` (reached over `transition_steps` linear updates, of which the first
    still executes 1), then the decay of `wsd` from `factor`. Used to extend a run at a lowered learning rate.

    switch_step : updates (warmup included) before the change; factor : > 0, in units of the peak. The rest, and the
    errors, as in the module's head. Source: arXiv:2501.18965, section 5.1, where switch_step = int(0.8 T0).

    >>> two_stage(8, switch_step=3, factor=0.5, cooldown=0.25).lr.tolist()
    [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25]
    """
    entries, warmup = _begin(total_steps, warmup_steps, initial_lr_ratio)
    first = check_steps("switch_step", switch_step, warmup_steps, "the first stage ends after the warmup") - warmup_steps
    between = check_steps("transition_steps", transition_steps, 0, "it counts the updates from the first stage to the second")
    factor = check_number("factor", factor, "the second stage's learning rate in units of the peak", open_low=True)
    count = _decay_entries(total_steps, cooldown, warmup_steps)
    rest = entries - first - between
    if rest < count:
        raise ValueError(
            f"switch_step={switch_step} + transition_steps={between} leave {max(rest, 0)} of the {count} decay entries "
            f"(total_steps={total_steps}, cooldown={cooldown}): switch earlier or cool down for less"
        )
    stages = (Phase("stable", first), *((Phase("transition", between, "linear", 1.0, factor, between),) if between else ()))
    second, decay = _stable_and_decay(rest, count, Phase("stable", 0, start=factor), factor, decay_shape, final_lr_ratio, decay_power)
    return Schedule("two_stage", (*warmup, *stages, second, *decay), peak_lr)


def piecewise(
    total_steps: int,
    boundaries: Sequence[int],
    values: Sequence[float],
    warmup_steps: int = 0,
    peak_lr: float = 1.0,
    *,
    initial_lr_ratio: float = INITIAL_LR_RATIO,
) -> Schedule:
    """Step schedule: ``eta_t = values[i]`` for boundaries[i-1] < t <= boundaries[i].

    boundaries : increasing ints, the last update (1-based, warmup included) of every piece but the last.
    values : one factor of the peak per piece, len(boundaries) + 1 of them, non-negative.
    The rest, and the errors, as in the module's head. Source: the usual step decay (arXiv:2310.07831, section 4).

    >>> piecewise(5, [2, 4], [1.0, 0.1, 0.01]).lr.tolist()
    [1.0, 1.0, 0.1, 0.1, 0.01]
    """
    _, warmup = _begin(total_steps, warmup_steps, initial_lr_ratio)
    boundaries = check_counts("boundaries", boundaries, "each is the last update of a piece").tolist()
    values = check_reals("values", values).tolist()
    if np.ndim(boundaries) != 1 or np.ndim(values) != 1:
        raise ValueError("piecewise: boundaries and values must be lists of numbers, one for each piece")
    if len(values) != len(boundaries) + 1:
        raise ValueError(
            f"values has {len(values)} pieces for {len(boundaries)} boundaries, expected {len(boundaries) + 1}: one more than boundaries"
        )
    edges = [warmup_steps, *boundaries, total_steps]
    if any(b <= a for a, b in pairwise(edges)):
        raise ValueError(
            f"boundaries={boundaries} must increase strictly from above warmup_steps={warmup_steps} to below total_steps={total_steps}"
        )
    pieces = [Phase("stable", b - a, start=v) for (a, b), v in zip(pairwise(edges), values, strict=True)]
    if warmup and pieces[0].start != 1.0:
        raise ValueError(f"values[0]={values[0]:g} must be 1 when warmup_steps > 0: the warmup ends at the peak; rescale peak_lr")
    return Schedule("piecewise", (*warmup, *pieces), peak_lr)


def cyclic(
    total_steps: int,
    cycle_steps: int,
    decay_shape: str = "cosine",
    warmup_steps: int = 0,
    final_lr_ratio: float = 0.0,
    peak_lr: float = 1.0,
    *,
    decay_power: float = 1.0,
    initial_lr_ratio: float = INITIAL_LR_RATIO,
) -> Schedule:
    """Warm restarts: every `cycle_steps` updates the learning rate jumps back to the peak and decays again.

    Within a cycle, with x = j/cycle_steps for j = 0..cycle_steps-1, the decay shape goes from 1 towards
    `final_lr_ratio` (which the next entry would have); the last cycle is cut off where the horizon ends.
    Arguments and errors as in the module's head. Source: arXiv:1608.03983 (SGDR) with cycles of equal length.

    >>> cyclic(5, 2, decay_shape="linear").lr.tolist()
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """
    entries, warmup = _begin(total_steps, warmup_steps, initial_lr_ratio)
    cycle = check_steps("cycle_steps", cycle_steps, 1, "it counts the updates of a cycle")
    check_choice("decay_shape", decay_shape, DECAY_SHAPES)
    check_number("final_lr_ratio", final_lr_ratio, "it is a fraction of peak_lr", 0.0, 1.0)
    left = entries - 1
    if left > MOST_CYCLES * cycle:
        raise ValueError(f"cycle_steps={cycle} makes {-(-left // cycle)} cycles, expected at most {MOST_CYCLES}: count updates of a cycle")
    cycles = [min(cycle, left - begin) for begin in range(0, left, cycle)]
    power = check_number("decay_power", decay_power, "it is the exponent of the decay", open_low=True)
    phases = tuple(Phase("decay", n, decay_shape, 1.0, float(final_lr_ratio), cycle, 0, power) for n in cycles)
    return Schedule("cyclic", (*warmup, *phases), peak_lr)


def _begin(total_steps: int, warmup_steps: int, initial_lr_ratio: float) -> tuple[int, tuple[Phase, ...]]:
    """Entries left for what follows the warmup (the never executed last one included), and the warmup's phases."""
    total = check_steps("total_steps", total_steps, 1, "it counts the updates of the run")
    warmup = check_steps("warmup_steps", warmup_steps, 0, "it counts the updates of the warmup")
    check_number("initial_lr_ratio", initial_lr_ratio, "it is a fraction of peak_lr", 0.0, 1.0)
    if warmup > total:
        raise ValueError(f"warmup_steps={warmup} exceeds total_steps={total}: shorten the warmup or train longer")
    phases = (Phase("warmup", warmup, "linear", float(initial_lr_ratio), 1.0, warmup),) if warmup else ()
    return total + 1 - warmup, phases


def _decay_entries(total_steps: int, cooldown: float, warmup_steps: int) -> int:
    """N = int(cooldown (T+1)), one less if warmup and decay would fill every entry."""
    check_number("cooldown", cooldown, "it is a fraction of total_steps", 0.0, 1.0)
    count = int(cooldown * (total_steps + 1))
    if warmup_steps + count > total_steps + 1:
        raise ValueError(
            f"warmup_steps={warmup_steps} + {count} decay entries (cooldown={cooldown:g}) exceed total_steps={total_steps}: "
            f"use cooldown <= {(total_steps + 1 - warmup_steps) / (total_steps + 1):.6g}, or linear() to decay after the warmup"
        )
    return count - 1 if count and warmup_steps + count == total_steps + 1 else count


def _stable_and_decay(
    entries: int, count: int, main: Phase, start: float, decay_shape: str, final_lr_ratio: float, decay_power: float
) -> tuple[Phase, tuple[Phase, ...]]:
    """The main phase over what the `count` decay entries leave, and the decay that starts from `start`."""
    check_choice("decay_shape", decay_shape, DECAY_SHAPES)
    check_number("final_lr_ratio", final_lr_ratio, "it is a fraction of peak_lr", 0.0, 1.0)
    if final_lr_ratio > start:
        raise ValueError(f"final_lr_ratio={final_lr_ratio:g} exceeds {start:g}, where the decay starts: a decay must not rise")
    if not count:
        return replace(main, steps=entries - 1), ()
    power = check_number("decay_power", decay_power, "it is the exponent of the decay", open_low=True)
    decay = Phase("decay", count - 1, decay_shape, start, float(final_lr_ratio), count, 1, power)
    return replace(main, steps=entries - count), (decay,)


def _full_decay(
    name: str,
    total_steps: int,
    decay_shape: str,
    warmup_steps: int,
    final_lr_ratio: float,
    peak_lr: float,
    decay_power: float,
    initial_lr_ratio: float,
) -> Schedule:
    """A schedule that decays from the first entry after the warmup to the last."""
    entries, warmup = _begin(total_steps, warmup_steps, initial_lr_ratio)
    count = entries - 1
    if count == 0:
        return Schedule(name, warmup, peak_lr)
    stable, decay = _stable_and_decay(entries, count, Phase("stable", 0), 1.0, decay_shape, final_lr_ratio, decay_power)
    return Schedule(name, (*warmup, stable, *decay), peak_lr)


FAMILIES: dict[str, Callable[..., Schedule]] = {
    family.__name__: family
    for family in (constant, wsd, linear, cosine, inverse_sqrt, one_minus_sqrt, polynomial, piecewise, two_stage, cyclic)
}
