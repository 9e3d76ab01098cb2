"""The plan: evidence, law, choice, prediction, comparison with defaults, each with the rule that it rests on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lastiterate._checks import check_choice, check_number, check_steps
from lastiterate.laws.fitting import SAME_PEAK
from lastiterate.plan.candidates import FAMILIES, Candidate, base_lrs, candidates, defaults, replace_peak
from lastiterate.plan.choose import BAD_CASE, choose
from lastiterate.plan.compare import Compared, contrasted
from lastiterate.plan.curves import pilot_curves
from lastiterate.plan.doubts import doubts
from lastiterate.plan.evidence import Question, questions
from lastiterate.plan.groups import choices
from lastiterate.plan.next_pilot import BUDGET, NextPilot, next_pilot
from lastiterate.plan.pilots import SETTINGS, Pilot, which_loss
from lastiterate.plan.plausible import WORST, Plausible, plausible
from lastiterate.plan.resume import continued, parent
from lastiterate.plan.seeds import distinct, noise_between, not_seeds
from lastiterate.plan.warmup import warmup_start
from lastiterate.schedules import Schedule
from lastiterate.transfer import transfer_base_lr

RECOMMENDED = "recommended"
OTHER_PEAKS = (0.5, 2**-0.5, 2**0.5, 2.0)  # times the pilots' one peak: what a pilot at another could lead to
SOURCES = {
    "bu": "arXiv:2602.07145, eq. 3.1",
    "convex-power": "arXiv:2602.07145, eq. 3.1, with a free exponent; docs/plan.md has what it loses",
    "norm-power": "this project, docs/laws.md",
    "norm-stiff": "this project, docs/laws.md",
    "effective-power": "this project, docs/laws.md",
}


class TooThin(ValueError):
    """The pilots do not carry a plan; the message says what is missing and which run would settle it."""


@dataclass(frozen=True)
class Advice:
    """One recommendation: what, its value, the rule that it comes from, that rule's source, and what it assumes."""

    what: str
    value: object
    rule: str
    source: str
    assumptions: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """Result of `make_plan`."""

    candidate: Candidate
    loss: str  # "val_loss" or "train_loss", whichever is predicted
    predicted: float
    low: float
    high: float
    level: float
    laws: Plausible
    questions: tuple[Question, ...]
    advice: tuple[Advice, ...]
    against: tuple[Compared, ...]  # the recommended setting, and what people use without a plan
    considered: tuple[tuple[Candidate, float], ...]  # every candidate within reach with its predicted final loss
    picks: dict[str, str]  # by law: the candidate that it alone would choose
    pilots: tuple[Pilot, ...]
    notes: tuple[str, ...] = field(default=())
    start_step: int = 0  # updates that were made before, in the run that is continued
    doubts: tuple[str, ...] = field(default=())  # what speaks against taking the logs for what they were taken for
    regret: float = 0.0  # of the choice, in a bad case over the set of laws (nats)
    next_pilot: NextPilot | None = None
    budget: float = BUDGET  # share of the updates left to make that the next pilot may have

    @property
    def schedule(self) -> Schedule:
        """The recommended schedule."""
        return self.candidate.schedule


def make_plan(
    pilots: Sequence[Pilot],
    horizon,
    *,
    from_step=None,
    run_id=None,
    family=None,
    law=None,
    init_std=None,
    weight_decay=None,
    level=0.9,
    trainer=None,
    budget=BUDGET,
) -> Plan:
    """Schedule, cooldown and base learning rate for a run of `horizon` updates, from pilot runs.

    Parameters
    ----------
    pilots : sequence of Pilot
        Runs of the same model, data, batch size and optimizer; diverged ones bound the learning rate.
    horizon : int
        Updates of the run to plan, those before `from_step` included.
    from_step : int, optional
        Continue a pilot from its checkpoint after this update.
    run_id : str, optional
        That pilot; by default the longest that is at its peak learning rate there.
    family : str, optional
        Choose among schedules of this family only: wsd, wsd-1-sqrt, linear, cosine.
    law : str, optional
        Law to use (a key of `lastiterate.laws.LAWS`) alone; by default the set of plausible ones.
    init_std, weight_decay : float, optional
        Of the runs (AdamW); with both, laws of the weight norm are used, which are better across learning rates.
    level : float
        Probability of the interval.
    trainer : str, optional
        The trainer that will execute the plan (a key of `lastiterate.schedules.export.TRAINERS`): its warmup's first update is planned
        where the pilots' is out of its reach.
    budget : float
        Share of the run's cost that the next pilot may have (`next_pilot`).

    Returns
    -------
    Plan

    Raises
    ------
    TooThin
        (a ValueError) if the pilots cannot carry a plan: fewer than two distinct ones, several models, data sets or optimizers
        (where the logs tell them), none that decays, a horizon beyond
        20 times the longest, or no law within 5 % of the pilots that were left out.
    ValueError
        For bad arguments.

    Source: docs/plan.md has the rules and their measured regret.
    """
    horizon = check_steps("horizon", horizon, 10, "it counts the updates of the run to plan")
    if family is not None:
        check_choice("family", family, FAMILIES)
    check_number("level", level, "it is the probability of the interval", 0.0, 1.0, open_low=True)
    budget = check_number("budget", budget, "it is the share of the run's cost that the next pilot may have", 0.0, 1.0, open_low=True)
    asked = questions(pilots, horizon)
    _refuse(pilots, asked)
    ran, diverged = [p for p in pilots if not p.diverged], [p.peak for p in pilots if p.diverged]
    loss = which_loss(ran)
    doubted = tuple(folded(doubts(pilots, loss)))
    noticed = "".join(f"\n- {text}" for text in doubted)
    if why := not_seeds(ran, loss):
        raise TooThin(f"the evidence is too thin:\n- {why}{noticed}")
    curves = pilot_curves(ran, loss, init_std, weight_decay)
    if len(curves) < 2:
        raise TooThin(
            f"the evidence is too thin: {len(curves)} pilots with three {loss} values after their first descent, expected 2: log more often"
        )
    laws = plausible(curves, [law] if law else None, noise_between(ran, loss))
    if laws.error > WORST:
        raise TooThin(
            f"the evidence is too thin: the best law misses pilots that are left out by {laws.error:.1%} (at most {WORST:.0%}): "
            f"leave out runs of another model or data set, or add pilots that differ in one setting only{noticed}"
        )
    peaks = sorted({pilot.peak for pilot in ran})
    warmup = int(np.median([pilot.warmup_steps for pilot in ran]))
    if from_step is None:
        warmup = min(warmup, horizon // 10)
        start = warmup_start(ran, warmup, trainer)
        options, bound = candidates(horizon, base_lrs(peaks, diverged), warmup, (family,) if family else FAMILIES, start), None
    else:
        from_step = check_steps("from_step", from_step, 1, "it counts the updates before the checkpoint")
        check_choice("family", family, (None, "wsd"))
        first = parent(ran, from_step, run_id)
        options, bound = continued(first, from_step, horizon, first.total_steps)
    choice = choose(laws, [option.schedule for option in options])
    best = options[choice.index]
    if from_step:
        others = [option for option in options if option.family == "wsd" and option.cooldown == 0.2]
    else:
        others = defaults(best, _best_lr(ran, loss, best.base_lr))
    loses = laws.middle(choice.losses - choice.losses[:, choice.index, None])
    against = contrasted(laws, {RECOMMENDED: best.schedule} | {other.label: other.schedule for other in others}, RECOMMENDED, level)
    predicted = against[0].predicted
    reached = np.flatnonzero(np.isfinite(choice.regret))
    left = horizon - (from_step or 0)
    pilot = _next_pilot(laws, options, choice, pilots, left=left, budget=budget, family=family, trainer=trainer)
    return Plan(
        best, loss, predicted, against[0].low, against[0].high, level, laws, tuple(asked),
        tuple(_advice(best, asked, laws, ran, loss, horizon, diverged, bound, from_step)),
        against,
        tuple((options[i], predicted + float(loses[i])) for i in reached),
        {name: options[reached[np.argmin(values[reached])]].label for name, values in laws.by_law(choice.losses)},
        tuple(pilots), tuple(_notes(asked, pilots, init_std, weight_decay)), from_step or 0, doubted,
        float(choice.regret[choice.index]), pilot, budget,
    )  # fmt: skip


def _best_lr(ran, loss, lr) -> float | None:
    """Peak of the longest pilots' best, among those that decay; None if it is `lr`."""
    ends = [pilot for pilot in ran if pilot.decays]
    longest = max(pilot.total_steps for pilot in ends)
    best = min((pilot for pilot in ends if pilot.total_steps == longest), key=lambda pilot: float(pilot.losses[loss][1][-1])).peak
    return None if abs(best / lr - 1) < 0.01 else float(f"{best:.6g}")


def _next_pilot(laws, options, choice, pilots, **asked) -> NextPilot | None:
    """Where the pilots share a peak, others count among the decisions that a pilot at another peak would open."""
    reached = np.isfinite(choice.regret)
    peaks = [pilot.peak for pilot in pilots if not pilot.diverged]
    decisions = [option for option, near in zip(options, reached, strict=True) if near]
    open_now = [True] * len(decisions)
    if max(peaks) <= SAME_PEAK * min(peaks) and not any(option.family == "two_stage" for option in options):
        limit = min((pilot.peak for pilot in pilots if pilot.diverged), default=np.inf)
        for factor in OTHER_PEAKS:
            beside = [replace_peak(option, factor) for option in decisions[: sum(open_now)] if factor * option.base_lr < limit]
            decisions, open_now = decisions + beside, open_now + [False] * len(beside)
    return next_pilot(laws, decisions, pilots, open_now=open_now, known=choice.losses[:, reached], **asked)


def _refuse(pilots, asked) -> None:
    """TooThin, with everything that is missing, if a question that no plan can do without has no answer."""
    ran = [pilot for pilot in pilots if not pilot.diverged]
    missing = []
    if len(distinct(ran)) < 2:
        alike = " (they differ in their warmup, or where they end)" if len({pilot.lr.tobytes() for pilot in ran}) > 1 else ""
        missing.append(
            f"{len(ran)} usable pilot runs{alike}, expected at least two with different learning rates: run another cooldown or base LR"
        )
    for name in SETTINGS:
        values = sorted({pilot.settings[name] for pilot in pilots if name in pilot.settings}, key=str)
        if len(values) > 1:
            missing.append(
                f"the pilots differ in {name} ({', '.join(map(str, values))}), expected in their learning rates only: "
                "plan from those of the run to come (lastiterate plan --only)"
            )
    if any(text.startswith("the pilots differ in ") for text in missing):
        missing.append("runs of equal settings: " + ", ".join(choices(pilots)))
    by_name = {question.name: question for question in asked}
    if ran and not by_name["noise"].identified:
        missing.append(f"{by_name['noise'].because}: {by_name['noise'].settle}")
    if ran and not by_name["horizon"].identified and "more than" in by_name["horizon"].because:
        missing.append(f"{by_name['horizon'].because}: make {by_name['horizon'].settle}")
    if missing:
        raise TooThin("the evidence is too thin:\n- " + "\n- ".join(missing))


def _advice(best, asked, laws, ran, loss, horizon, diverged, bound, from_step):
    """What is recommended, and on what it rests."""
    known = {question.name: question for question in asked}
    law, first = laws.predicting.fitted.law, laws.members[0].fitted.law
    rule = (
        f"least mean regret in {loss} after update {horizon} over the worse {1 - BAD_CASE:.0%} of {len(laws.members)} laws' cases, "
        f"{first.name} the most plausible; within a tenth of the noise ({laws.noise:.2g}) of it, the base LR nearest to a pilot's"
    )
    source = SOURCES.get(first.name, first.source)
    same = "the run differs from the pilots in its learning rates only (model, data, batch size, optimizer, other settings)"
    far = () if known["horizon"].identified else (f"the law holds at {known['horizon'].because}",)
    yield Advice("schedule", best.label, rule, source, (same, *far))
    if best.cooldown is not None:
        yield Advice("cooldown", best.cooldown, rule, source, (same, f"noise is identified: {known['noise'].because}"))
    if from_step is not None:
        factor = float(best.schedule.lr[from_step] / best.base_lr) if best.family == "two_stage" else 1.0
        rule = f"second-stage factor; the bound's own, at 20 % cooldown, is {bound.parameter:.4g}"
        yield Advice(
            "factor", factor, rule, "arXiv:2501.18965, section 5.1", (same, *(text.removeprefix("Assumed: ") for text in bound.assumed))
        )
    elif known["base_lr"].identified:
        bracket = known["bracket"]
        limit = (f"below {min(diverged):g}, where a pilot diverged",) if diverged else ()
        peaks = [pilot.peak for pilot in ran]
        if not min(peaks) <= best.base_lr <= max(peaks):
            limit += (
                f"the law holds beyond the pilots' base learning rates, {min(peaks):g} to {max(peaks):g}: run a pilot at {best.base_lr:g}",
            )
        yield Advice(
            "base_lr",
            best.base_lr,
            rule,
            source,
            (same, *limit, bracket.because if bracket.identified else f"not bracketed: {bracket.because}"),
        )
    else:
        first = max(ran, key=lambda pilot: (pilot.decays, pilot.total_steps))
        moving = np.trim_zeros(first.lr, "b")  # an update with learning rate 0 is none
        moved = transfer_base_lr(moving / first.peak, best.schedule, first.peak).base_lr
        beyond = f", but a pilot diverged at {min(diverged):g}" if diverged and moved >= min(diverged) else ""
        yield Advice(
            "base_lr",
            best.base_lr,
            f"kept from the pilots; if it is the best one for {first.run_id}, the bound's best for this run is {moved:.3g}{beyond}",
            "arXiv:2501.18965, section 5.2",
            (same, "not identified: " + known["base_lr"].because),
        )
    rule = f"mean over {len(laws.members)} laws, {law.name} the best at losses ({law.formula}); interval: their spread and their errors"
    yield Advice(
        "prediction", loss, rule, f"{SOURCES.get(law.name, law.source)}; arXiv:1905.02928",
        ("the laws err here as on the pilots that were left out; measured coverage is in docs/plan.md",),
    )  # fmt: skip


def _notes(asked, pilots, init_std, weight_decay):
    interpolated = [
        f"{pilot.run_id}: its learning rates are interpolated between logged ones" for pilot in pilots if pilot.lr_from == "interpolated"
    ]
    notes = [f"{pilot.run_id}: {note}" for pilot in pilots for note in pilot.notes if "interpolated in between" not in note]
    yield from folded(interpolated + notes)
    if init_std is None or weight_decay is None:
        yield "init_std and weight_decay were not given: laws of the weight norm, better across learning rates, were not tried"
    for question in asked:
        if not question.identified and question.settle:
            yield f"not identified ({question.name}): {question.because}; to settle it, {question.settle}"


def folded(texts: Iterable[str]) -> list[str]:
    """Sentences "who: what", one for all who share a what.

    >>> folded(["a: late", "b: gone", "c: late", "d: late", "e: late"])
    ['a, c, d and 1 more: late', 'b: gone']
    """
    groups: dict[str, list[str]] = {}
    for who, _, what in (text.partition(": ") for text in texts):
        groups.setdefault(what, []).append(who)
    return [f"{', '.join(who[:3])}{f' and {len(who) - 3} more' if len(who) > 3 else ''}: {what}" for what, who in groups.items()]
