"""What each trainer does with the scheduler's state in a checkpoint, and what to do so that the new settings hold from the first update.

After S updates the checkpoint holds a count S, and most hold the old peak (LambdaLR's base_lrs, the optimiser's groups) and the learning
rate of update S + 1 by the old settings, which is then executed once more whatever the new ones say.

Sources, and how each was checked (tests/test_resume.py really resumes the first four):
transformers 5.23.0 (Trainer, a checkpoint of a tiny model), torch 2.13.0 (LambdaLR), torchtitan 0.3.0 (its LRSchedulersContainer),
megatron-core 0.16.1 (OptimizerParamScheduler); huggingface/nanotron 2411b02, src/nanotron/serialize/optimizer.py and helpers.py;
allenai/OLMo-core 3.0.0, optim/config.py (the groups' initial_lr is that of the new settings after loading) and scheduler.py;
mosaicml/composer 6405188, composer/optim/scheduler.py; Lightning-AI/pytorch-lightning 7f0c343, checkpoint_connector.py (restores before
on_train_start); DeepSpeed's documentation of load_checkpoint (load_lr_scheduler_states); karpathy/nanochat 92d63d4, scripts/base_train.py;
stanford-crfm/levanter 9263f81, src/levanter/optim/config.py, and AI-Hypercomputer/maxtext e591f30, utils/maxtext_utils.py: optax's
schedules of the count in the optimiser's state.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resume:
    """What to do before a run goes on: sentences, Python that does what settings cannot, and what their text ends on (else "")."""

    notes: tuple[str, ...]
    script: str = ""
    ending: str = ""


@dataclass(frozen=True)
class Point:
    """Where a run goes on: after `step` updates, the next one at `lr`, under settings whose peak is `peak` (it was `old_peak`)."""

    step: int
    lr: float
    peak: float
    old_peak: float
    values: dict[str, Any]


def resume(trainer: str, step: int, lr: float, peak: float, old_peak: float, values: dict[str, Any]) -> Resume:
    """What to do with a trainer's checkpoint after `step` updates, so that update step + 1 runs at `lr`."""
    return WAYS.get(trainer, _unknown)(Point(step, lr, peak, old_peak, values))


def _unknown(point: Point) -> Resume:
    return Resume(
        ("how this trainer treats a scheduler's state was not checked: compare the first LR that the resumed run logs with the CSV",)
    )


def _function_of_the_step(point: Point) -> Resume:
    return Resume(("resume as usual: the learning rate is a function of the step that the checkpoint holds, and no peak is kept in it",))


HF = """\
# Run once, before the run goes on: the checkpoint keeps the old peak and the old learning rate of its next update.
import torch

CHECKPOINT = "checkpoint-{step}"
state = torch.load(f"{{CHECKPOINT}}/scheduler.pt", weights_only=True)
if state["last_epoch"] != {step}:
    raise SystemExit(f"{{CHECKPOINT}} holds update {{state['last_epoch']}}: nothing done")
state["base_lrs"] = [{peak!r} / max(state["base_lrs"]) * lr for lr in state["base_lrs"]]
state["_last_lr"] = [{lr!r} / {peak!r} * lr for lr in state["base_lrs"]]
optimizer = torch.load(f"{{CHECKPOINT}}/optimizer.pt", weights_only=True, map_location="cpu")
for group, peak, lr in zip(optimizer["param_groups"], state["base_lrs"], state["_last_lr"], strict=True):
    group["initial_lr"], group["lr"] = peak, lr
torch.save(state, f"{{CHECKPOINT}}/scheduler.pt")
torch.save(optimizer, f"{{CHECKPOINT}}/optimizer.pt")"""


def _hf(point: Point) -> Resume:
    notes = (
        f"resume_from_checkpoint of checkpoint-{point.step}, after the script has changed it: scheduler.pt keeps the old peak for the rest "
        "of the run, and optimizer.pt the old learning rate for the first update",
        "do not delete scheduler.pt: Trainer then loads no optimizer state either, and counts the schedule from 0",
    )
    return Resume(notes, HF.format(**vars(point)))


PYTORCH = """\
# Instead of loading the scheduler's state, which keeps the old peak; the optimizer's is loaded before.
largest = max(group["initial_lr"] for group in optimizer.param_groups)
for group in optimizer.param_groups:
    group["lr"] = group["initial_lr"] = {peak!r} / largest * group["initial_lr"]
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_factor, last_epoch={last})"""


def _pytorch(point: Point) -> Resume:
    note = f"load the optimizer's state and not the scheduler's: make that anew with last_epoch={point.step - 1}, as in the script"
    return Resume((note,), PYTORCH.format(peak=point.peak, last=point.step - 1))


TORCHTITAN = """\
# In the trainer, after checkpointer.load(...): the optimizer's state holds the old learning rate of update {first}.
for scheduler in self.lr_schedulers:
    for group, lr in zip(scheduler.optimizer.param_groups, scheduler.get_last_lr(), strict=True):
        group["lr"] = lr"""


def _torchtitan(point: Point) -> Resume:
    notes = (
        f"without the script update {point.step + 1} runs at the learning rate in the checkpoint, and all later ones as wanted",
        "before 0.3.0 the scheduler's state kept the old peak too: there a new one is ignored",
    )
    return Resume(notes, TORCHTITAN.format(first=point.step + 1))


MEGATRON = """\
# In megatron/training/training.py, after load_checkpoint(...): through core 0.19.0 the optimizer's groups keep the old lr and min_lr.
largest = max(group["max_lr"] for group in optimizer.param_groups)
for group in optimizer.param_groups:
    group["max_lr"], group["min_lr"] = args.lr / largest * group["max_lr"], args.min_lr
opt_param_scheduler.step(increment=0)"""


def _megatron(point: Point) -> Resume:
    notes = (
        "--override-opt_param-scheduler is spelled as every version takes it: without it settings that differ from the checkpoint's are "
        "an AssertionError; the style of a WSD decay and its iterations are never in the checkpoint",
        "the optimizer's groups keep the old lr and min_lr through core 0.19.0 (mended upstream 2026-08-18), whatever the flag says: "
        "unless both are those of the first run, add the script's lines",
    )
    return Resume(notes, MEGATRON, " \\\n--override-opt_param-scheduler")


def _megatron_bridge(point: Point) -> Resume:
    notes = (
        "override_opt_param_scheduler is set: without it settings that differ from the checkpoint's are an AssertionError",
        "the optimizer's groups keep the old lr and min_lr with Megatron's core through 0.19.0, whatever it says: unless both are those "
        "of the first run, set max_lr and min_lr of every group after loading",
    )
    return Resume(notes, "", "\ncfg.scheduler.override_opt_param_scheduler = True")


LAMBDA = """\
# After the checkpoint is loaded, for {where}: its state holds the old peak.
def go_on(scheduler):
    scheduler.base_lrs = [{peak!r} / max(scheduler.base_lrs) * lr for lr in scheduler.base_lrs]
    groups = scheduler.optimizer.param_groups
    for group, lr, factor in zip(groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True):
        group["initial_lr"], group["lr"] = lr, lr * factor(scheduler.last_epoch)"""


def _lambda(where: str) -> Callable[[Point], Resume]:
    """A trainer that keeps the state of a LambdaLR, which is then found at `where`."""

    def way(point: Point) -> Resume:
        note = "the LambdaLR in the checkpoint keeps the old peak for the rest of the run, and the optimizer the next learning rate"
        return Resume((f"{note}: call the script's go_on({where}) after loading",), LAMBDA.format(where=where, peak=point.peak))

    return way


NANOCHAT = """\
# In scripts/base_train.py, after optimizer.load_state_dict(...): the groups hold the old peaks.
for group in optimizer.param_groups:
    group["initial_lr"] *= {peak!r} / {old_peak!r}"""


def _nanochat(point: Point) -> Resume:
    note = "--resume-from-step loads the groups' initial_lr, so that new peaks are ignored: add the script's lines where they change"
    return Resume((note,), NANOCHAT.format(**vars(point)))


NANOTRON = """\
# Run once, before the run goes on: the checkpoint keeps the old peak.
from pathlib import Path

import torch

CHECKPOINT = Path("checkpoints/{step}")
for path in [*CHECKPOINT.glob("lr_scheduler/**/*.pt"), *CHECKPOINT.glob("optimizer/**/*.pt")]:
    state = torch.load(path, map_location="cpu", weights_only=False)
    if "base_lrs" in state:
        state["base_lrs"] = [{peak!r} / max(state["base_lrs"]) * lr for lr in state["base_lrs"]]
    groups = state.get("param_groups", [])
    largest = max((group["initial_lr"] for group in groups), default=None)
    for group in groups:
        group["lr"] = group["initial_lr"] = {peak!r} / largest * group["initial_lr"]
    torch.save(state, path)"""


def _nanotron(point: Point) -> Resume:
    notes = (
        "nanotron executes the next update's learning rate after a resume, from then on: these settings are one step late to make up "
        "for it, and each further resume needs one more",
        "learning_rate is not read after a resume: the peak is the one in the checkpoint, which the script changes",
    )
    return Resume(notes, NANOTRON.format(**vars(point)))


WAYS: dict[str, Callable[[Point], Resume]] = {
    "hf": _hf,
    "pytorch": _pytorch,
    "torchtitan": _torchtitan,
    "megatron": _megatron,
    "nanotron": _nanotron,
    "olmo-core": _function_of_the_step,
    "levanter": _function_of_the_step,
    "maxtext": _function_of_the_step,
    "optax": _function_of_the_step,
    "trl": _hf,
    "axolotl": _hf,
    "llama-factory": _hf,
    "megatron-bridge": _megatron_bridge,
    "nanochat": _nanochat,
    "composer": _lambda("trainer.state.schedulers[0]"),
    "llm-foundry": _lambda("trainer.state.schedulers[0]"),
    "lightning": _lambda("self.lr_schedulers() in on_train_start"),
    "deepspeed": _lambda("engine.lr_scheduler"),
}
