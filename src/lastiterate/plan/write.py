"""What a plan leaves behind: plan.json, schedule.csv, the table of candidates, trainer settings."""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from lastiterate import __version__
from lastiterate.plan.compare import as_report, as_row
from lastiterate.plan.planner import RECOMMENDED, Plan
from lastiterate.plan.settings import Made
from lastiterate.workflow.files import replacing, write_csv, write_text


def report(plan: Plan, made: Sequence[Made] = (), compared: tuple | None = None) -> dict:
    """The plan, the settings made of it and of its next pilot, and what `compare` returned, as plain values, as plan.json holds them."""
    fitted, schedule = plan.laws.predicting.fitted, plan.schedule
    found = {
        "version": __version__,
        "total_steps": schedule.total_steps,
        "start_step": plan.start_step,
        "recommended": {
            "label": plan.candidate.label,
            "family": plan.candidate.family,
            "base_lr": plan.candidate.base_lr,
            "cooldown": plan.candidate.cooldown,
            "warmup_steps": schedule.warmup_steps,
            "decay_shape": schedule.decay_shape,
            "schedule": json.loads(schedule.to_json()),
        },
        "prediction": {"loss": plan.loss, "final": plan.predicted, "low": plan.low, "high": plan.high, "level": plan.level},
        "bad_case_regret": plan.regret,
        "noise": plan.laws.noise,
        "next_pilot": _next_pilot(plan),
        "defaults": [{"label": one.name, "final": one.predicted} | as_row(one) for one in plan.against if one.name != RECOMMENDED],
        "law": {
            "name": fitted.law.name,
            "formula": fitted.law.formula,
            "source": fitted.law.source,
            "parameters": fitted.parameters,
            "lr_unit": fitted.unit,
            "rule": "the law of the set that errs least in the losses of left-out pilots",
            "held_out_error": plan.laws.error,
            "not_identified": plan.laws.skipped,
        },
        "laws": [
            {
                "name": member.name,
                "formula": member.fitted.law.formula,
                "source": member.fitted.law.source,
                "parameters": member.fitted.parameters,
                "lr_unit": member.fitted.unit,
                "weight": member.weight,
                "evidence": {"error_of_differences": member.difference, "error_of_losses": member.level},
                "pick": plan.picks[member.name],
            }
            for member in plan.laws.members
        ],
        "questions": [vars(question) for question in plan.questions],
        "recommendations": [{**vars(advice), "assumptions": list(advice.assumptions)} for advice in plan.advice],
        "pilots": [
            {
                "run_id": pilot.run_id,
                "total_steps": pilot.total_steps,
                "peak_lr": pilot.peak,
                "decays": pilot.decays,
                "diverged": pilot.diverged,
                "lr_from": pilot.lr_from,
                "doubts": list(pilot.doubts),
                "notes": list(pilot.notes),
            }
            for pilot in plan.pilots
        ],
        "doubts": list(plan.doubts),
        "notes": list(plan.notes),
    }
    found |= dict(zip(("settings", "next_pilot_settings"), (one.report() for one in made), strict=False))
    return found | (as_report(*compared) if compared else {})


def _next_pilot(plan: Plan) -> dict | None:
    """The next run to make, as plain values; None if the budget is too small for any."""
    found = plan.next_pilot
    if found is None:
        return None
    pilot = found.pilot
    return {
        "label": pilot.label,
        "family": pilot.family,
        "base_lr": pilot.base_lr,
        "cooldown": pilot.cooldown,
        "warmup_steps": pilot.schedule.warmup_steps,
        "total_steps": pilot.schedule.total_steps,
        "schedule": json.loads(pilot.schedule.to_json()),
        "budget": plan.budget,
        "cost": found.cost,
        "branch": {"run_id": found.branch[0], "from_step": found.branch[1]} if found.branch else None,
        "predicted": found.predicted,
        "regret_before": found.before,
        "regret_after": found.after,
        "opens_other_peaks": found.opens,
        "expected_to_decide": found.decides,
        "decides": [vars(outcome) for outcome in found.outcomes],
    }


def tables(plan: Plan) -> dict[str, dict]:
    """Tables that the figures are drawn from: fits, prediction, candidates, schedules."""
    fitted, lr = plan.laws.predicting.fitted, plan.schedule.lr
    total = len(lr)
    at = np.unique(np.linspace(max(1, total // 50), total, 200).round().astype(int))
    draws = plan.laws.along(lr, at)
    low, high = plan.laws.interval(draws, plan.level)
    fits = {"run_id": [], "peak_lr": [], "step": [], "loss": [], "fitted": []}
    for curve in fitted.curves:
        predicted = fitted.predict(curve.lr, curve.step, init_std=curve.init_std, weight_decay=curve.weight_decay)
        for name, values in zip(
            fits, ([curve.name] * len(curve.step), [curve.lr.max()] * len(curve.step), curve.step, curve.loss, predicted), strict=True
        ):
            fits[name] += values if isinstance(values, list) else values.tolist()
    prediction = {"step": at, "lr": lr[at - 1], "loss": plan.laws.predicted(draws), "low": low, "high": high}
    rows = [(option.label, option.family, option.base_lr, option.cooldown, value) for option, value in plan.considered]
    considered = dict(zip(("label", "family", "base_lr", "cooldown", "predicted"), map(list, zip(*rows, strict=True)), strict=True))
    against = {
        "label": [one.name for one in plan.against],
        "predicted": [one.predicted for one in plan.against],
        "loses": [one.loses for one in plan.against],
        "low": [one.loses_low for one in plan.against],
        "high": [one.loses_high for one in plan.against],
    }
    return {"fits": fits, "prediction": prediction, "candidates": considered, "against": against}


def write(plan: Plan, folder: Path, made: Sequence[Made] = (), figures: bool = True, compared: tuple | None = None) -> list[Path]:
    """Write plan.json, schedule.csv (step, lr), tables, figures and settings of the run and the next pilot; the files written."""
    folder = Path(folder)
    write_csv(folder / "schedule.csv", {"step": np.arange(1, plan.schedule.total_steps + 1), "lr": plan.schedule.lr})
    written = [folder / "schedule.csv"]
    columns_of = tables(plan)
    for name, columns in columns_of.items():
        write_csv(folder / f"{name}.csv", columns)
        written.append(folder / f"{name}.csv")
    for prefix, one in zip(("", "next_pilot_"), made, strict=False):
        written.append(folder / f"{prefix}settings_{one.settings.trainer}.txt")
        write_text(written[-1], one.text)
        if one.script:
            written.append(folder / f"{prefix}resume_{one.settings.trainer}.py")
            write_text(written[-1], one.script)
    if figures:
        from lastiterate.draw.plan import save_figures

        columns_of["schedule"] = {"step": np.arange(1, plan.schedule.total_steps + 1), "lr": plan.schedule.lr}
        written += save_figures(columns_of, folder)
        if find_spec("plotly"):  # the extra `html`
            from lastiterate.pages.plan import plan_page

            write_text(folder / "plan.html", plan_page(plan, columns_of))
            written.append(folder / "plan.html")
    with replacing(folder / "plan.json") as temporary:  # last: a folder with it is whole
        temporary.write_text(json.dumps(report(plan, made, compared), indent=1, sort_keys=False) + "\n", encoding="utf-8")
    return [*written, folder / "plan.json"]
