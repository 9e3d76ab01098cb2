"""Cases of `regret` in sweeps that publish final losses only: step-law's, through `plan` and through `transfer`.

plan_longer      the longest runs of each size and batch, their learning rate chosen by a plan from the shorter ones of that size and
                 batch: each of them a curve of one loss, with the schedule that the publishers state
transfer_longer  the same, by `transfer` from the shorter runs of all sizes and batches
transfer_size    each size in turn, by `transfer` from the other sizes
transfer_batch   each batch in turn, from the other batches

Rules beside them: the best learning rate of the nearest runs that were seen, kept (for longer runs, of the next shorter ones),
and the published formula. Losses between swept learning rates are interpolated for `transfer`, which chooses any.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lastiterate.figures.plan.published_rates import published_rate, sweep_of
from lastiterate.figures.plan.regret.judge import Told, ask, laws_of, row
from lastiterate.figures.runs import fitting, load_results
from lastiterate.laws import Curve
from lastiterate.schedules import cosine
from lastiterate.transfer.held_out import held_out, loss_at
from lastiterate.transfer.runs import Group, groups_of
from lastiterate.workflow.step import StepError

KINDS = {"plan_longer": "horizon", "transfer_longer": "horizon", "transfer_size": "size", "transfer_batch": "batch"}
LEAST_WARMUPS = 2  # updates of a pilot, in its warmups
DIVERGED = 0.5  # nats above the least loss of its group: such a pilot is no evidence for a law, as in figure peak_lr of bu


def judged(entry: dict, inputs: list[Path], level: float) -> Iterator[dict]:
    """A row for each group of runs (one size, number of tokens and batch) that is left out."""
    results = load_results(inputs)
    runs = results[fitting(results, entry["results"])].dropna(subset=["base_lr", "batch_size"])
    if runs.empty:
        raise StepError(f"the selection {entry['results']} matches no run: correct it in config.yaml")
    sweep = sweep_of(runs)
    groups = groups_of(sweep.runs)
    for task in entry["tasks"]:
        for _, found in held_out(sweep, KINDS[task]):
            seen = [group for group in groups if all(group is not one.group and not _same(group, one.group) for one in found)]
            for one in found:
                rules = {"kept": loss_at(one.group, _kept(one.group, seen)), "rule": loss_at(one.group, np.log(published_rate(one.group)))}
                make = _by_plan if task == "plan_longer" else _by_transfer
                about, told, loss = make(one, seen, entry, level)
                names = [f"{lr:.3g}" for lr in one.group.lr]
                case = {"group": "", "task": task, "case": _words(one.group)}
                yield case | about | row(one.group.loss, told, names, loss, rules, level)


def _same(a: Group, b: Group) -> bool:
    return (a.n_params, a.tokens, a.batch, a.level) == (b.n_params, b.tokens, b.batch, b.level)


def _words(group: Group) -> str:
    return f"{group.n_params:.4g} parameters, {group.tokens:.4g} tokens, batch {group.batch:g}" + "".join(f", {one}" for one in group.level)


def _kept(group: Group, seen: Sequence[Group]) -> float:
    """The logarithm of the best learning rate of the group seen that is nearest in ln N, ln D and ln B; of two as near, the smaller's."""
    like = [other for other in seen if other.level == group.level] or seen
    far = [sum(abs(np.log(getattr(other, name) / getattr(group, name))) for name in ("n_params", "tokens", "batch")) for other in like]
    nearest = like[int(np.argmin(np.round(far, 6)))]
    return float(np.log(nearest.lr[np.argmin(nearest.loss)]))


def _by_transfer(one, seen, entry, level):
    """What `transfer` says: any rate, of which the nearest that was swept counts as the one chosen."""
    group, costs = one.group, loss_at(one.group, one.x)
    nearest = int(np.argmin(np.abs(np.log(group.lr) - one.x)))
    told = Told(nearest, "transfer", one.loss, *one.interval(level), costs)
    return {"pilots": len(seen), "candidates": len(group.lr)}, told, costs


def _by_plan(one, seen, entry, level):
    """What a plan says: it chooses among the swept rates, from shorter runs of the same size and batch that are past their warmup.

    Runs that diverged are left out, as a plan leaves them out.
    """
    group = one.group
    shorter = [other for other in seen if (other.n_params, other.batch, other.level) == (group.n_params, group.batch, group.level)]
    curves = []
    for other in shorter:
        total = _steps(other, entry)
        if total > LEAST_WARMUPS * entry["warmup_steps"]:
            kept = other.loss <= np.min(other.loss) + DIVERGED
            pairs = zip(other.lr[kept], other.loss[kept], strict=True)
            curves += [Curve(_lr(total, rate, entry), [total], [loss], f"{total}, {rate:.3g}", None, None) for rate, loss in pairs]
    total = _steps(group, entry)
    told = ask(laws_of(curves), [_lr(total, rate, entry) for rate in group.lr], [total] * len(group.lr), level)
    return {"pilots": len(curves), "candidates": len(group.lr)}, told, float(group.loss[told.index]) if told else np.nan


def _steps(group: Group, entry: dict) -> int:
    return round(group.tokens / group.batch / entry["seq_len"])


def _lr(total: int, rate: float, entry: dict) -> np.ndarray:
    """The learning rates that the publishers state: linear warmup, then half a cosine to a rate that is the same for every peak."""
    final = min(1.0, entry["final_lr"] / rate)
    return cosine(total, warmup_steps=min(entry["warmup_steps"], total // 2), peak_lr=rate, final_lr_ratio=final).lr
