"""What each trainer's own code makes of exported settings: text in the trainer's format -> learning rates of updates 1..T.

Every function parses the text with the trainer's own parser where it has one, and steps the trainer's own scheduler."""

import os
import shlex
import sys
import warnings
from dataclasses import dataclass, make_dataclass
from functools import partial
from importlib import metadata
from tempfile import mkdtemp
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import yaml

from trainer_code import code
from trainer_rules import read_flags

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("DISABLE_VERSION_CHECK", "1")


def stepped(optimizer, scheduler, total_steps):
    """The learning rate of each update."""
    lrs = []
    for _ in range(total_steps):
        lrs.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return lrs


def sgd(lr):
    torch = pytest.importorskip("torch")
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def by_transformers(arguments, total_steps):
    """As `Trainer.create_scheduler` does, from real TrainingArguments."""
    transformers = pytest.importorskip("transformers")
    assert arguments.max_steps == total_steps
    optimizer = sgd(arguments.learning_rate)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Both num_training_steps and num_stable_steps")
        scheduler = transformers.get_scheduler(
            arguments.lr_scheduler_type,
            optimizer,
            arguments.get_warmup_steps(total_steps),
            total_steps,
            scheduler_specific_kwargs=arguments.lr_scheduler_kwargs or {},
        )
    return stepped(optimizer, scheduler, total_steps)


def arguments_of(cls):
    """The class of the arguments, for a machine without an accelerator; its own warnings of what will be renamed are not ours."""

    def make(**values):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return cls(output_dir=mkdtemp(), use_cpu=True, report_to="none", **values)

    return make


def hf(text, total_steps):
    transformers, _ = pytest.importorskip("transformers"), pytest.importorskip("accelerate")
    found = eval(text, {"TrainingArguments": arguments_of(transformers.TrainingArguments)})
    return by_transformers(found, total_steps)


def trl(text, total_steps):
    pytest.importorskip("accelerate")
    cls = code("trl.trainer.sft_config", whole=True).SFTConfig
    return by_transformers(eval(text, {"SFTConfig": partial(arguments_of(cls), bf16=False)}), total_steps)


def llama_factory(text, total_steps):
    transformers, _ = pytest.importorskip("transformers"), pytest.importorskip("accelerate")
    stubbed = ("peft", "trl", "datasets", "galore_torch", "apollo_torch", "badam", "ray", "llamafactory")
    module = code("llamafactory.train.trainer_utils", *stubbed)
    values = yaml.safe_load(text) | {"output_dir": mkdtemp(), "use_cpu": True, "report_to": "none"}
    (found,) = transformers.HfArgumentParser(transformers.TrainingArguments).parse_dict(values)
    module.create_custom_scheduler(found, total_steps, None)
    return by_transformers(found, total_steps)


def axolotl(text, total_steps):
    transformers, _ = pytest.importorskip("transformers"), pytest.importorskip("accelerate")
    schema = code("axolotl.utils.schemas.training").HyperparametersConfig
    builder = code("axolotl.core.builders.base", "axolotl", "datasets", "peft", "trl").TrainerBuilderBase
    read = yaml.safe_load(text)
    config = schema(**{name: value for name, value in read.items() if name in schema.model_fields})
    left = {name: value for name, value in read.items() if name not in schema.model_fields}
    fields = {"warmup_ratio": None, "logging_steps": None, "max_steps": None, "warmup_steps": None}
    trainer, made = SimpleNamespace(cfg=SimpleNamespace(**fields | config.model_dump() | left)), {}
    builder._configure_warmup_and_logging(trainer, total_steps, made)
    builder._configure_scheduler(trainer, made)
    names = ("warmup_steps", "lr_scheduler_type", "lr_scheduler_kwargs")
    values = {name: made[name] for name in names} | {"learning_rate": config.learning_rate, "max_steps": read["max_steps"]}
    return by_transformers(arguments_of(transformers.TrainingArguments)(**values), total_steps)


def megatron_scheduler(a, total_steps, batch=48):
    cls = code("megatron.core.optimizer_param_scheduler", "megatron.core.utils", version_of="megatron-core").OptimizerParamScheduler
    assert a["train_iters"] == total_steps
    optimizer = sgd(a["lr"])
    scheduler = cls(
        optimizer,
        init_lr=a["lr_warmup_init"],
        max_lr=a["lr"],
        min_lr=a["min_lr"],
        lr_warmup_steps=a["lr_warmup_iters"] * batch,
        lr_decay_steps=a["lr_decay_iters"] * batch,
        lr_decay_style=a["lr_decay_style"],
        start_wd=0.1,
        end_wd=0.1,
        wd_incr_steps=total_steps * batch,
        wd_incr_style="constant",
        wsd_decay_steps=a["lr_wsd_decay_iters"] * batch if a.get("lr_wsd_decay_iters") else None,
        lr_wsd_decay_style=a.get("lr_wsd_decay_style"),
    )
    return stepped(optimizer, SimpleNamespace(step=lambda: scheduler.step(batch)), total_steps)


def megatron(text, total_steps):
    return megatron_scheduler(read_flags(text), total_steps)


def megatron_bridge(text, total_steps):
    module = code("megatron.bridge.training.config", "megatron.bridge", "megatron.core", version_of="megatron-bridge")
    cfg = SimpleNamespace(train=SimpleNamespace(), optimizer=SimpleNamespace(), scheduler=None)
    exec(text, {"cfg": cfg, "SchedulerConfig": module.SchedulerConfig})
    cfg.scheduler.finalize()
    return megatron_scheduler(vars(cfg.scheduler) | vars(cfg.optimizer) | vars(cfg.train), total_steps)


def torchtitan(text, total_steps):
    stubbed = ("spmd_types", "torchtitan.distributed", "torchtitan.components.checkpointer", "torchtitan.tools")
    schedulers = code("torchtitan.components.optimizer.lr_scheduler", *stubbed)
    optimizers = code("torchtitan.components.optimizer.optimizer", *stubbed)
    config, manager = code("torchtitan.config", whole=True), code("torchtitan.config.manager", whole=True)
    parts = {
        "optimizer": optimizers.OptimizersContainer.Config,
        "lr_scheduler": schedulers.LRSchedulersContainer.Config,
        "training": config.TrainingConfig,
        "hf_assets_path": str,
    }
    jobs = ModuleType("lastiterate_jobs")
    jobs.Job = make_dataclass("Job", parts.items())
    jobs.Job.__module__ = __name__
    jobs.job = lambda: jobs.Job(
        optimizers.default_adamw(1e-3), schedulers.LRSchedulersContainer.Config(), config.TrainingConfig(), os.curdir
    )
    sys.modules[jobs.__name__] = jobs
    try:
        words = shlex.split(text.replace("\\\n", " "))
        job = manager.ConfigManager().parse_args(["--module", jobs.__name__, "--config", "job", *words])
    finally:
        del sys.modules[jobs.__name__]
    assert job.training.steps == total_steps
    optimizer = sgd(job.optimizer.param_groups[0].optimizer_kwargs["lr"])
    return stepped(optimizer, job.lr_scheduler.build(optimizers=[optimizer], training_steps=total_steps), total_steps)


def olmo_core(text, total_steps):
    stubbed = ("cached_path", "bettermap", "olmo_core.data", "olmo_core.distributed", "olmo_core.utils", "olmo_core.nn")
    module = code("olmo_core.optim.scheduler", *stubbed, version_of="ai2-olmo-core")
    space = dict(vars(module)) | {"AdamWConfig": SimpleNamespace, "TrainerConfig": SimpleNamespace}
    exec(text, space | {"Duration": SimpleNamespace(steps=int)}, made := {})
    last, group = made["trainer"].max_duration, {"lr": made["optim"].lr}
    assert getattr(made["trainer"], "hard_stop", last) == total_steps <= last
    lrs = []
    for step in range(1, total_steps + 1):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*ignores 't_max'")
            lrs.append(made["scheduler"].set_lr(group, SimpleNamespace(global_step=step, max_steps=last)))
        assert group["lr"] == lrs[-1]
    return lrs


def nanotron(text, total_steps):
    build = code("nanotron.helpers", "nanotron", "dacite").lr_scheduler_builder
    config = yaml.safe_load(text)
    optimizer = sgd(config["optimizer"]["learning_rate_scheduler"]["learning_rate"])
    optimizer.get_base_optimizer = lambda: optimizer
    assert config["tokens"]["train_steps"] == total_steps
    scheduler = build(optimizer, SimpleNamespace(**config["optimizer"]["learning_rate_scheduler"]), total_steps)
    return stepped(optimizer, scheduler, total_steps)


def optax(text, total_steps):
    """In float64, to compare with the rule; `test_export_trainers` runs float32 too."""
    jax, _ = pytest.importorskip("jax"), pytest.importorskip("optax")
    exec(text, space := {})
    with jax.enable_x64(True):
        counts = np.arange(total_steps)
        return np.broadcast_to(np.asarray(space["lr_schedule"]()(counts), dtype=np.float64), (total_steps,))


def pytorch(text, total_steps):
    torch = pytest.importorskip("torch")
    exec(text, space := {})
    optimizer = sgd(1.0)
    return stepped(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, space["lr_factor"]), total_steps)


def lightning(text, total_steps):
    """The configuration as Lightning reads it, and its scheduler stepped as often as interval says."""
    torch = pytest.importorskip("torch")
    module = code("lightning.pytorch", "torchmetrics", whole=True)
    configuration = code("lightning.pytorch.core.optimizer", "torchmetrics", whole=True)
    exec(text, space := {})
    layer = torch.nn.Linear(1, 1)
    assert issubclass(module.LightningModule, torch.nn.Module)
    optimizers, schedulers, _ = configuration._configure_optimizers(space["configure_optimizers"](layer))
    (read,) = configuration._configure_schedulers_automatic_opt(schedulers, None)
    assert (read.interval, read.frequency) == ("step", 1)
    return stepped(optimizers[0], read.scheduler, total_steps)


COMPOSER = ("torchvision", "cpuinfo", "torchmetrics", "coolname", "tabulate", "importlib_metadata", "mcli")


def composer(text, total_steps):
    module = code("composer.optim.scheduler", *COMPOSER, version_of="mosaicml", whole=True)
    exec(text, space := {})
    optimizer, state = sgd(1.0), SimpleNamespace(max_duration=module.Time(total_steps, "ba"))
    state.optimizers, state.timestamp = [optimizer], SimpleNamespace(batch=module.Time(0, "ba"))
    scheduler = module.compile_composer_scheduler(space["lr_schedule"], state)

    def step():
        state.timestamp.batch += 1
        scheduler.step()

    return stepped(optimizer, SimpleNamespace(step=step), total_steps)


def llm_foundry(text, total_steps):
    module = code("composer.optim.scheduler", *COMPOSER, version_of="mosaicml", whole=True)
    own = code("llmfoundry.optim.scheduler", "llmfoundry.utils", version_of="llm-foundry")
    config = yaml.safe_load(text)
    kinds = {
        "constant_with_warmup": module.ConstantWithWarmupScheduler,
        "cosine_with_warmup": module.CosineAnnealingWithWarmupScheduler,
        "linear_decay_with_warmup": module.LinearWithWarmupScheduler,
        "inv_sqrt_with_warmup": own.InverseSquareRootWithWarmupScheduler,
    }
    scheduler = kinds[config["scheduler"].pop("name")](**config["scheduler"])
    timestamp = code("composer.core.time", *COMPOSER, version_of="mosaicml", whole=True).Timestamp
    state = SimpleNamespace(max_duration=module.Time.from_timestring(config["max_duration"]), dataloader_len=None)
    lrs = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*The warmup duration is 0")
        for batch in range(total_steps):
            state.timestamp = timestamp(batch=batch)
            lrs.append(config["optimizer"]["lr"] * scheduler(state))
    return lrs


def litgpt(text, total_steps):
    module = code("litgpt.pretrain", "lightning", "torchmetrics", "litgpt")
    own = module.get_lr
    package = ModuleType("litgpt")
    package.pretrain = module
    sys.modules |= {"litgpt": package, "litgpt.pretrain": module}
    try:
        exec(text, {})
        assert module.get_lr is not own
        return [module.get_lr(1.0, it, 7, total_steps, 0.1) for it in range(total_steps)]
    finally:
        module.get_lr = own
        del sys.modules["litgpt"], sys.modules["litgpt.pretrain"]


def timm(text, total_steps):
    module = code("timm.scheduler.scheduler", "torchvision")
    exec(text.replace("from timm.scheduler.scheduler import Scheduler", ""), space := {"Scheduler": module.Scheduler})
    optimizer, updates = sgd(1.0), iter(range(1, total_steps + 1))
    scheduler = space["LrSchedule"](optimizer)
    return stepped(optimizer, SimpleNamespace(step=lambda: scheduler.step_update(next(updates))), total_steps)


def keras(text, total_steps):
    os.environ.setdefault("KERAS_HOME", mkdtemp())
    pytest.importorskip("jax")
    sys.modules["keras"] = code("keras", whole=True)
    exec(text, space := {})
    optimizer = sys.modules["keras"].optimizers.SGD(learning_rate=space["LrSchedule"]())
    lrs = []
    for step in range(total_steps):
        optimizer.iterations.assign(step)
        lrs.append(float(optimizer._get_current_learning_rate()))
    return lrs


@dataclass(frozen=True)
class Own:
    """How a trainer's code is run: the function, its distribution, and the release's date (docs/trainers.md)."""

    run: object
    distribution: str
    date: str
    scaled: bool = False  # the function knows no peak: its learning rates are factors
    version: str | None = None  # of the settings

    @property
    def release(self):
        return metadata.version(self.distribution).partition("+")[0]


OWN = {
    "hf": Own(hf, "transformers", "2026-11-13"),
    "megatron": Own(megatron, "megatron-core", "2026-03-16"),
    "torchtitan": Own(torchtitan, "torchtitan", "2026-09-03"),
    "olmo-core": Own(olmo_core, "ai2-olmo-core", "2026-10-01"),
    "nanotron": Own(nanotron, "nanotron", "2024-03-04", version="0.4"),
    "optax": Own(optax, "optax", "2026-03-20"),
    "pytorch": Own(pytorch, "torch", "2026-07-08", scaled=True),
    "megatron-bridge": Own(megatron_bridge, "megatron-bridge", "2026-03-20", version="0.3"),
    "trl": Own(trl, "trl", "2026-10-15"),
    "axolotl": Own(axolotl, "axolotl", "2026-09-10"),
    "llama-factory": Own(llama_factory, "llamafactory", "2026-05-30"),
    "llm-foundry": Own(llm_foundry, "llm-foundry", "2025-07-29"),
    "composer": Own(composer, "mosaicml", "2025-07-26", scaled=True),
    "lightning": Own(lightning, "lightning", "2026-09-10"),
    "litgpt": Own(litgpt, "litgpt", "2026-06-29", scaled=True),
    "timm": Own(timm, "timm", "2026-11-03", scaled=True),
    "keras": Own(keras, "keras", "2026-07-29"),
}
