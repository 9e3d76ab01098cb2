"""A plan in words: one screen that says what to do and how sure that is; on request the rules and sources behind it."""

import re
from collections.abc import Sequence

import numpy as np

from lastiterate._terminal import bold, item, rows, titled
from lastiterate.plan.compare import Compared
from lastiterate.plan.next_pilot import NextPilot, Outcome
from lastiterate.plan.planner import RECOMMENDED, Advice, Plan, folded

LINES = 25  # of the first screen
SURE, FAIRLY = 1.0, 4.0  # regret in a bad case, in parts of what seeds differ by
LONG = 130  # characters of a doubt on the first screen


def screen(plan: Plan, compared: tuple[tuple[Compared, ...], str] | None = None, left_out: Sequence[str] = ()) -> str:
    """The first screen: setting, how sure and why, doubts, predicted loss, next run, what people use instead, what was assumed.

    At most 25 lines of 80 columns, but for settings to compare beyond five: what does not fit is left to `explained`.
    """
    percent = f"{100 * plan.level:g} %"
    head = [titled("run", _setting(plan)), titled("from", _evidence(plan, left_out)), titled("how sure", _how_sure(plan))]
    loss = titled(plan.loss.replace("_", " "), f"{plan.predicted:.4f}   ({percent}: {plan.low:.4f} to {plan.high:.4f})")
    table = _table(*compared, percent, "compared") if compared else _table(plan.against, RECOMMENDED, percent, "instead")
    assumed = titled("assumed", "; ".join(_assumed(plan)))
    for doubts, outcomes in ((2, True), (1, True), (1, False)):
        lines = [
            *head,
            *_doubts(plan.doubts, doubts),
            loss,
            titled("next run", next_run(plan.next_pilot, plan.budget, outcomes)),
            table,
            assumed,
        ]
        text = "\n".join(lines)
        if text.count("\n") < LINES:
            break
    return text


def explained(plan: Plan, left_out: Sequence[str] = ()) -> str:
    """What the first screen leaves out: the laws, each rule once with its source, all doubts and notes, what was left out of the logs."""
    lines = ["", bold("laws, by how they foretell pilots left out")]
    for member in plan.laws.members:
        law = member.fitted.law
        lines.append(
            item(f"{member.weight:.2f} {law.name}: {law.formula} ({law.source}); alone it takes {worded(plan.picks[member.name])}")
        )
    lines += [item(f"not tried, {name}: {why}") for name, why in plan.laws.skipped.items()]
    lines += ["", bold("rules")]
    groups: dict[tuple[str, str], list[Advice]] = {}
    for advice in plan.advice:
        groups.setdefault((advice.rule, advice.source), []).append(advice)
    for (rule, source), group in groups.items():
        what = ", ".join(f"{advice.what} {advice.value:.4g}" if isinstance(advice.value, float) else advice.what for advice in group)
        lines.append(item(f"{what}: {rule} (from {source})"))
    lines += ["", bold("what they assume")]
    lines += [item(text) for text in dict.fromkeys(text for advice in plan.advice for text in advice.assumptions)]
    for title, texts in (("doubts", plan.doubts), ("notes", plan.notes), ("left out", folded(left_out))):
        lines += ["", bold(title), *map(item, texts)] if texts else []
    return "\n".join(lines)


def next_run(pilot: NextPilot | None, budget: float, outcomes: bool = True) -> str:
    """The pilot to make, what it costs and what its loss would decide."""
    share = f"{100 * budget:g} %"
    if pilot is None:
        return f"none: {share} of this run's updates are too few for a pilot (--budget)"
    schedule = pilot.pilot.schedule
    warmup = f", warmup {schedule.warmup_steps}" if schedule.warmup_steps else ""
    text = f"{worded(pilot.pilot.label)}{warmup}, {schedule.total_steps} updates: {100 * pilot.cost:.2g} % of the run's cost"
    if pilot.branch:
        text += f", or {schedule.total_steps - pilot.branch[1]} updates from {pilot.branch[0]} at {pilot.branch[1]}"
    if not pilot.decides:
        return f"{text}. No pilot within {share} (--budget) is expected to change the choice; this one tells most"
    what = "Regret in a bad case, other peaks included," if pilot.opens else "Regret in a bad case"
    text += f". {what} would fall from {_loss(pilot.before)} to {_loss(pilot.after)}"
    return text + (". It ends " + "; ".join(map(_if, pilot.outcomes)) if outcomes and len(pilot.outcomes) > 1 else "")


def worded(label: str) -> str:
    """A candidate's label, with its number called what it is.

    >>> worded("wsd, linear cooldown 0.4, 0.001"), worded("same LR, cooldown 0.2")
    ('wsd, linear cooldown 0.4, peak LR 0.001', 'same LR, cooldown 0.2')
    """
    return re.sub(r", ([\d.e-]+)$", r", peak LR \1", label)


def _if(outcome: Outcome) -> str:
    low, high = outcome.low, outcome.high
    where = f"below {high:.3f}" if low is None else f"above {low:.3f}" if high is None else f"between {low:.3f} and {high:.3f}"
    return f"{where} ({100 * outcome.probability:.0f} %): {worded(outcome.choice)}"


def _setting(plan: Plan) -> str:
    one, schedule = plan.candidate, plan.schedule
    name = worded(one.label)
    name += "" if name != one.label else f", peak LR {one.base_lr:g}"
    if plan.start_step:
        return f"{name}; updates {plan.start_step + 1} to {schedule.total_steps}, from the checkpoint at {plan.start_step}"
    return f"{name}, warmup {schedule.warmup_steps}; {schedule.total_steps} updates"


def _evidence(plan: Plan, left_out: Sequence[str]) -> str:
    ran = [pilot for pilot in plan.pilots if not pilot.diverged]
    spans = [(min(v), max(v)) for v in ([p.total_steps for p in ran], [p.peak for p in ran])]
    updates, peaks = (f"{low:g}" if low == high else f"{low:g} to {high:g}" for low, high in spans)
    lost = [pilot.peak for pilot in plan.pilots if pilot.diverged]
    text = f"{len(ran)} pilots of {updates} updates, peak LR {peaks}"
    text += f"; {len(lost)} diverged, from {min(lost):g} on" if lost else ""
    return text + (f"; left out of the logs: {len(left_out)} (--explain)" if left_out else "")


def _how_sure(plan: Plan) -> str:
    """A word, and on what it rests: the regret of the choice in a bad case beside the noise, what agrees, what is not known."""
    known, noise = {question.name: question for question in plan.questions}, max(plan.laws.noise, 1e-12)
    unknown = []
    peaks = [pilot.peak for pilot in plan.pilots if not pilot.diverged]
    if not min(peaks) * 0.99 <= plan.candidate.base_lr <= max(peaks) * 1.01:
        unknown.append("its LR is beyond the pilots'")
    if not known["base_lr"].identified:
        unknown.append("the pilots share one peak LR, which is kept")
    elif not known["bracket"].identified:
        unknown.append("the pilots do not bracket the best LR")
    if not known["held_out"].identified:
        unknown.append("few pilots differ")
    if not known["horizon"].identified:
        unknown.append("far from the pilots' one length")
    word = "well" if plan.regret <= SURE * noise else "fairly" if plan.regret <= FAIRLY * noise else "hardly"
    word = "fairly" if word == "well" and (unknown or plan.doubts) else word
    agree = sum(member.weight for member in plan.laws.members if _as_good(plan, plan.picks[member.name]))
    loses = f"loses {_loss(plan.regret)} in a bad case over the laws (noise {_loss(noise)})"
    ratio = plan.schedule.total_steps / max(pilot.total_steps for pilot in plan.pilots if not pilot.diverged)
    share = f"{100 * agree:.0f} % of their weight takes it" if agree else "none alone takes it: it is what all of them can live with"
    return "; ".join([f"{word}: {loses}", share, f"{ratio:.3g} times the longest pilot", *unknown])


def _as_good(plan: Plan, label: str) -> bool:
    """Whether a law's own pick is the plan's, or as good as it to the noise."""
    losses = {option.label: value for option, value in plan.considered}
    return label == plan.candidate.label or abs(losses.get(label, np.inf) - plan.predicted) <= plan.laws.noise


def _doubts(doubts: Sequence[str], most: int) -> list[str]:
    """The first doubts, each cut where it is long; how many more there are."""
    shown = [text if len(text) <= LONG else text[:LONG].rpartition(" ")[0] + " ... (--explain)" for text in doubts[:most]]
    more = len(doubts) - len(shown)
    if more:
        shown[-1] += f" [{more} more doubts: --explain]"
    return [titled("doubt", text) for text in shown]


def _table(compared: Sequence[Compared], chosen: str, percent: str, title: str) -> str:
    """Settings with their losses, and what each loses against the one chosen, which has a row only where it is not the plan's run."""
    ordered = sorted(compared, key=lambda one: one.name != chosen)
    cells = [["", "loss", "loses", f"{percent} of that", ""]]
    for one in ordered[1:] if chosen == RECOMMENDED else ordered:
        same = one.loses == one.loses_low == one.loses_high == 0
        loses = [f"{one.loses:+.4f}", f"{one.loses_low:+.4f} to {one.loses_high:+.4f}"]
        remark = "LR out of reach" if not one.reached else "" if one.apart else "tie"
        if one.name == chosen:
            loses, remark = ["", ""], "take this"
        elif same:
            loses, remark = ["", ""], "this run"
        cells.append([one.name, f"{one.predicted:.4f}", *loses, remark])
    return rows(title, cells)


def _assumed(plan: Plan) -> list[str]:
    found = ["the run differs from the pilots in its learning rates only"]
    if plan.laws.skipped:
        found.append("laws of the weight norm not tried (--init-std, --weight-decay)")
    if read := sum(pilot.lr_from == "interpolated" for pilot in plan.pilots):
        found.append(f"LR of {read} pilots interpolated between logged ones")
    notes = f", {len(plan.notes)} notes" if plan.notes else ""
    return [*found, f"rules, sources{notes}: --explain"]


def _loss(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")
