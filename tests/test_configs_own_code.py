"""Trainers' configurations, read, against the trainers' own schedulers: settings of all their styles, with parts left out."""

import json
from types import SimpleNamespace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lastiterate.schedules.configs import ConfigError, read_config
from lastiterate.schedules.configs.megatron import STYLES, WSD
from trainer_code import code
from trainer_rules import PEAK, agree

pytestmark = pytest.mark.trainers
MANY = settings(max_examples=60, deadline=None, derandomize=True)


def some(names, draw):
    """A random part of a mapping of strategies, drawn."""
    return {name: draw(strategy) for name, strategy in names.items() if draw(st.booleans())}


@given(data=st.data())
@MANY
def test_megatron(data):
    cls = code("megatron.core.optimizer_param_scheduler", "megatron.core.utils", version_of="megatron-core").OptimizerParamScheduler
    total, batch = data.draw(st.integers(2, 80)), data.draw(st.integers(1, 9))
    given = {"lr": PEAK, "train_iters": total} | some({
        "min_lr": st.sampled_from([0.0, 1e-5]), "lr_warmup_init": st.sampled_from([0.0, 2e-5]), "lr_decay_iters": st.integers(1, 120),
        "lr_warmup_iters": st.integers(0, 40), "lr_decay_style": st.sampled_from(STYLES),
        "lr_warmup_fraction": st.sampled_from([0.05, 0.31]), "lr_wsd_decay_style": st.sampled_from(list(WSD)),
    }, data.draw)  # fmt: skip
    if "lr_warmup_fraction" in given:
        given.pop("lr_warmup_iters", None)  # Megatron refuses both
    if given.get("lr_decay_style") == "WSD":
        given["lr_wsd_decay_iters"] = data.draw(st.integers(1, min(given.get("lr_decay_iters", total), 30)))
    end = given.get("lr_decay_iters", total) * batch
    warmup = given["lr_warmup_fraction"] * end if "lr_warmup_fraction" in given else given.get("lr_warmup_iters", 0) * batch
    given["global_batch_size"] = batch
    text = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items())
    if warmup >= end:
        with pytest.raises(ConfigError, match="Megatron asserts"):
            read_config(text, "megatron")
        return
    group = {"params": [], "max_lr": PEAK, "min_lr": given.get("min_lr", 0.0)}
    scheduler = cls(
        SimpleNamespace(param_groups=[group]), given.get("lr_warmup_init", 0.0), PEAK, given.get("min_lr", 0.0), warmup, end,
        given.get("lr_decay_style", "linear"), 0.0, 0.0, 1, "constant",
        wsd_decay_steps=given["lr_wsd_decay_iters"] * batch if "lr_wsd_decay_iters" in given else None,
        lr_wsd_decay_style=given.get("lr_wsd_decay_style", "exponential"),
    )  # fmt: skip
    lrs = []
    for _ in range(total):
        lrs.append(group["lr"])
        scheduler.step(batch)
    assume(max(lrs) > 0)
    agree(read_config(text, "megatron").lr, lrs)


@given(data=st.data())
@MANY
@pytest.mark.filterwarnings("ignore")
def test_torchtitan(data):
    torch = pytest.importorskip("torch")
    stubbed = ("spmd_types", "torchtitan.distributed", "torchtitan.components.checkpointer", "torchtitan.tools")
    cls = code("torchtitan.components.optimizer.lr_scheduler", *stubbed).LRSchedulersContainer
    total = data.draw(st.integers(2, 80))
    given = some({
        "warmup_steps": st.integers(0, 100), "total_steps": st.integers(total, 120), "decay_ratio": st.floats(0, 1),
        "decay_type": st.sampled_from(["linear", "sqrt", "cosine"]), "min_lr_factor": st.sampled_from([0.0, 0.1]),
    }, data.draw)  # fmt: skip
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler, lrs = cls.Config(**given).build(optimizers=[optimizer], training_steps=total), []
    for _ in range(total):
        lrs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    text = f"[optimizer]\nlr = {PEAK}\n[training]\nsteps = {total}\n[lr_scheduler]\n" + "\n".join(
        f"{k} = {json.dumps(v)}" for k, v in given.items()
    )
    agree(read_config(text, "torchtitan").lr, lrs)


@pytest.mark.parametrize(
    "kind", ["ConstantWithWarmup", "WSD", "LinearWithWarmup", "CosWithWarmup", "InvSqrtWithWarmup", "HalfCosWithWarmup"]
)
@given(data=st.data())
@settings(max_examples=25, deadline=None, derandomize=True)
@pytest.mark.filterwarnings("ignore")
def test_olmo_core(kind, data):
    pytest.importorskip("torch")
    stubbed = ("cached_path", "bettermap", "olmo_core.data", "olmo_core.distributed", "olmo_core.utils", "olmo_core.nn")
    module = code("olmo_core.optim.scheduler", *stubbed, version_of="ai2-olmo-core")
    total = data.draw(st.integers(2, 80))
    given = {"warmup": data.draw(st.integers(1, 40))} if data.draw(st.booleans()) else {"warmup_fraction": data.draw(st.floats(0.1, 0.5))}
    given |= some({"warmup_min_lr": st.sampled_from([0.0, 2e-5])}, data.draw)
    if kind == "WSD":
        counted = {"decay": data.draw(st.integers(1, 40)), "decay_fraction": None}
        given |= counted if data.draw(st.booleans()) else some({"decay_fraction": st.floats(0.05, 0.5)}, data.draw)
        given |= some({"decay_min_lr": st.sampled_from([0.0, 1e-5])}, data.draw)
    elif kind != "ConstantWithWarmup":
        given |= some(
            {"alpha_f": st.sampled_from([0.0, 0.2])} | ({} if kind.startswith("Inv") else {"t_max": st.integers(30, 120)}), data.draw
        )
    scheduler = getattr(module, kind)(**given)
    try:
        lrs = [scheduler.get_lr(PEAK, current, total) for current in range(1, total + 1)]
    except ZeroDivisionError:
        assume(False)
    assume(min(lrs) >= 0 and max(lrs) > 0)
    found = {"data_loader": {}, "trainer": {"max_duration": {"value": total, "unit": "steps"}}}
    found["train_module"] = {"optim": {"lr": PEAK}, "scheduler": given | {"_CLASS_": f"olmo_core.optim.scheduler.{kind}"}}
    agree(read_config(json.dumps(found), "olmo-core").lr, lrs)
    words = ", ".join(f"{name}={value!r}" for name, value in given.items())
    script = f"AdamWConfig(lr={PEAK})\nscheduler = optim.{kind}({words})\nTrainerConfig(max_duration=Duration.steps({total}))"
    agree(read_config(script, "olmo-core").lr, lrs)
