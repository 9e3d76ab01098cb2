"""Stacks of small models as one CUDA graph: models x tokens/s against separate runs, and whether their losses agree."""

import torch

from gpu_parts.bench import CONFIGS, Bench
from lastiterate.train.config import load_train_config
from lastiterate.train.data import load_dataset
from lastiterate.train.device import set_up
from lastiterate.train.loop import Trainer
from lastiterate.train.sweep import Stack

SIZES = (1, 8, 48, 128)


def run(bench: Bench) -> None:
    """Separate runs, agreement, then stacks of 1 to 128."""
    config = load_train_config(CONFIGS / "long.yaml") | {"device": bench.device}
    dataset = load_dataset(config["datasets"]["full"])
    device = set_up(config)
    tokens = config["context"] * config["batch_size"]
    rates = config["sweeps"][0]["base_lrs"]

    def trainers(models):
        return [
            Trainer(bench.run(config, 100_000, seed % 3, rates[seed % 8], run_id=str(seed)), config, dataset, device)
            for seed in range(models)
        ]

    few = trainers(8)
    stack, updates = Stack(few), 20 if bench.toy else 100
    stack.pull()
    together = torch.cat([stack.updates(first, stack.block)[:, :, 0].clone() for first in range(1, updates, stack.block)])
    alone = torch.stack([torch.stack([trainer.update(step)[0] for trainer in few]) for step in range(1, updates + 1)])
    bench.record("agreement", models=len(few), updates=updates, largest_difference=float((together - alone).abs().max()))
    seconds = bench.seconds(lambda number: few[0].update(updates + 1 + number), 5 if bench.toy else 200)
    bench.record("separate", models=1, milliseconds=1e3 * seconds, models_tokens_per_second=tokens / seconds)
    for models in SIZES[:2] if bench.toy else SIZES:
        milliseconds = 1e3 * seconds_per_update(bench, trainers(models))
        rate = 1e3 * models * tokens / milliseconds
        bench.record(f"stack of {models}", models=models, milliseconds=milliseconds, models_tokens_per_second=rate)


def seconds_per_update(bench: Bench, trainers: list[Trainer]) -> float:
    """Of a stack of these, after a first block of updates."""
    stack = Stack(trainers)
    stack.pull()
    stack.updates(1, stack.block)
    block = lambda number: stack.updates(1 + (1 + number) * stack.block, stack.block).cpu()
    return bench.seconds(block, 1 if bench.toy else 10) / stack.block
