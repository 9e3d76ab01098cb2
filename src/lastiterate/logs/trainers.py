"""What today's trainers write to W&B, TensorBoard and tables: their names, how they count, whose learning rate a row holds.

One entry for each trainer, all of them read in its own code at the commit named. Names are compared as they are written;
a pattern fits the whole name. In the row of logged step k
    losses and norms   were written after update ``k + step_shift``, or ``k + shifts[role]`` where one of them differs;
    the learning rate  is that of update ``k + lr_shift``; None where it depends on the version, and the data has to tell.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Trainer:
    """A trainer: which names give it away (all of `told_by`), which column is what, how its rows count, and where that was read."""

    name: str
    told_by: tuple[str, ...]
    columns: Mapping[str, str]
    step_shift: int
    lr_shift: int | None
    source: str
    shifts: Mapping[str, int] = field(default_factory=dict)
    says: str | None = None  # about its losses: what a person should know
    lr_from_0: bool = False  # its warm-up and linear decay are those of torch's LambdaLR, so that they tell whose LR a row holds

    @property
    def rule(self) -> str:
        """How its rows count, in words."""
        after = "step k is after update k" if self.step_shift == 0 else f"step k is after update k + {self.step_shift}"
        whose = {0: "its LR that of update k", 1: "its LR that of update k + 1", None: "whose LR it holds depends on the version"}
        return f"{after}, {whose[self.lr_shift]}"


TRAINERS = (
    Trainer(
        "torchtitan", ("loss_metrics/global_avg_loss",),
        {"train_loss": "loss_metrics/global_avg_loss", "val_loss": "validation_metrics/loss", "grad_norm": "grad_norm",
         "lr": "lr(/.+)?", "step": "_step|step"}, 0, 0,
        "pytorch/torchtitan b5bcd76: trainer.py takes the rates before lr_schedulers.step(); components/metrics.py",
    ),
    Trainer(
        "OLMo-core", ("train/CE loss",),
        {"train_loss": "train/CE loss", "val_loss": "eval/.+/CE loss", "grad_norm": "optim/total grad norm",
         "lr": r"optim/LR( \(group \d+\))?", "step": "_step|step"}, 0, 0,
        "allenai/OLMo-core fa6c501: train/train_module/transformer/train_module.py (optim_step sets the rate, records it, steps)",
    ),
    Trainer(
        "OLMo", ("optim/learning_rate_group0",),
        {"train_loss": "train/CrossEntropyLoss", "val_loss": "eval/.+/CrossEntropyLoss", "grad_norm": "optim/total_grad_norm",
         "lr": r"optim/learning_rate_group\d+", "step": "_step|step"}, 0, 0,
        "allenai/OLMo 59a53e3: olmo/train.py (global_step += 1, the rate is set, the update, the metrics)",
    ),
    Trainer(
        "Megatron-LM", ("lm loss", "learning-rate"),
        {"train_loss": "lm loss", "val_loss": "lm loss validation", "grad_norm": "grad-norm", "lr": "learning-rate",
         "step": "iteration|_step|step"}, 0, 1,
        "NVIDIA/Megatron-LM d98e8a6: training/training.py (train_step ends with opt_param_scheduler.step, training_log follows)",
    ),
    Trainer(
        "NeMo", ("reduced_train_loss",),
        {"train_loss": "reduced_train_loss", "val_loss": "val_loss", "grad_norm": "grad_norm", "lr": "lr",
         "step": "trainer/global_step|global_step|step"}, 1, 1,
        "NVIDIA/NeMo 8cfedd7: megatron_gpt_model.py (training_step logs the rate and the count before the update, through Lightning)",
    ),
    Trainer(
        "GPT-NeoX", ("train/lm_loss",),
        {"train_loss": "train/lm_loss", "val_loss": "(validation|valid)/lm_loss", "grad_norm": "train/grad_norm",
         "lr": "train/learning_rate", "step": "_step|step"}, 0, 1,
        "EleutherAI/gpt-neox ea7aefd: megatron/training.py (train_step steps the scheduler, then reads param_groups[0]['lr'])",
    ),
    Trainer(
        "levanter", ("train/loss", "optim/learning_rate"),
        {"train_loss": "train/loss", "val_loss": "eval/loss", "grad_norm": "grad/norm/total", "lr": "optim/learning_rate",
         "step": "global_step|_step|step"}, 1, 1,
        "stanford-crfm/levanter 9263f81: callbacks/_metrics.py, callbacks/_core.py (StepInfo.step is the 0-based step just done)",
    ),
    Trainer(
        "MaxText", ("learning/loss",),
        {"train_loss": "learning/loss", "val_loss": "eval(uation)?/avg_loss", "grad_norm": "learning/grad_norm",
         "lr": "learning/current_learning_rate", "step": "_step|step"}, 1, 1,
        "AI-Hypercomputer/maxtext e591f30: common/metric_logger.py (learning_rate_schedule(step) of the 0-based step)",
    ),
    Trainer(
        "nanotron", ("lm_loss", "iteration_step|consumed_tokens"),
        {"train_loss": "lm_loss", "val_loss": "validation_loss", "grad_norm": "grad_norm", "lr": "lr",
         "step": "iteration_step|_step|step"}, 0, 1,
        "huggingface/nanotron 2411b02: trainer.py (training_step ends with lr_scheduler.step, train_step_logs follows)",
    ),
    Trainer(
        "Composer (LLM Foundry)", ("loss/train/total",),
        {"train_loss": "loss/train/total", "val_loss": "metrics/eval/(.+/)?(Language)?CrossEntropy", "grad_norm": "l2_norm/grad/global",
         "lr": r"lr-\w+/group\d+", "step": "time/batch|_step|step"}, 1, 1,
        "mosaicml/composer 6405188: trainer/trainer.py (the loss is logged before the timestamp advances), callbacks/lr_monitor.py and "
        "optimizer_monitor.py (after it, and after the scheduler)",
        shifts={"val_loss": 0, "grad_norm": 0},
    ),
    Trainer(
        "nanochat", ("train/lrm",),
        {"train_loss": "train/loss", "grad_norm": "train/grad_norm", "step": "step|_step"}, 1, 1,
        "karpathy/nanochat 92d63d4: scripts/base_train.py (validation before update step + 1, the loss after it)",
        shifts={"val_loss": 0},
        says="train/loss is an exponential mean (0.9) of the losses, which lags behind them",
    ),
    Trainer(
        "LLaMA-Factory", ("current_steps", "learning_rate"),
        {"train_loss": "loss", "val_loss": "eval_loss", "lr": "learning_rate", "step": "current_steps"}, 0, 1,
        "hiyouga/LLaMA-Factory: the key is learning_rate to release 0.9.0, which takes transformers to 4.45, and lr from 0.9.1 on "
        "(train/callbacks.py of both)",
    ),
    Trainer(
        "LLaMA-Factory", ("current_steps",),
        {"train_loss": "loss", "val_loss": "eval_loss", "lr": "lr|learning_rate", "step": "current_steps"}, 0, None,
        "hiyouga/LLaMA-Factory ff6d4d1: train/callbacks.py (LogCallback copies the last row of Hugging Face's log_history)",
        lr_from_0=True,
    ),
    Trainer(
        "Hugging Face", ("train/global_step",),
        {"train_loss": "train/loss", "val_loss": "eval/loss", "grad_norm": "train/grad_norm", "lr": "train/learning_rate",
         "step": "train/global_step|step"}, 0, None,
        "huggingface/transformers 4.49.0 to 4.51.0: integrations, trainer.py; the row's own from 4.51 on",
        lr_from_0=True,
    ),
    Trainer(
        "Hugging Face", ("train/loss", "train/epoch", "train/learning_rate"),
        {"train_loss": "train/loss", "val_loss": "eval/loss", "grad_norm": "train/grad_norm", "lr": "train/learning_rate",
         "step": "train/global_step|step|_step"}, 0, None,
        "huggingface/transformers 4.49.0 to 4.51.0: integrations, trainer.py; the row's own from 4.51 on",
        lr_from_0=True,
    ),
    Trainer(
        "detectron2", ("total_loss", "iteration", "data_time|eta_seconds"),
        {"train_loss": "total_loss", "lr": "lr", "step": "iteration"}, 1, 1,
        "facebookresearch/detectron2 02b5c4e: engine/hooks.py (LRScheduler records the rate, then steps), utils/events.py (0-based)",
    ),
    Trainer(
        "mmengine", ("data_time", "time", "iter", "step", "loss"),
        {"train_loss": "loss", "lr": "lr|base_lr", "grad_norm": "grad_norm", "step": "iter|step"}, 0, 0,
        "open-mmlab/mmengine 2543429: hooks/runtime_info_hook.py (the rate before the iteration), hooks/logger_hook.py (counts from 1)",
    ),
    Trainer(
        "nanoGPT", ("iter", "train/loss", "val/loss"),
        {"train_loss": "train/loss", "val_loss": "val/loss", "lr": "lr", "step": "iter"}, 0, 1,
        "karpathy/nanoGPT 3adf61e: train.py (evaluation before update iter + 1, whose rate is set already)",
    ),
    Trainer(
        "Lightning", ("trainer/global_step",),
        {"step": "trainer/global_step"}, 1, 1,
        "Lightning-AI/pytorch-lightning 7f0c343: loops/training_epoch_loop.py, callbacks/lr_monitor.py; loggers get the 0-based count",
    ),
)  # fmt: skip


def trainer_of(names: Iterable[str]) -> Trainer | None:
    """The first trainer whose names are all there.

    >>> trainer_of(["_step", "lm loss", "learning-rate"]).name
    'Megatron-LM'
    """
    names = list(names)
    return next((t for t in TRAINERS if all(any(re.fullmatch(pattern, name) for name in names) for pattern in t.told_by)), None)
