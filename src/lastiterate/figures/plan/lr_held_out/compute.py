"""lr_held_out: learning rates transferred to sizes, lengths and batches that were left out of a sweep, and what they lose there.

Beside them two rules that fit nothing: the published formula of arXiv:2503.04715, LR = 1.79 N^-.713 D^.307, and, for longer runs, the best
learning rate of the next shorter ones of the same size and batch, kept. The loss at a learning rate between swept ones is interpolated.
"""

import numpy as np
import pandas as pd

from lastiterate.figures.plan.published_rates import published_rate, sweep_of
from lastiterate.figures.runs import load_results
from lastiterate.transfer.held_out import KINDS, held_out, loss_at
from lastiterate.transfer.optima import find_optimum
from lastiterate.transfer.runs import Group, groups_of
from lastiterate.workflow.files import Rows
from lastiterate.workflow.step import StepError

RULES = ("regret", "published_regret", "kept_regret")


def compute(parameters, inputs):
    """Tables groups (every group left out) and summary (per source and kind)."""
    groups = Rows()
    for source, runs in load_results(inputs).dropna(subset=["base_lr", "batch_size"]).groupby("source", sort=False):
        sweep = sweep_of(runs)
        everything = groups_of(sweep.runs)
        for kind in KINDS:
            for left_out, found in held_out(sweep, kind):
                for one in found:
                    row = judged(one, everything if kind == "horizon" else ())
                    groups.add(source=source, kind=kind, left_out=left_out, **row)
    if not groups.columns:
        raise StepError(
            "no group of runs can be left out: expected at least three learning rates in groups of several sizes, tokens or batches"
        )
    return {"groups": groups, "summary": summary(pd.DataFrame(groups.columns))}


def judged(one, shorter_ones) -> dict:
    """A row: setting, learning rates, whether the 90 % interval holds the group's own optimum (nan where that is a bound), losses."""
    group: Group = one.group
    own = find_optimum(group.lr, group.loss, 1e-3 * float(np.min(group.loss)))
    least = float(np.min(group.loss))
    shorter = [
        other
        for other in shorter_ones
        if (other.n_params, other.batch, other.level) == (group.n_params, group.batch, group.level) and other.tokens < group.tokens
    ]
    kept = max(shorter, key=lambda other: other.tokens) if shorter else None
    published = np.log(published_rate(group))
    return {
        "n_params": group.n_params,
        "tokens": group.tokens,
        "batch_size": group.batch,
        "lr": np.exp(one.x),
        "best_lr": np.exp(own.x),
        "inside": float(abs(one.x - own.x) <= 1.645 * np.hypot(one.sd, own.sd)) if own.side == 0 else np.nan,
        "regret": one.regret,
        "published_regret": loss_at(group, published) - least,
        "kept_regret": loss_at(group, np.log(kept.lr[np.argmin(kept.loss)])) - least if kept else np.nan,
    }


def summary(groups: pd.DataFrame) -> Rows:
    """Mean, median and worst regret and the coverage per source and kind; of sizes, for the largest as well."""
    table = Rows()
    for (source, kind), rows in groups.groupby(["source", "kind"], sort=False):
        parts = {kind: rows}
        if kind == "size":
            parts["largest size"] = rows[rows.left_out == rows.left_out.max()]
        for name, part in parts.items():
            numbers = {
                f"{rule.removesuffix('regret')}{what}": getattr(part[rule], how)()
                for rule in RULES
                for what, how in (("mean", "mean"), ("worst", "max"))
            }
            table.add(source=source, left_out=name, groups=len(part), median=part.regret.median(), coverage=part.inside.mean(), **numbers)
    return table
