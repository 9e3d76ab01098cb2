"""Trainers that call a Python function of the step: ``lr_factor`` of `pytorch` in the trainer's own wrapping.

``executed`` is then the schedule itself, in float64. Sources: Lightning-AI/pytorch-lightning (2.6.6), deepspeedai/DeepSpeed
deepspeed/runtime/engine.py (edaa722), mosaicml/composer composer/optim/scheduler.py (6405188), Lightning-AI/litgpt
litgpt/pretrain.py (2685705), huggingface/pytorch-image-models timm/scheduler/scheduler.py (aa4b585), KellerJordan/modded-nanogpt
train_gpt.py (f411b3d), keras-team/keras (3.15.1).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lastiterate.schedules.export import pytorch
from lastiterate.schedules.export.form import Form


@dataclass(frozen=True)
class Calls:
    """A trainer with a place for a function: the interface of the modules of `lastiterate.schedules.export`.

    `before` and `after` enclose ``lr_factor``, with {lr!r} and {total} for the peak and the number of updates; `note` is what to know.
    """

    TITLE: str
    VERSIONS: dict[str, Any]
    before: str
    after: str
    note: str
    ARITHMETIC: type = np.float64
    candidates = staticmethod(pytorch.candidates)
    limits = staticmethod(pytorch.limits)

    def executed(self, values: dict[str, Any], total_steps: int, dtype: DTypeLike = np.float64) -> np.ndarray:
        """Learning rates of updates 1..total_steps, shape (total_steps,): those of the phases, rounded to `dtype`."""
        return pytorch.executed(values, total_steps).astype(dtype).astype(np.float64)

    def notes(self, form: Form, values: dict[str, Any], version: str) -> list[str]:
        """What to know before using the settings."""
        return [self.note.format(lr=values["lr"])]

    def text(self, values: dict[str, Any]) -> str:
        """The settings as Python code."""
        total = sum(phase.steps for phase in values["phases"])
        parts = [self.before, pytorch.text(values).replace("; scheduler = LambdaLR(optimizer, lr_factor)", ""), self.after]
        return "\n\n\n".join(part for part in parts if part).replace("{lr!r}", repr(values["lr"])).replace("{total}", str(total))


deepspeed = Calls(
    "DeepSpeed",
    {"0.10": "lr_scheduler of deepspeed.initialize is a scheduler or a function that makes one"},
    "from torch.optim.lr_scheduler import LambdaLR",
    """def lr_scheduler(optimizer):
    \"\"\"For deepspeed.initialize(..., optimizer=..., lr_scheduler=lr_scheduler).\"\"\"
    return LambdaLR(optimizer, lr_factor)""",
    "give the optimiser lr={lr!r}, and leave the configuration's scheduler section out: its WarmupDecayLR executes 0 twice when its "
    "warmup starts at 0, warms up as a logarithm if warmup_type is left out, and knows no stable stretch",
)
lightning = Calls(
    "Lightning",
    {"2": "lr_scheduler configuration of configure_optimizers"},
    "import torch\nfrom torch.optim.lr_scheduler import LambdaLR",
    """def configure_optimizers(self):
    \"\"\"Of the LightningModule; any optimiser.\"\"\"
    optimizer = torch.optim.AdamW(self.parameters(), lr={lr!r})
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": LambdaLR(optimizer, lr_factor), "interval": "step"}}""",
    "interval is epoch if left out; the peak {lr!r} is the optimiser's lr",
)
composer = Calls(
    "Composer",
    {"0.20": "schedulers are functions of the state"},
    "",
    """def lr_schedule(state):
    \"\"\"For Trainer(schedulers=lr_schedule, ...).\"\"\"
    return lr_factor(state.timestamp.batch.value)""",
    "give the optimiser lr={lr!r}; the schedule is a function of the batch, so that scale_schedule_ratio must be left out, and "
    "step_schedulers_every_batch at its default",
)
litgpt = Calls(
    "LitGPT",
    {"0.5": "litgpt.pretrain.get_lr"},
    "import litgpt.pretrain",
    """ACCUMULATION = 1  # iterations of an update: global batch size / (micro batch size * devices)


def get_lr(learning_rate, it, warmup_iters, max_iters, min_lr):
    \"\"\"In the place of LitGPT's warmup and cosine.\"\"\"
    return learning_rate * lr_factor(it // ACCUMULATION)


litgpt.pretrain.get_lr = get_lr  # before litgpt.pretrain.setup(...)""",
    "the optimiser's lr is {lr!r}; LitGPT's own schedule is a cosine after a warmup from 0 in iterations, not updates: with "
    "accumulation G it executes iteration G t - 1 in update t",
)
timm = Calls(
    "timm",
    {"0.9": "Scheduler with t_in_epochs"},
    "from timm.scheduler.scheduler import Scheduler",
    """class LrSchedule(Scheduler):
    \"\"\"scheduler = LrSchedule(optimizer); scheduler.step_update(num_updates) after every update, as timm's train.py does.\"\"\"

    def __init__(self, optimizer):
        super().__init__(optimizer, "lr", t_in_epochs=False)
        self.update_groups(self._get_lr(0))

    def _get_lr(self, t):
        return [value * lr_factor(t) for value in self.base_values]""",
    "give the optimiser lr={lr!r}; timm's own schedulers count epochs, or updates of whole epochs with --sched-on-updates",
)
modded_nanogpt = Calls(
    "modded-nanogpt",
    {"2026": "get_lr of TrainingSchedule"},
    "",
    """TrainingSchedule.get_lr = lambda self, step: lr_factor(step)  # after the class; train_gpt_medium.py: get_lr = lr_factor""",
    "the factor multiplies the lr of every group ({lr!r} of them is the peak here); its own schedule is a stage's lr_mul and a "
    "linear cooldown to 0.15 over cooldown_frac, tied to the stages' batch sizes: scheduled plus extension iterations are the run",
)
keras = Calls(
    "Keras",
    {"3": "LearningRateSchedule"},
    "import keras\nimport numpy as np",
    """class LrSchedule(keras.optimizers.schedules.LearningRateSchedule):
    \"\"\"optimizer = keras.optimizers.AdamW(learning_rate=LrSchedule()).\"\"\"

    def __init__(self):
        self.lrs = np.array([{lr!r} * lr_factor(step) for step in range({total})], dtype="float32")

    def __call__(self, step):
        return keras.ops.take(self.lrs, keras.ops.minimum(keras.ops.cast(step, "int32"), {total} - 1))

    def get_config(self):
        return {}""",
    "a table: float32 rounds its learning rates and nothing else; register the class to load a saved optimiser",
    np.float32,
)
