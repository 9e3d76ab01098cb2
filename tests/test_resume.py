"""Runs that go on: the settings of the rest, on each trainer's own scheduler, from a checkpoint that it really wrote and loaded."""

import copy
import importlib.util
import io
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastiterate.schedules import cyclic, inverse_sqrt, linear, piecewise, two_stage, wsd
from lastiterate.schedules.export import TRAINERS, CannotExport
from lastiterate.schedules.export.resume import WAYS, Point
from lastiterate.schedules.export.segment import export_rest, rest, segments, until
from trainer_rules import PEAK, RULES, agree

SWITCH, TOTAL = 12, 30
STAGES = two_stage(TOTAL, SWITCH, 0.5, 0.3, "linear", 4, peak_lr=PEAK, initial_lr_ratio=0.0)
SAME = wsd(TOTAL, 0.3, "linear", 4, peak_lr=PEAK, initial_lr_ratio=0.0)  # goes on at the old learning rate
KINDS = ["two_stage", "wsd", "linear", "cyclic", "piecewise", "sqrt"]
BY_FORM = [name for name in TRAINERS if name not in ("pytorch", "optax")]


@given(total=st.integers(3, 60), part=st.floats(0, 0.99), schedule=st.sampled_from(KINDS))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_the_rest_is_the_rest(total, part, schedule):
    step = int(part * total)
    whole = {
        "two_stage": two_stage(total, total // 2, 0.3, 0.4, peak_lr=PEAK), "wsd": wsd(total, 0.4, "cosine", total // 3, 0.1, PEAK),
        "linear": linear(total, peak_lr=PEAK), "cyclic": cyclic(total, 5, peak_lr=PEAK), "sqrt": inverse_sqrt(total, 0.2, peak_lr=PEAK),
        "piecewise": piecewise(total, [total // 2], [1.0, 0.1], peak_lr=PEAK),
    }[schedule]  # fmt: skip
    agree(rest(whole, step).lr[step:], whole.lr[step:])
    assert rest(whole, step).total_steps == total and np.array_equal(until(whole, step + 1).lr, whole.lr[: step + 1])


@pytest.mark.parametrize("trainer", BY_FORM)
def test_every_trainer_executes_the_second_stage_from_its_first_update(trainer):
    """By the rule of the text, counted on from the checkpoint (nanotron is one update ahead after it)."""
    found = export_rest(STAGES, trainer, SWITCH)
    assert (found.first_update, found.last_update) == (SWITCH + 1, TOTAL) and found.settings.deviation <= 1e-12
    if trainer in RULES and trainer != "nanotron":
        text = found.settings.text.removesuffix(" \\\n--override-opt_param-scheduler")
        assert (text != found.settings.text) == (trainer == "megatron")
        agree(RULES[trainer](text, TOTAL)[SWITCH:], STAGES.lr[SWITCH:])
    agree(found.settings.lr, STAGES.lr[SWITCH:], PEAK, found.settings.rounding)
    assert f"updates {SWITCH + 1} to {TOTAL}" in found.settings.notes[0] and found.resume.notes[0] in found.settings.notes


@pytest.mark.parametrize("trainer", BY_FORM)
@pytest.mark.parametrize("step", [2, SWITCH, 25])
def test_a_rest_in_each_phase(trainer, step):
    found = export_rest(SAME, trainer, step, take_nearest=step < 4)
    agree(found.settings.lr, SAME.lr[step:], PEAK, found.settings.rounding + (found.settings.deviation if step < 4 else 0.0))


def test_a_schedule_as_runs_that_follow_each_other():
    assert [(s.first_update, s.last_update) for s in segments(STAGES, "hf")] == [(1, SWITCH), (SWITCH + 1, TOTAL)]
    assert [s.first_update for s in segments(SAME, "hf")] == [1] and len(segments(STAGES, "pytorch")) == 1
    cycles = segments(cyclic(20, 5, "linear", peak_lr=PEAK), "megatron")
    agree(np.concatenate([s.settings.lr for s in cycles]), cyclic(20, 5, "linear", peak_lr=PEAK).lr)
    with pytest.raises(ValueError, match="more than 20 runs"):
        segments(cyclic(300, 5, "linear", peak_lr=PEAK), "hf")


@pytest.mark.slow
def test_a_part_that_the_trainer_cannot_execute_is_said():
    with pytest.raises(CannotExport, match="update"):
        segments(wsd(30, 0.5, "exponential", final_lr_ratio=0.1), "hf")


def test_a_third_run_knows_the_peak_of_the_second():
    three = piecewise(60, [20, 40], [1.0, 0.5, 0.2], peak_lr=PEAK)
    scripts = [part.resume.script for part in segments(three, "nanochat")[1:]]
    assert [float(s.split("*= ")[1].split(" / ")[1]) for s in scripts] == pytest.approx([PEAK, PEAK / 2])


def test_what_cannot_be_continued_is_said():
    with pytest.raises(ValueError, match="from_step=30 leaves nothing of total_steps=30"):
        rest(STAGES, TOTAL)
    with pytest.raises(ValueError, match="all learning rates after it are 0"):
        rest(piecewise(10, [5], [1.0, 0.0]), 5)
    with pytest.raises(CannotExport, match=r"cannot execute updates 6 to 30: update \d+ would run at .*; it knows a warmup") as refusal:
        export_rest(STAGES, "hf", 5)
    assert refusal.value.nearest.lr.size == TOTAL - 5


def test_every_trainer_has_a_way():
    assert TRAINERS.keys() - WAYS.keys() <= {"litgpt", "timm", "keras", "modded-nanogpt"}  # whose notes say that it was not checked


# PyTorch: the optimiser's state is loaded, the scheduler made anew.


def parameters(torch):
    return [torch.nn.Parameter(torch.zeros(2))]


def run(optimizer, scheduler, steps):
    lrs = []
    for _ in range(steps):
        lrs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return lrs


def saved(torch, state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.parametrize("trainer", [name for name, way in WAYS.items() if way.__qualname__.startswith("_lambda")])
def test_a_kept_lambda_goes_on(trainer):
    """What Composer, Lightning and DeepSpeed do: the scheduler's state and the optimiser's come back, then the script's go_on."""
    torch = pytest.importorskip("torch")
    exec(export_rest(STAGES, "pytorch", SWITCH).settings.text, space := {})
    way = WAYS[trainer](Point(SWITCH, float(STAGES.lr[SWITCH]), PEAK / 2, PEAK, {}))
    optimizer = torch.optim.AdamW(parameters(torch), lr=PEAK)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: float(STAGES.lr[min(step, TOTAL - 1)]) / PEAK)
    agree(run(optimizer, scheduler, SWITCH), STAGES.lr[:SWITCH])
    state = saved(torch, {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()})
    optimizer = torch.optim.AdamW(parameters(torch), lr=PEAK / 2)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, space["lr_factor"])
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    exec(way.script, made := {})
    for _ in range(2):  # a second resume changes nothing
        made["go_on"](scheduler)
    agree(run(optimizer, scheduler, TOTAL - SWITCH), STAGES.lr[SWITCH:])


@pytest.mark.parametrize("script", [True, False])
def test_pytorch_goes_on(script):
    torch = pytest.importorskip("torch")
    spaces = {}, {"torch": torch}
    first, second = segments(until(STAGES, SWITCH), "pytorch")[0], export_rest(STAGES, "pytorch", SWITCH)
    exec(first.settings.text, spaces[0])
    optimizer = torch.optim.AdamW(parameters(torch), lr=first.settings.values["lr"])
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, spaces[0]["lr_factor"])
    agree(run(optimizer, scheduler, SWITCH), STAGES.lr[:SWITCH])
    state = saved(torch, {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()})
    exec(second.settings.text, spaces[1])
    optimizer = torch.optim.AdamW(parameters(torch), lr=second.settings.values["lr"])
    if script:
        optimizer.load_state_dict(state["optimizer"])
        exec(second.resume.script, spaces[1] | {"optimizer": optimizer}, made := {})
        agree(run(optimizer, made["scheduler"], TOTAL - SWITCH), STAGES.lr[SWITCH:])
    else:  # what the note warns of: the old peak for good
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, spaces[1]["lr_factor"])
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        agree(run(optimizer, scheduler, TOTAL - SWITCH), 2 * STAGES.lr[SWITCH:])


# Hugging Face: a real Trainer, its real checkpoint.


def trainer_of(folder, found, steps, seen):
    import torch
    import transformers

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(3))

        def forward(self, x, labels=None):
            return {"loss": ((self.weight * x).sum(-1) ** 2).mean(), "logits": x}

    class See(transformers.TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, optimizer=None, **others):
            seen.append(optimizer.param_groups[0]["lr"])

    arguments = transformers.TrainingArguments(
        str(folder), **found.settings.values | {"max_steps": steps}, per_device_train_batch_size=2, save_steps=steps, report_to=[],
        use_cpu=True, logging_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    data = [{"x": torch.ones(3), "labels": torch.zeros(1)} for _ in range(2 * TOTAL)]
    return transformers.Trainer(Model(), arguments, train_dataset=data, callbacks=[See()])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("schedule", [STAGES, SAME], ids=["lowered", "same"])
@pytest.mark.parametrize("script", [True, False])
def test_hugging_face_goes_on(schedule, script, tmp_path):
    pytest.importorskip("transformers")
    pytest.importorskip("accelerate")  # which Trainer needs
    seen = []
    trainer_of(tmp_path, segments(until(schedule, SWITCH), "hf")[0], SWITCH, seen).train()
    agree(seen, schedule.lr[:SWITCH])
    found = export_rest(schedule, "hf", SWITCH)
    if script:
        for _ in range(2):  # a second time it changes nothing
            exec(found.resume.script.replace("checkpoint-", f"{tmp_path}/checkpoint-"), {})
    seen = []
    trainer_of(tmp_path, found, TOTAL, seen).train(resume_from_checkpoint=f"{tmp_path}/checkpoint-{SWITCH}")
    if script or schedule is SAME:
        agree(seen, schedule.lr[SWITCH:])
    else:  # what the note warns of
        agree(seen, 2 * schedule.lr[SWITCH:])


# Megatron-LM: OptimizerParamScheduler, its state and its optimiser's groups through a file.


def megatron(module, found, groups, override=True):
    v = found.settings.values
    optimizer = types.SimpleNamespace(param_groups=groups)
    style = {"wsd_decay_steps": v.get("lr_wsd_decay_iters"), "lr_wsd_decay_style": v.get("lr_wsd_decay_style")}
    return module.OptimizerParamScheduler(
        optimizer, v["lr_warmup_init"], v["lr"], v["min_lr"], v["lr_warmup_iters"], v["lr_decay_iters"], v["lr_decay_style"], 0.0, 0.0, 1,
        "constant", use_checkpoint_opt_param_scheduler=False, override_opt_param_scheduler=override, **style,
    )  # fmt: skip


def steps_of(scheduler, steps):
    lrs = []
    for _ in range(steps):
        lrs.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.step(1)
    return lrs


@pytest.fixture
def param_scheduler(monkeypatch):
    pytest.importorskip("torch")
    spec = importlib.util.find_spec("megatron.core") if importlib.util.find_spec("megatron") else None
    if spec is None:
        pytest.skip("pip install --no-deps megatron-core==0.16.1")
    path = Path(spec.submodule_search_locations[0]) / "optimizer_param_scheduler.py"
    return load(path, {"megatron.core.utils": {"log_single_rank": lambda *words: None}}, monkeypatch)


def load(path, stubs, monkeypatch):
    """A module of a trainer from its file, its imports replaced: what they hold is not used here."""
    for name, contents in stubs.items():
        stub = types.ModuleType(name)
        vars(stub).update(contents)
        monkeypatch.setitem(sys.modules, name, stub)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("schedule", [STAGES, SAME], ids=["lowered", "same"])
def test_megatron_goes_on(schedule, param_scheduler):
    groups = [{"max_lr": schedule.peak_lr, "min_lr": 0.0, "params": []}]
    first = megatron(param_scheduler, segments(until(schedule, SWITCH), "megatron")[0], groups)
    agree(steps_of(first, SWITCH), schedule.lr[:SWITCH])
    state, kept = copy.deepcopy(first.state_dict()), copy.deepcopy(groups)
    found = export_rest(schedule, "megatron", SWITCH)
    with pytest.raises(AssertionError, match="do not match"):
        megatron(param_scheduler, found, copy.deepcopy(kept), override=False).load_state_dict(state)
    scheduler = megatron(param_scheduler, found, copy.deepcopy(kept))
    scheduler.load_state_dict(state)
    if schedule is STAGES:  # what the note warns of
        assert scheduler.optimizer.param_groups[0]["lr"] == pytest.approx(2 * schedule.lr[SWITCH])
        v = found.settings.values
        space = {"optimizer": scheduler.optimizer, "args": types.SimpleNamespace(**v), "opt_param_scheduler": scheduler}
        exec(found.resume.script, space)
    agree(steps_of(scheduler, TOTAL - SWITCH), schedule.lr[SWITCH:])


# torchtitan: its container, and the optimiser's state through torch.


@pytest.fixture
def titan(monkeypatch):
    pytest.importorskip("torch")
    found = importlib.util.find_spec("torchtitan")
    if found is None:
        pytest.skip("pip install --no-deps torchtitan==0.3.0")
    folder = Path(found.submodule_search_locations[0]) / "components" / "optimizer"

    class Configurable:
        class Config:
            pass

    stubs = {
        "titan_optimizer": {"__path__": [str(folder)]}, "titan_optimizer.optimizer": {"OptimizersContainer": list},
        "torchtitan": {"__path__": []}, "torchtitan.config": {"Configurable": Configurable},
        "torchtitan.tools": {"__path__": []}, "torchtitan.tools.logging": {"logger": None},
    }  # fmt: skip
    for name, contents in stubs.items():
        stub = types.ModuleType(name)
        vars(stub).update(contents)
        monkeypatch.setitem(sys.modules, name, stub)
    monkeypatch.delitem(sys.modules, "titan_optimizer.lr_scheduler", raising=False)
    return importlib.import_module("titan_optimizer.lr_scheduler").LRSchedulersContainer


def titan_of(container, torch, found):
    v = {name.rsplit(".", 1)[-1]: value for name, value in found.settings.values.items()}
    optimizer = torch.optim.AdamW(parameters(torch), lr=v["lr"])
    names = ("warmup_steps", "total_steps", "decay_ratio", "decay_type", "min_lr_factor")
    config = container.Config(**{name: v[name] for name in names})
    return optimizer, config.build(optimizers=[optimizer], training_steps=v["steps"])


def titan_run(optimizer, container, steps):
    lrs = []
    for _ in range(steps):
        lrs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        container.step()
    return lrs


@pytest.mark.filterwarnings("ignore:To get the last learning rate")  # torchtitan's own call
@pytest.mark.parametrize("script", [True, False])
def test_torchtitan_goes_on(titan, script):
    import torch

    schedule = two_stage(TOTAL, SWITCH, 0.5, 0.3, "linear", 4, peak_lr=PEAK, initial_lr_ratio=0.2)
    optimizer, container = titan_of(titan, torch, segments(until(schedule, SWITCH), "torchtitan")[0])
    agree(titan_run(optimizer, container, SWITCH), schedule.lr[:SWITCH])
    state = saved(torch, {"optimizer": optimizer.state_dict(), "lr_scheduler": container.state_dict()})
    found = export_rest(schedule, "torchtitan", SWITCH)
    optimizer, container = titan_of(titan, torch, found)
    optimizer.load_state_dict(state["optimizer"])
    container.load_state_dict(state["lr_scheduler"])
    if script:
        exec(found.resume.script, {"self": types.SimpleNamespace(lr_schedulers=container)})
        agree(titan_run(optimizer, container, TOTAL - SWITCH), schedule.lr[SWITCH:])
    else:  # what the note says: the first update alone is the old one
        lrs = titan_run(optimizer, container, TOTAL - SWITCH)
        assert lrs[0] == pytest.approx(PEAK)
        agree(lrs[1:], schedule.lr[SWITCH + 1 :])


# nanotron: its lambda and its loading, restated from huggingface/nanotron 2411b02, src/nanotron/helpers.py (lr_scheduler_builder) and
# serialize/optimizer.py (load_lr_scheduler: the state, then one initial step), around torch's own LambdaLR.


def nanotron(torch, found, groups=None, state=None):
    a = found.settings.values["optimizer"]["learning_rate_scheduler"]

    def factor(step, initial_lr):
        if step <= a["lr_warmup_steps"]:
            lr = initial_lr * step / max(a["lr_warmup_steps"], 1) if a["lr_warmup_style"] == "linear" else a["learning_rate"]
        elif step < a["lr_decay_starting_step"]:
            lr = initial_lr
        elif step < a["lr_decay_starting_step"] + a["lr_decay_steps"]:
            part = (a["lr_decay_steps"] - (step - a["lr_decay_starting_step"])) / a["lr_decay_steps"]
            lr = a["min_decay_lr"] + (initial_lr - a["min_decay_lr"]) * part
        else:
            lr = a["min_decay_lr"]
        return lr / initial_lr

    optimizer = torch.optim.AdamW(parameters(torch), lr=a["learning_rate"])
    if groups:
        optimizer.load_state_dict(groups)
    lambdas = [lambda step, lr=group["lr"]: factor(step, lr) for group in optimizer.param_groups]
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambdas)
    if state:
        scheduler.load_state_dict(state)
        scheduler._initial_step()
    return optimizer, scheduler


NANOTRON = [(STAGES, SWITCH, False), (SAME, SWITCH, False), (SAME, SWITCH, True), (SAME, 25, False)]


@pytest.mark.parametrize(("schedule", "step", "unchanged"), NANOTRON, ids=["lowered", "same", "same, no script", "in the decay"])
def test_nanotron_goes_on(schedule, step, unchanged, tmp_path):
    torch = pytest.importorskip("torch")
    optimizer, scheduler = nanotron(torch, segments(schedule, "nanotron")[0])
    agree(run(optimizer, scheduler, step), schedule.lr[:step])
    for name, state in (("optimizer", optimizer.state_dict()), ("lr_scheduler", scheduler.state_dict())):
        (tmp_path / f"{step}/{name}").mkdir(parents=True)
        torch.save(state, tmp_path / f"{step}/{name}/rank_0.pt")
    found = export_rest(schedule, "nanotron", step)
    for _ in range(0 if unchanged else 2):  # a second time it changes nothing
        exec(found.resume.script.replace("checkpoints/", f"{tmp_path}/"), {})
    groups, state = (torch.load(tmp_path / f"{step}/{name}/rank_0.pt", weights_only=False) for name in ("optimizer", "lr_scheduler"))
    agree(run(*nanotron(torch, found, groups, state), TOTAL - step), schedule.lr[step:])
