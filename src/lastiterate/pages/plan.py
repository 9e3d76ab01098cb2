"""A plan to explore: pilots, candidates and the next run in one page, so that a person can see what differs and how sure that is."""

import html
import json
from pathlib import Path

import numpy as np

from lastiterate.explorer.templates import key, kinds, numbers, template, within
from lastiterate.laws.path import Path as LawPath
from lastiterate.pages.shell import page, rounded, script
from lastiterate.plan.candidates import Candidate
from lastiterate.plan.compare import contrasted
from lastiterate.plan.planner import Plan
from lastiterate.plan.plausible import GRAIN
from lastiterate.plan.screen import worded
from lastiterate.schedules.export import TRAINERS

POINTS = 60  # of a predicted curve
SETTINGS = Path(__file__).parents[1] / "explorer/settings.js"


def plan_page(plan: Plan, tables: dict[str, dict]) -> str:
    """HTML of a plan, whole; `tables` are the plan's (`lastiterate.plan.write.tables`).

    Every candidate within reach of the pilots is in it with its predicted final loss, what it loses against the recommended setting with
    the interval of that difference, its predicted curve (of the law that predicts losses best, ended on the predicted loss), and the
    texts of trainers' settings (`lastiterate.explorer.templates`). Needs the extra `html`; `MissingExtra` without it.
    """
    data = plan_data(plan, tables)
    facts = {
        "Run": f"{worded(plan.candidate.label)}, warmup {plan.schedule.warmup_steps}; {plan.schedule.total_steps} updates",
        f"Predicted {plan.loss.replace('_', ' ')}": f"{plan.predicted:.4f} ({100 * plan.level:g} %: {plan.low:.4f} to {plan.high:.4f})",
        "Loses in a bad case": f"{plan.regret:.4f} over the laws; seeds differ by about {plan.laws.noise:.4f}",
    }
    if plan.start_step:
        facts = {"Goes on": f"from the checkpoint after update {plan.start_step}", **facts}
    listed = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in facts.items())
    doubts = "".join(f"<li>{html.escape(doubt)}</li>" for doubt in plan.doubts)
    body = (
        f"<main>\n<h1>Plan of {plan.schedule.total_steps} updates</h1>\n<dl class='facts'>{listed}</dl>\n"
        + (f"<p>What speaks against the logs:</p><ul>{doubts}</ul>\n" if doubts else "")
        + BODY
        + "</main>"
    )
    settings = SETTINGS.read_text(encoding="utf-8")
    return page(f"Plan of {plan.schedule.total_steps} updates", body, data, (script("curves.js"), settings, script("plan.js")))


BODY = """<section id="candidates"><h2>Which of these differ, and am I sure?</h2>
<p class="quiet">What each candidate loses against the recommended run (star), over peak learning rate and schedule; a click, or the table,
takes one. Differences are told better than losses: what two settings share cancels.</p>
<div class="columns"><div><div id="surface" class="plot"></div></div>
<div><div id="interval" class="plot"></div></div></div>
<div class="scroll"><table><thead><tr><th>candidate</th><th>loss</th><th>loses</th><th id="level">interval</th><th>verdict</th></tr></thead>
<tbody id="rows"></tbody></table></div>
<p><button type="button" id="more">Show all</button></p></section>
<section><h2 id="taken">Taken</h2><p id="verdict" aria-live="polite"></p>
<div class="columns"><div><div id="schedule" class="plot small"></div></div>
<div><p><label>As <select id="as"></select></label> <button type="button" id="copy">Copy</button></p>
<pre id="text" tabindex="0"></pre></div></div></section>
<section><h2>Pilots, and what is predicted</h2><div id="curves"></div></section>
<section><h2>The next run to make</h2><dl class="facts" id="next"></dl></section>
"""


def plan_data(plan: Plan, tables: dict[str, dict]) -> dict:
    """What the page's script reads, as plain values."""
    options = [option for option, _ in plan.considered]
    if plan.candidate.label not in {option.label for option in options}:
        options.append(plan.candidate)
    schedules = {option.label: option.schedule for option in options}
    compared = contrasted(plan.laws, schedules, plan.candidate.label, plan.level)
    curves = _predicted_curves(plan, options, [one.predicted for one in compared])
    templates, kinds_of = _templates(options)
    total, tokens = plan.schedule.total_steps, {pilot.settings.get("tokens_per_step") for pilot in plan.pilots}
    prediction = tables["prediction"]
    return {
        "unit": plan.loss.replace("_", " "),
        "level": plan.level,
        "noise": plan.laws.noise,
        "total": total,
        "start": plan.start_step,
        "tokens_per_update": tokens.pop() if len(tokens) == 1 and None not in tokens else None,
        "chosen": plan.candidate.label,
        "pilots": _pilots(plan, tables["fits"]["fitted"]),
        "prediction": {
            "steps": prediction["step"].tolist(), "sum": rounded(np.cumsum(plan.schedule.lr)[prediction["step"] - 1]),
            **{name: rounded(prediction[name]) for name in ("loss", "low", "high")},
        },
        "candidates": [
            {
                "label": option.label, "family": _row(option), "lr": option.base_lr, "loss": one.predicted, "loses": one.loses,
                "low": one.loses_low, "high": one.loses_high, "apart": one.apart, "curve": curve, "knees": _knees(option),
                "json": json.loads(option.schedule.to_json()), "kind": kind, "values": values,
            }
            for option, one, curve, (kind, values) in zip(options, compared, curves, kinds_of, strict=True)
        ],
        "texts": templates,
        "trainers": {name: module.TITLE for name, module in TRAINERS.items()},
        "next": _next(plan),
    }  # fmt: skip


def _row(option: Candidate) -> str:
    """The row of a candidate in the surface: its schedule without the learning rate."""
    return option.label.rpartition(", ")[0] or option.family


def _knees(option: Candidate) -> dict:
    """The schedule as a line: updates at which its phases begin and end, with points between, and their factors of the peak."""
    total = option.schedule.total_steps
    ends = np.cumsum([0, *(phase.steps for phase in option.schedule.phases)])
    at = np.unique(np.clip(np.concatenate([ends, ends + 1, np.linspace(1, total, 80).round()]), 1, total).astype(int))
    return {"steps": at.tolist(), "lr": rounded(option.schedule.lr[at - 1])}


def _predicted_curves(plan: Plan, options: list[Candidate], finals: list[float]) -> list[dict]:
    """For each candidate the curve of the law that is best at losses, moved in the log-loss so that it ends on its predicted loss."""
    fitted, curve = plan.laws.predicting.fitted, plan.laws.curves[0]
    at = [np.unique(np.linspace(max(1, len(lr) // 50), len(lr), POINTS).round().astype(int)) for lr in (one.schedule.lr for one in options)]
    path = LawPath.of(
        [(one.schedule.lr, steps, curve.init_std, curve.weight_decay) for one, steps in zip(options, at, strict=True)], grain=GRAIN
    )
    losses = np.split(fitted.on(path), np.cumsum([len(steps) for steps in at])[:-1])
    sums = [np.cumsum(one.schedule.lr)[steps - 1] for one, steps in zip(options, at, strict=True)]
    return [
        {"steps": steps.tolist(), "sum": rounded(total), "loss": rounded(loss * final / loss[-1])}
        for steps, total, loss, final in zip(at, sums, losses, finals, strict=True)
    ]


def _pilots(plan: Plan, fitted: list[float]) -> list[dict]:
    """The pilots' losses as they are fitted, with those of the law that is best at losses, `fitted`, beside them."""
    found, begin = [], 0
    for curve in plan.laws.predicting.fitted.curves:
        end = begin + len(curve.step)
        found.append(
            {
                "name": curve.name, "peak": float(curve.lr.max()), "steps": curve.step.tolist(), "loss": rounded(curve.loss),
                "fitted": rounded(fitted[begin:end]), "sum": rounded(np.cumsum(curve.lr)[curve.step - 1]),
            }
        )  # fmt: skip
        begin = end
    return found


def _templates(options: list[Candidate]) -> tuple[dict, list[tuple[str | None, dict]]]:
    """Texts of settings by kind and trainer, and each candidate's kind and numbers; kind None where no text is known."""
    known, found = kinds(), []
    texts: dict[str, dict] = {}
    for option in options:
        schedule, family = option.schedule, option.schedule.name
        decay = schedule.phases[-1]
        shape = decay.shape if family == "wsd" and decay.kind == "decay" else ""
        begins = float(schedule.phases[0].start) if schedule.warmup_steps else 0.0
        final = float(decay.end) if decay.kind == "decay" else 0.0
        kind = key(family, shape, bool(schedule.warmup_steps), final > 0)
        values = numbers(schedule, 0, 0.0, final)
        if kind not in known or not within(kind, values):
            found.append((None, {}))
            continue
        name = f"{kind} {begins}"
        if name not in texts:
            made = {trainer: template(known[kind], trainer, begins) for trainer in TRAINERS}
            texts[name] = {trainer: text for trainer, text in made.items() if text}
        found.append((name, values))
    return texts, found


def _next(plan: Plan) -> dict | None:
    pilot = plan.next_pilot
    if pilot is None:
        return None
    return {
        "label": worded(pilot.pilot.label), "updates": pilot.pilot.schedule.total_steps, "cost": pilot.cost, "before": pilot.before,
        "after": pilot.after, "predicted": pilot.predicted, "decides": pilot.decides, "outcomes": [vars(one) for one in pilot.outcomes],
        "branch": list(pilot.branch) if pilot.branch else None,
    }  # fmt: skip
