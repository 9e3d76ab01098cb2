"""What a plan leaves behind: plan.json, schedule.csv, the table of candidates, trainer settings."""

import json
from pathlib import Path

import numpy as np

from lastiterate import __version__
from lastiterate.plan.compare import as_report
from lastiterate.plan.planner import Plan
from lastiterate.plan.settings import Made
from lastiterate.workflow.files import replacing, write_csv, write_text


def report(plan: Plan, made: Made | None = None, compared: tuple | None = None) -> dict:
    """The plan, the settings made of it, and what `compare` returned, as plain values, as plan.json holds them."""
    fitted, schedule = plan.laws.predicting.fitted, plan.schedule
    return {
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
        "defaults": [{"label": label, "final": value, "loses": value - plan.predicted} for label, value in plan.defaults],
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
                "notes": list(pilot.notes),
            }
            for pilot in plan.pilots
        ],
        "doubts": list(plan.doubts),
        "notes": list(plan.notes),
    } | ({"settings": made.report()} if made else {}) | (as_report(*compared) if compared else {})  # fmt: skip


def describe(plan: Plan) -> str:
    """The plan in words."""
    schedule, ran = plan.schedule, [pilot for pilot in plan.pilots if not pilot.diverged]
    spans = [(min(v), max(v)) for v in ([p.total_steps for p in ran], [p.peak for p in ran])]
    updates, peaks = (f"{low:g}" if low == high else f"{low:g} to {high:g}" for low, high in spans)
    lost = len(plan.pilots) - len(ran)
    lines = [
        f"{len(ran)} pilots of {updates} updates, peak LR {peaks}{f'; {lost} that diverged' if lost else ''}",
        f"{schedule.total_steps} updates: {plan.candidate.label} (base LR {plan.candidate.base_lr:g}, warmup {schedule.warmup_steps})",
        f"predicted {plan.loss} {plan.predicted:.4f}, {plan.level:.0%} interval {plan.low:.4f} to {plan.high:.4f}",
        f"laws: {', '.join(f'{member.name} {member.weight:.2f}' for member in plan.laws.members)} (weights)",
    ]
    lines += [f"against {label}: {value:.4f} ({value - plan.predicted:+.4f})" for label, value in plan.defaults]
    for advice in plan.advice:
        value = f"{advice.value:.4g}" if isinstance(advice.value, float) else advice.value
        lines.append(f"{advice.what}: {value}\n  rule: {advice.rule}\n  from: {advice.source}")
        lines += [f"  assumes: {text}" for text in advice.assumptions]
    return "\n".join(lines + [f"note: {note}" for note in (*plan.doubts, *plan.notes)])


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
        "label": ["recommended", *(label for label, _ in plan.defaults)],
        "predicted": [plan.predicted, *(v for _, v in plan.defaults)],
    }
    return {"fits": fits, "prediction": prediction, "candidates": considered, "against": against}


def write(plan: Plan, folder: Path, made: Made | None = None, figures: bool = True, compared: tuple | None = None) -> list[Path]:
    """Write plan.json, schedule.csv (step, lr), tables, figures and the trainer's settings; the files written."""
    folder = Path(folder)
    write_csv(folder / "schedule.csv", {"step": np.arange(1, plan.schedule.total_steps + 1), "lr": plan.schedule.lr})
    written = [folder / "schedule.csv"]
    columns_of = tables(plan)
    for name, columns in columns_of.items():
        write_csv(folder / f"{name}.csv", columns)
        written.append(folder / f"{name}.csv")
    if made is not None:
        path = folder / f"settings_{made.settings.trainer}.txt"
        write_text(path, made.text)
        written.append(path)
        if made.script:
            written.append(folder / f"resume_{made.settings.trainer}.py")
            write_text(written[-1], made.script)
    if figures:
        from lastiterate.draw.plan import save_figures

        written += save_figures(columns_of, folder)
    with replacing(folder / "plan.json") as temporary:  # last: a folder with it is whole
        temporary.write_text(json.dumps(report(plan, made, compared), indent=1, sort_keys=False) + "\n", encoding="utf-8")
    return [*written, folder / "plan.json"]
