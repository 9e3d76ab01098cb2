"""The plan of a training config: which runs there are, and which branches from which.

A sweep is a model, an optimizer, seeds and base learning rates under a list of schedules. Its trunk is a run at constant
learning rate; every other run follows the trunk for as long as both execute the same learning rates, and starts from the
trunk's checkpoint there. A run that leaves the trunk no later than one update after the warmup is trained whole.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from math import sqrt
from types import MappingProxyType

import numpy as np

from lastiterate.schedules import FAMILIES, Schedule

TRUNK = "trunk"
TAIL = 100  # a branch executes at least so many updates itself: final training losses are means over them
KINDS = MappingProxyType(
    {
        "trunk": "constant learning rate, with checkpoints where others start",
        "cooldown": "from the trunk's last update at the peak",
        "extension": "from the trunk, at a second learning rate",
        "whole": "from the first update",
    }
)


@dataclass(frozen=True)
class Run:
    """One training run: what decides its bytes, where it starts, and which checkpoints others need of it."""

    run_id: str
    kind: str
    model: str
    optimizer: str
    dataset: str
    seed: int
    base_lr: float
    schedule_name: str
    schedule: Schedule
    cooldown: float = 0.0
    parent: str | None = None
    branch_step: int = 0
    checkpoints: tuple[int, ...] = ()
    refined_from: str | None = None
    refined_norm: str | None = None

    @property
    def updates(self) -> int:
        """Updates that this run executes itself, after its branch."""
        return self.schedule.total_steps - self.branch_step

    @property
    def needs(self) -> tuple[str, ...]:
        """Runs that must be finished before this one starts."""
        return tuple(name for name in (self.parent, self.refined_from) if name)


DECIDING = ("context", "batch_size", "micro_batch", "precision", "compile", "clip_norm")  # keys of the config that decide a run's bytes


def settings_of(run: Run, config: dict, data: dict) -> dict:
    """Everything that decides a run's bytes, but for its schedule; `data` says what it is trained on."""
    return {
        "model": config["models"][run.model],
        "optimizer": config["optimizers"][run.optimizer],
        "data": data,
        "seed": run.seed,
        **{name: config[name] for name in DECIDING},
    }


def settings_digest(run: Run, config: dict) -> str:
    """Hex digest (16 characters) over the run's settings and schedule as the config gives them; needs no data."""
    settings = settings_of(run, config, config["datasets"][run.dataset])
    parts = [settings, run.schedule.to_json(), run.refined_from, run.refined_norm, config["val_every"], config["val_windows"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def make_plan(config: dict) -> dict[str, Run]:
    """Runs by id, parents before children, in the order of the config's sweeps.

    ValueError if a sweep names something that the config does not have, or if two runs have one id.
    """
    runs: dict[str, Run] = {}
    for sweep in config["sweeps"]:
        for key in ("model", "optimizer", "dataset"):
            _known(sweep[key], config[f"{key}s"], f"sweeps: {key}")
        for seed in sweep["seeds"]:
            for rate in sweep.get("base_lrs", sweep.get("eta_refs")):
                for run in _group(config, sweep, seed, rate):
                    runs[run.run_id] = _merged(runs[run.run_id], run) if run.run_id in runs else run
    return runs


def _merged(old: Run, new: Run) -> Run:
    """One run for two that share an id: the same, or trunks of which the longer serves both."""
    run = max(new, old, key=lambda run: run.schedule.total_steps)
    steps = min(old.schedule.total_steps, new.schedule.total_steps)
    twins = all(replace(r, checkpoints=(), schedule=run.schedule) == replace(run, checkpoints=()) for r in (old, new))
    lengths = {old.schedule.total_steps, new.schedule.total_steps}
    if not twins or (old.kind != TRUNK and len(lengths) > 1) or shared_updates(old.schedule, new.schedule) < steps:
        raise ValueError(f"sweeps: two different runs are called {new.run_id}: give one of them a schedule of another name")
    return replace(run, checkpoints=tuple(sorted({*old.checkpoints, *new.checkpoints})))


def _known(name: str, table: dict, where: str) -> None:
    if name not in table:
        raise ValueError(f"{where} {name!r} is not in the config: use one of {', '.join(table)}")


def _group(config: dict, sweep: dict, seed: int, rate: float) -> list[Run]:
    """The runs of one seed and base learning rate (or reference rate): the trunk first, then the others."""
    common = {key: sweep[key] for key in ("model", "optimizer", "dataset")} | {"seed": seed}
    prefix = f"{sweep['model']}-{sweep['optimizer']}" + ("" if sweep["dataset"] == "full" else f"-{sweep['dataset']}")
    label = f"lr{rate:g}" if "base_lrs" in sweep else f"ref{rate:g}"
    named = lambda name: f"{prefix}-{label}-seed{seed}-{name}"
    trunk = None
    if "trunk" in sweep:
        trunk = Run(named(TRUNK), "trunk", base_lr=rate, schedule_name=TRUNK, schedule=build(sweep["trunk"], rate), **common)
    others = []
    for name in sweep["schedules"]:
        _known(name, config["schedules"], "sweeps: schedule")
        entry = dict(config["schedules"][name])
        source, norm = entry.pop("refined_from", None), entry.pop("norm", None)
        base_lr = rate if "base_lrs" in sweep else rate / sqrt(entry["total_steps"])
        schedule = build(entry, base_lr)
        run = Run(
            named(name), "whole", base_lr=base_lr, schedule_name=name, schedule=schedule, cooldown=entry.get("cooldown", 0.0), **common
        )
        if source:
            run = replace(run, refined_from=named(source), refined_norm=norm)
        elif trunk and (shared := min(shared_updates(trunk.schedule, schedule), schedule.total_steps - TAIL)) > schedule.warmup_steps + 1:
            kind = "extension" if schedule.name == "two_stage" else "cooldown"
            run = replace(run, kind=kind, parent=trunk.run_id, branch_step=shared)
        others.append(run)
    if trunk is None:
        return others
    starts = {run.branch_step for run in others if run.parent}
    return [replace(trunk, checkpoints=tuple(sorted(starts))), *others]


def build(entry: dict, base_lr: float) -> Schedule:
    """A schedule from its config entry, e.g. {family: wsd, total_steps: 1000, cooldown: 0.2}, at a peak learning rate."""
    arguments = {key: value for key, value in entry.items() if key != "family"}
    if "warmup" in arguments:
        arguments["warmup_steps"] = int(arguments.pop("warmup") * arguments["total_steps"])
    try:
        return FAMILIES[entry["family"]](peak_lr=base_lr, **arguments)
    except TypeError as error:
        raise ValueError(f"schedules: {entry}: {error}") from error


def shared_updates(first: Schedule, second: Schedule) -> int:
    """Number of updates, from the first on, in which two schedules execute the very same learning rates."""
    length = min(first.total_steps, second.total_steps)
    differ = first.lr[:length] != second.lr[:length]
    return int(np.argmax(differ)) if differ.any() else length


def groups(runs: dict[str, Run], config: dict) -> list[list[Run]]:
    """The runs in groups that are trained together, parents first.

    One by one; if the config says `stack`, Llamas under AdamW with one data set and schedules of one name together: they may
    differ in their learning rates and weight decays, not in where they start and end.
    """
    found: dict[tuple, list[Run]] = {}
    for run in runs.values():
        optimizer = {name: value for name, value in config["optimizers"][run.optimizer].items() if name != "weight_decay"}
        together = config["stack"] and (config["models"][run.model]["family"], optimizer["family"]) == ("llama", "adamw")
        key = (run.model, json.dumps(optimizer), run.dataset, run.schedule_name) if together else (run.run_id,)
        found.setdefault(key, []).append(run)
    return list(found.values())
