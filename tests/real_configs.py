"""Configurations, made up, in the forms of public ones: (trainer, text, steps, updates, learning rates of some of them by hand)."""

NANOTRON = """
optimizer:
  accumulate_grad_in_fp32: true
  learning_rate_scheduler:
    learning_rate: 0.0004
    lr_decay_steps: 8
    lr_decay_style: linear
    lr_warmup_steps: 2
    lr_warmup_style: linear
    min_decay_lr: 1.0e-05
tokens:
  train_steps: 40
"""

MEGATRON = """#!/bin/bash
# --lr 9.0 is not read
LR=${1:-"2e-3"}
ITERS=50
MIN="1.0e-4"
TRAINING_ARGS=(
    --train-iters ${ITERS}
    --lr 2e-3   # the peak
    --lr-decay-style cosine
    --min-lr $MIN
    --lr-warmup-fraction .1
    --lr-decay-iters 40
    --no-async-tensor-model-parallel-allreduce
    --clip-grad 1.0
)
torchrun pretrain.py ${TRAINING_ARGS[@]}
"""

MEGATRON_SAMPLES = """python pretrain.py \\
  --train-samples 1000 --global-batch-size 10 --lr 1e-3 --lr-warmup-samples 100 --lr-decay-samples 1000 \\
  --lr-decay-style WSD --lr-wsd-decay-style minus_sqrt --lr-wsd-decay-samples 200 --lr-warmup-init 1e-4"""

MEGATRON_YAML = """
ENV_VARS: {A: 1}
MODEL_ARGS:
  --train-iters: 50
  --lr: 0.00015
  --min-lr: 1.0e-5
  --lr-decay-style: linear
  --lr-warmup-iters: 5
"""

TORCHTITAN = """
[job]
description = "a run"
[optimizer]
name = "AdamW"
lr = 3e-4
[lr_scheduler]
warmup_steps = 4  # lr scheduler warm up
decay_ratio = 0.25
decay_type = "sqrt"
min_lr_factor = 0.1
[training]
steps = 40
"""

TORCHTITAN_FLAGS = """torchrun train.py --optimizer.param_groups.0.optimizer_kwargs.lr 3e-4 --lr_scheduler.warmup_steps=4 \\
 --training.steps=40"""

OLMO_CORE = """
SEQUENCE_LENGTH = 4096
GLOBAL_BATCH_SIZE = 512 * SEQUENCE_LENGTH
STEPS = int(2e1) + 5
loader = LoaderConfig(global_batch_size=GLOBAL_BATCH_SIZE, seed=34521)
module = ModuleConfig(
    optim=SkipStepAdamWConfig(lr=4e-4, group_overrides=[Group(params=["a"], opts=dict(weight_decay=0.0))]),
    scheduler=optim.CosWithWarmup(warmup_steps=5),
)
trainer = TrainerConfig(max_duration=Duration.tokens(STEPS * GLOBAL_BATCH_SIZE), hard_stop=Duration.steps(20))
"""

OLMO_CORE_JSON = """{"data_loader": {"global_batch_size": 100, "_CLASS_": "x.NumpyDataLoaderConfig"},
"train_module": {"optim": {"lr": 0.001, "_CLASS_": "olmo_core.optim.adamw.AdamWConfig"},
 "scheduler": {"warmup": 4, "decay": 10, "decay_fraction": null, "decay_min_lr": 0.0, "_CLASS_": "olmo_core.optim.scheduler.WSD"}},
"trainer": {"max_duration": {"value": 2950, "unit": "tokens", "_CLASS_": "olmo_core.train.common.Duration"}}}"""

MAXTEXT = """
base_config: base.yml
base_emb_dim: 64
steps: 100
learning_rate: 2.0e-4
warmup_steps_fraction: 0.1
cosine_learning_rate_final_fraction: 0.1
"""

AXOLOTL = """
base_model: made/up
datasets: [{path: a}]
micro_batch_size: 2
num_epochs: 3
learning_rate: 2e-4
lr_scheduler: cosine
cosine_min_lr_ratio: 0.1
"""

LLAMAFACTORY = """
model_name_or_path: made/up
stage: sft
finetuning_type: lora
learning_rate: 1.0e-4
lr_scheduler_type: warmup_stable_decay
warmup_ratio: 0.1
max_steps: 100
"""

LEVANTER = """
trainer:
  num_train_steps: 200
optimizer:
  learning_rate: 6E-4
  warmup: 0.05
  min_lr_ratio: 0.1
"""

CARD = """
### Training hyperparameters

The following hyperparameters were used during training:
- learning_rate: 1e-05
- train_batch_size: 16
- optimizer: Adam with betas=(0.9,0.999) and epsilon=1e-08
- lr_scheduler_type: linear
- lr_scheduler_warmup_steps: 5
- training_steps: 45
"""

WANDB = """
max_steps: {desc: null, value: 100}
learning_rate:
  desc: Initial learning rate
  value: 1.0e-4
lr_scheduler_type: {desc: null, value: cosine}
per_device_train_batch_size: {value: 4}
warmup_ratio: {value: 0.1}
"""

SCRIPT = """
python run_clm.py --model_name_or_path gpt2 \\
    --learning_rate 5e-5 --lr_scheduler_type=cosine --warmup_ratio 0.1 --max_steps 100 --bf16
"""

PYTHON = """
from transformers import TrainingArguments
STEPS = 100
args = TrainingArguments(
    output_dir="x", learning_rate=2e-5, max_steps=STEPS, lr_scheduler_type="cosine_with_min_lr", lr_scheduler_kwargs={"min_lr": 2e-6},
    warmup_steps=STEPS // 10,
)
"""

TRL = """
from trl import SFTConfig
args = SFTConfig(output_dir="x", learning_rate=2e-4, max_steps=60, lr_scheduler_type="constant_with_warmup", warmup_ratio=0.1)
"""

CONFIGS = {
    "trl": ("trl", TRL, None, 60, {1: 0.0, 4: 1e-4, 7: 2e-4, 60: 2e-4}),
    "nanotron": ("nanotron", NANOTRON, None, 40, {1: 0.0, 2: 2e-4, 3: 4e-4, 7: 2.05e-4, 11: 1e-5, 40: 1e-5}),
    "megatron script": ("megatron", MEGATRON, None, 50, {1: 0.0, 3: 1e-3, 5: 2e-3, 23: 1.05e-3, 41: 1e-4, 50: 1e-4}),
    "megatron samples": ("megatron", MEGATRON_SAMPLES, None, 100, {1: 1e-4, 11: 1e-3, 81: 1e-3, 86: 5e-4}),
    "megatron yaml": ("megatron", MEGATRON_YAML, None, 50, {1: 0.0, 6: 1.5e-4, 50: 1e-5 + 1.4e-4 / 45}),
    "torchtitan": ("torchtitan", TORCHTITAN, None, 40, {1: 7.5e-5, 4: 3e-4, 31: 3e-4, 40: 3e-4 * (1 - 0.9 * 0.9**0.5)}),
    "torchtitan flags": ("torchtitan", TORCHTITAN_FLAGS, None, 40, {1: 7.5e-5, 5: 3e-4, 40: 3e-4 / 36}),
    "olmo-core": ("olmo-core", OLMO_CORE, None, 20, {1: 8e-5, 5: 4e-4, 15: 2.2e-4}),
    "olmo-core json": ("olmo-core", OLMO_CORE_JSON, None, 30, {1: 2.5e-4, 4: 1e-3, 20: 1e-3, 21: 9e-4, 30: 0.0}),
    "maxtext": ("maxtext", MAXTEXT, None, 100, {1: 0.0, 11: 2e-4, 100: 2e-5}),
    "axolotl": ("axolotl", AXOLOTL, 1000, 1000, {1: 0.0, 31: 2e-4, 516: 1.1e-4}),
    "llama-factory": ("llama-factory", LLAMAFACTORY, None, 100, {1: 0.0, 11: 1e-4, 41: 1e-4, 71: 5e-5}),
    "levanter": ("levanter", LEVANTER, None, 200, {1: 0.0, 11: 6e-4, 106: 3.3e-4}),
    "hf card": ("hf", CARD, None, 45, {1: 0.0, 6: 1e-5, 26: 5e-6, 45: 2.5e-7}),
    "hf wandb": ("hf", WANDB, None, 100, {1: 0.0, 11: 1e-4, 56: 5e-5}),
    "hf script": ("hf", SCRIPT, None, 100, {1: 0.0, 11: 5e-5, 56: 2.5e-5}),
    "hf python": ("hf", PYTHON, None, 100, {1: 0.0, 11: 2e-5, 56: 1.1e-5}),
}
