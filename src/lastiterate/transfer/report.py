"""What a transferred learning rate says: text for a terminal, one document for programs, a table of the groups."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from lastiterate._terminal import titled
from lastiterate.transfer.answer import WORDS, TransferredRate
from lastiterate.transfer.next_group import NextGroup
from lastiterate.transfer.scaling import PRIORS, SOURCES
from lastiterate.workflow.files import replacing, write_csv


def timescale(answer: TransferredRate) -> dict[str, float | None] | None:
    """AdamW's 1/(LR W) of the answer in updates, tokens and share of the run (None: not known); None without a weight decay."""
    decay = answer.target.weight_decay
    if not decay:
        return None
    updates = 1 / (answer.lr * decay)
    unit = answer.sweep.unit_tokens
    tokens = updates * answer.target.batch * unit if unit and answer.target.batch else None
    return {"updates": updates, "tokens": tokens, "of_run": tokens / answer.target.tokens if tokens else None}


def groups_table(answer: TransferredRate) -> dict[str, list[Any]]:
    """A row per group: its setting, best learning rate with the standard deviation of its logarithm, bound or value, least loss."""
    names = ("n_params", "tokens", "batch", "weight_decay")
    table = {name: ["" if (value := getattr(group, name)) is None else value for group in answer.groups] for name in names}
    table |= {name: [group.level[j] for group in answer.groups] for j, name in enumerate(answer.sweep.level_names)}
    return table | {
        "runs": [len(group.lr) for group in answer.groups],
        "best_lr": [float(np.exp(found.x)) for found in answer.optima],
        "sd_ln_lr": [found.sd for found in answer.optima],
        "is": [{0: "value", 1: "at least", -1: "at most"}[found.side] for found in answer.optima],
        "loss": [found.loss for found in answer.optima],
        "curvature": ["" if np.isnan(found.curvature) else found.curvature for found in answer.optima],
    }


def report(answer: TransferredRate) -> dict[str, Any]:
    """One JSON document."""
    z = ndtri(0.5 + answer.level / 2)
    table = groups_table(answer)
    settings = dict(zip(answer.sweep.level_names, answer.target.level, strict=True))
    return {
        "n_params": answer.target.n_params,
        "tokens": answer.target.tokens,
        "batch": answer.target.batch,
        "batch_unit": answer.sweep.batch_unit,
        "weight_decay": answer.target.weight_decay,
        "settings": settings,
        "level": answer.level,
        "lr": answer.lr,
        "lr_low": answer.low,
        "lr_high": answer.high,
        "predicted": answer.loss,
        "low": answer.loss_low,
        "high": answer.loss_high,
        "expected_regret": None if np.isnan(answer.regret) else answer.regret,
        "exponents": [
            {
                "of": WORDS[one.name],
                "value": one.mean,
                "low": one.mean - z * one.sd,
                "high": one.mean + z * one.sd,
                "identified": one.identified,
                "prior": {"mean": PRIORS[one.name][0], "sd": PRIORS[one.name][1], "from": SOURCES[one.name]},
                "would_be_identified_by": _group(answer.identifying.get(one.name)),
            }
            for one in answer.exponents
        ],
        "check": vars(answer.check) if answer.check else None,
        "waste": vars(answer.waste) if answer.waste else None,
        "timescale": timescale(answer),
        "next_runs": _group(answer.next_group),
        "noise": answer.noise,
        "groups": [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)],
        "notes": list(answer.notes),
    }


def describe(answer: TransferredRate, explain: bool = False) -> str:
    """The answer in words, wrapped to the terminal; the first thirteen lines or so tell what to do."""
    target, percent = answer.target, f"{100 * answer.level:g} %"
    batch = f", batch {target.batch:g} {answer.sweep.batch_unit}" if target.batch else ""
    decay = f", weight decay {target.weight_decay:g}" if target.weight_decay else ""
    bounds = sum(found.side != 0 for found in answer.optima)
    lines = [
        ("LR", f"{answer.lr:.3g}   ({percent}: {answer.low:.3g} to {answer.high:.3g})"),
        ("of", f"{target.n_params:.4g} parameters, {target.tokens:.4g} tokens{batch}{decay}"),
        ("loss", f"{answer.loss:.3f}   ({percent}: {answer.loss_low:.3f} to {answer.loss_high:.3f})" + _regret(answer)),
        ("from", f"{len(answer.optima)} groups of {sum(len(group.lr) for group in answer.groups)} runs; {bounds} tell a bound only"),
    ]
    if answer.check:
        check = answer.check
        lines.append(
            ("checked", f"{check.what}, predicted from the others, loses {_loss(check.mean)} to the best of its sweep on average, "
             f"{_loss(check.worst)} at worst ({check.groups} groups)")
        )  # fmt: skip
    else:
        lines.append(("checked", "not: the table has too few sizes, or numbers of tokens, to predict one from the others"))
    z = ndtri(0.5 + answer.level / 2)
    powers = [f"{WORDS[e.name]}^{e.mean:.2f} ({e.mean - z * e.sd:.2f} to {e.mean + z * e.sd:.2f})" for e in answer.exponents]
    lines.append(("LR grows as", "; ".join(powers)))
    for one in answer.exponents:
        if one.identified != "yes":
            lines.append(("", _prior(one, answer.identifying.get(one.name), answer.sweep.batch_unit)))
    if waste := _waste(answer):
        lines.append(("batch", waste))
    if scale := timescale(answer):
        tokens = f", {scale['tokens']:.3g} tokens, {scale['of_run']:.2g} of the run" if scale["tokens"] else ""
        lines.append(("AdamW", f"averages over 1/(LR wd) = {scale['updates']:.3g} updates{tokens}"))
    if answer.next_group:
        lines.append(("next", _next(answer.next_group, answer.sweep.batch_unit)))
    else:
        lines.append(("next", "no group of three runs within --budget tells more"))
    important = [note for note in answer.notes if explain or not note.startswith(("taken: ", "tokens are", "noise", "other losses"))]
    lines += [("note", note) for note in important]
    return "\n".join(titled(title, text) for title, text in lines)


def write(answer: TransferredRate, folder: Path) -> list[Path]:
    """Write groups.csv, then transfer.json: a folder with it is whole."""
    folder = Path(folder)
    write_csv(folder / "groups.csv", groups_table(answer))
    with replacing(folder / "transfer.json") as temporary:
        temporary.write_text(json.dumps(report(answer), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return [folder / "groups.csv", folder / "transfer.json"]


def _regret(answer: TransferredRate) -> str:
    return "" if np.isnan(answer.regret) else f", of which {_loss(answer.regret)} for not knowing the best LR"


def _loss(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


def _setting(group: NextGroup, unit: str) -> str:
    return f"{group.n_params:.3g} parameters, {group.tokens:.3g} tokens" + (f", batch {group.batch:.3g} {unit}" if group.batch else "")


def _rates(group: NextGroup) -> str:
    return "LR " + ", ".join(f"{lr:.2g}" for lr in group.lr)


def _prior(one: Any, group: NextGroup | None, unit: str) -> str:
    mean, sd = PRIORS[one.name]
    how = "is not identified by these runs" if one.identified == "no" else "is identified in part"
    text = f"that of {WORDS[one.name]} {how}: it leans on a weak prior, {mean:g} +- {sd:g} ({SOURCES[one.name]})"
    if group:
        text += f"; {_setting(group, unit)} at {_rates(group)} would tell"
    return text


def _next(group: NextGroup, unit: str) -> str:
    before, after = (np.exp(1.645 * np.sqrt(variance)) for variance in (group.before, group.after))
    little = "little is left to learn within --budget; most from " if after > 1 + 0.95 * (before - 1) else ""
    return (
        f"{little}{_setting(group, unit)} at {_rates(group)}: {100 * group.cost:.2g} % of the real run's cost; its LR would be known "
        f"to a factor of {after:.2f} (90 %) instead of {before:.2f}"
    )


def _waste(answer: TransferredRate) -> str | None:
    waste, unit = answer.waste, answer.sweep.batch_unit
    if waste is None:
        return None
    if waste.beyond is None:
        return f"no batch of the table, up to {waste.largest:g} {unit}, is shown to waste a tenth of the tokens at this length"
    best = f"best at {waste.best:.3g} {unit} for this many tokens; " if waste.best else ""
    return f"{best}beyond {waste.beyond:.3g} {unit} a tenth of the tokens is wasted"


def _group(group: NextGroup | None) -> dict[str, Any] | None:
    if group is None:
        return None
    return {"n_params": group.n_params, "tokens": group.tokens, "batch": group.batch, "lr": list(group.lr), "cost": group.cost}
