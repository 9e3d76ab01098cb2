"""Exported settings against the libraries that are installed."""

from dataclasses import fields

import numpy as np
import pytest
import yaml

from lastiterate.schedules import constant, cosine, linear, polynomial, wsd
from lastiterate.schedules.export import export
from trainer_rules import ANY, PEAK, SHAPES, agree, levanter_steps

REAL = [wsd(60, 0.3, s, 7, r, PEAK, initial_lr_ratio=r) for s in SHAPES["hf"] for r in (0.0, 0.1)]
REAL += [f(60, warmup_steps=w, peak_lr=PEAK, initial_lr_ratio=0.0) for f in (constant, linear, cosine, polynomial) for w in (0, 7)]
REAL += [f(60, 1.5, final_lr_ratio=0.1, warmup_steps=7, peak_lr=PEAK, initial_lr_ratio=0.0) for f in (cosine, polynomial)]


def drive(optimizer, scheduler, total_steps):
    lrs = []
    for _ in range(total_steps):
        lrs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return lrs


def sgd(torch, lr):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


@pytest.mark.parametrize("schedule", REAL, ids=lambda s: s.name)
def test_transformers_itself(schedule):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    values = export(schedule, "hf").values
    assert values.keys() <= {field.name for field in fields(transformers.TrainingArguments)}
    optimizer = sgd(torch, values["learning_rate"])
    wsd_type = values["lr_scheduler_type"] == "warmup_stable_decay"
    make = lambda: transformers.get_scheduler(
        values["lr_scheduler_type"],
        optimizer,
        values["warmup_steps"],
        values["max_steps"],
        scheduler_specific_kwargs=dict(values["lr_scheduler_kwargs"]),
    )
    if wsd_type:
        with pytest.warns(UserWarning, match="num_stable_steps will be used"):
            scheduler = make()
    else:
        scheduler = make()
    agree(drive(optimizer, scheduler, schedule.total_steps), schedule.lr)


@pytest.mark.parametrize("name", ANY)
def test_pytorch_itself(name):
    torch = pytest.importorskip("torch")
    found, space = export(ANY[name], "pytorch"), {}
    exec(found.text, space)
    optimizer = sgd(torch, found.values["lr"])
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, space["lr_factor"])
    agree(drive(optimizer, scheduler, ANY[name].total_steps), ANY[name].lr)


@pytest.fixture
def doubles():
    """JAX with float64, and optax."""
    jax = pytest.importorskip("jax")
    optax = pytest.importorskip("optax")
    jax.config.update("jax_enable_x64", True)
    yield optax
    jax.config.update("jax_enable_x64", False)


def evaluate(schedule, total_steps):
    return np.broadcast_to(np.asarray(schedule(np.arange(total_steps))), (total_steps,))


def in_float32(schedule, total_steps):
    """What JAX computes where nobody asks for more."""
    jax = pytest.importorskip("jax")
    with jax.enable_x64(False):
        return np.asarray(evaluate(schedule, total_steps), dtype=np.float64)


@pytest.mark.parametrize("name", ANY)
def test_optax_itself(name, doubles):
    space = {}
    exec(export(ANY[name], "optax").text, space)
    agree(evaluate(space["lr_schedule"](), ANY[name].total_steps), ANY[name].lr)


def test_optax_in_single_precision():
    pytest.importorskip("optax")
    space = {}
    exec(export(ANY["two_stage"], "optax").text, space)
    lr = [float(space["lr_schedule"]()(count)) for count in range(80)]
    np.testing.assert_allclose(lr, ANY["two_stage"].lr, rtol=0, atol=5e-7 * PEAK)


@pytest.mark.parametrize("decay_shape", ["linear", "cosine", "power"])
@pytest.mark.parametrize(("total", "warmup", "cooldown"), [(60, 0, 0.3), (60, 7, 0.3), (60, 1, 0.02), (60, 7, 1.0), (2, 1, 0.4)])
def test_levanter_as_its_pieces_in_optax(decay_shape, total, warmup, cooldown, doubles):
    optax = doubles
    cooldown = min(cooldown, (total - warmup + 0.5) / (total + 1))
    schedule = wsd(total, cooldown, decay_shape, warmup, 0.1, PEAK, decay_power=2.0, initial_lr_ratio=0.0)
    found = export(schedule, "levanter")
    a = yaml.safe_load(found.text)["optimizer"]
    up, down = (levanter_steps(a[name], total) for name in ("warmup", "decay"))
    low = a["min_lr_ratio"] * a["learning_rate"]
    pieces = [(0, optax.linear_schedule(0.0, a["learning_rate"], up))] if up else []
    pieces.append((up, optax.constant_schedule(a["learning_rate"])))
    if decay_shape == "cosine" and down:
        pieces.append((total - down, optax.cosine_decay_schedule(a["learning_rate"], down, a["min_lr_ratio"])))
    elif down:
        power = a["lr_schedule"]["power"] if decay_shape == "power" else 1.0
        pieces.append((total - down, optax.polynomial_schedule(a["learning_rate"], low, power, down)))
    joined = optax.join_schedules([piece for _, piece in pieces], [begin for begin, _ in pieces[1:]])
    agree(evaluate(joined, total), schedule.lr)
    agree(in_float32(joined, total), found.lr, PEAK, 2.0**-22)


@pytest.mark.parametrize(("warmup", "cooldown"), [(0, 0.3), (7, 0.3), (1, 0.02), (7, 0.88)])
def test_maxtext_as_its_pieces_in_optax(warmup, cooldown, doubles):
    optax = doubles
    schedule = wsd(60, cooldown, "linear", warmup, 0.1, PEAK, initial_lr_ratio=0.0)
    found = export(schedule, "maxtext")
    a = yaml.safe_load(found.text)
    end, peak = a["learning_rate_schedule_steps"], a["learning_rate"]
    up, down = int(end * a["warmup_steps_fraction"]), int(end * a["wsd_decay_steps_fraction"])
    pieces = [(0, optax.linear_schedule(0.0, peak, up))] if up else []
    pieces.append((up, optax.constant_schedule(peak)))
    pieces += [(end - down, optax.linear_schedule(peak, peak * a["learning_rate_final_fraction"], down - 1))] if down else []
    joined = optax.join_schedules([piece for _, piece in pieces], [begin for begin, _ in pieces[1:]])
    agree(evaluate(joined, 60), schedule.lr)
    agree(in_float32(joined, 60), found.lr, PEAK, 2.0**-23)
