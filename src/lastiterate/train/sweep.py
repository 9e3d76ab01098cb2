"""Sweeps for the price of one run: models of one shape, with their own learning rates, weight decays and seeds, advance together.

Every weight gets a leading dimension M, products become batched products, and one update serves M runs: what a small model
wastes on launching operations is paid once; on a GPU the whole update is one captured graph. The runs keep their own logs,
checkpoints and cards, in the same format and places as runs trained alone, so that either kind may branch from the other.
Losses agree with theirs up to rounding.

Llama with AdamW on one device; other runs are trained alone.
"""

import hashlib
from itertools import compress
from pathlib import Path

import numpy as np
import torch

from lastiterate.train import checkpoint
from lastiterate.train.data import Dataset, windows_at
from lastiterate.train.device import set_up, to_device
from lastiterate.train.llama import StackedLlamaLoss
from lastiterate.train.log import LOGGED
from lastiterate.train.loop import FLUSH, Stopped, Trainer, checkpoint_name
from lastiterate.train.plan import Run

GRAPH_BLOCK = 100  # updates of a GPU between looks at the losses: bad ones, and signals


class Stack:
    """M runs of one group, advanced together. All weights lie in one buffer (M, P), and so do AdamW's moments."""

    def __init__(self, trainers: list[Trainer]):
        self.trainers = trainers
        first = trainers[0]
        self.shapes = [parameter.shape for parameter in first.parameters]
        self.sizes = [parameter.numel() for parameter in first.parameters]
        device = first.device
        self.flat, self.mean, self.square = (torch.zeros(len(trainers), sum(self.sizes), device=device) for _ in range(3))
        views = [part.view(len(trainers), *shape) for part, shape in zip(self.flat.split(self.sizes, 1), self.shapes, strict=True)]
        self.leaves = [view.detach().requires_grad_() for view in views]
        names = (name for name, _ in first.model.named_parameters())
        half = first.config["precision"] == "bfloat16"
        self.losses = self.forward = StackedLlamaLoss(first.model, dict(zip(names, self.leaves, strict=True)), half)
        self.step = self.adamw
        if first.config["compile"]:
            self.forward, self.step = (torch.compile(function, dynamic=False) for function in (self.losses.__call__, self.adamw))
        self.is_matrix = torch.cat([torch.full((size,), len(shape) >= 2) for size, shape in zip(self.sizes, self.shapes, strict=True)]).to(
            device
        )
        settings = [trainer.config["optimizers"][trainer.run.optimizer] for trainer in trainers]
        self.betas, self.eps = settings[0].get("betas", (0.9, 0.999)), settings[0].get("eps", 1e-8)
        self.decay = self.is_matrix * torch.tensor([[entry.get("weight_decay", 0.0)] for entry in settings], device=device)
        self.clip = first.config["clip_norm"]
        self.start_norm = torch.zeros(len(trainers), device=device)
        # What a block of updates is given and what it logs: one place for each, so that a captured graph finds it there.
        self.seeds = list(dict.fromkeys(trainer.run.seed for trainer in trainers))
        self.seed_of = torch.tensor([self.seeds.index(trainer.run.seed) for trainer in trainers], device=device)
        self.block = GRAPH_BLOCK if device.type == "cuda" else FLUSH
        self.windows = torch.zeros(len(self.seeds), self.block, *first.batches.at(1).shape, dtype=torch.int64, device=device)
        self.lr = torch.zeros(self.block, len(trainers), 1, dtype=torch.float64, device=device)
        self.corrections = torch.ones(self.block, 2, dtype=torch.float64, device=device)  # of the moments: 1 - beta_1^t, sqrt(1 - beta_2^t)
        self.logged = torch.zeros(self.block, len(trainers), len(LOGGED), device=device)
        self.at = torch.zeros(1, dtype=torch.int64, device=device)  # which of the block's updates is next
        self.graph = None

    def pull(self) -> None:
        """Take weights and moments from the trainers."""
        for number, trainer in enumerate(self.trainers):
            states = [trainer.optimizers[0].state.get(parameter, {}) for parameter in trainer.parameters]
            with torch.no_grad():
                self.flat[number] = torch.cat([parameter.flatten() for parameter in trainer.parameters])
            for name, into in (("exp_avg", self.mean), ("exp_avg_sq", self.square)):
                if states[0]:
                    into[number] = torch.cat([state[name].flatten() for state in states])
            self.start_norm[number] = trainer.start_norm

    def push(self, step: int) -> None:
        """Give weights and moments back to the trainers, as after update `step`."""
        for number, trainer in enumerate(self.trainers):
            parts = zip(
                trainer.parameters, *(buffer[number].split(self.sizes) for buffer in (self.flat, self.mean, self.square)), strict=True
            )
            for parameter, weight, mean, square in parts:
                with torch.no_grad():
                    parameter.copy_(weight.view_as(parameter))
                moments = {"exp_avg": mean.view_as(parameter).clone(), "exp_avg_sq": square.view_as(parameter).clone()}
                trainer.optimizers[0].state[parameter] = {"step": torch.tensor(float(step)), **moments}

    def updates(self, first: int, count: int) -> torch.Tensor:
        """Execute updates first, ..., first + count - 1 (1-based, at most `block`) of every run; what is logged, (count, M, 5)."""
        batches = {trainer.run.seed: trainer.batches for trainer in self.trainers}
        windows = np.stack([batches[seed].at(first, count) for seed in self.seeds])
        steps = np.arange(first, first + count)
        lr = np.stack([trainer.lr[first - 1 : first - 1 + count] for trainer in self.trainers], 1)
        beta_1, beta_2 = self.betas
        corrections = np.stack([1 - beta_1**steps, np.sqrt(1 - beta_2**steps)], 1)
        self.windows[:, :count].copy_(torch.from_numpy(windows).view(len(self.seeds), count, *self.windows.shape[2:]))
        self.lr[:count].copy_(torch.from_numpy(lr)[:, :, None])
        self.corrections[:count].copy_(torch.from_numpy(corrections))
        if self.flat.is_cuda and self.graph is None:
            self.capture()
        self.at.zero_()
        for _ in range(count):
            if self.graph:
                self.graph.replay()
            else:
                self.advance()
        return self.logged[:count]

    def capture(self) -> None:
        """Record `advance` as a CUDA graph, which launches all of its operations at once; weights and moments stay as they are."""
        buffers = (self.flat, self.mean, self.square)
        saved = [buffer.clone() for buffer in buffers]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # libraries set themselves up in their first calls, which a graph cannot hold
            for _ in range(3):
                self.at.zero_()
                self.advance()
        torch.cuda.current_stream().wait_stream(side)
        for buffer, values in zip(buffers, saved, strict=True):
            buffer.copy_(values)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.advance()

    def advance(self) -> None:
        """The update itself, number `at` of the block."""
        losses = self.forward(self.windows.index_select(1, self.at)[self.seed_of, 0])
        gradient = torch.cat([g.flatten(1) for g in torch.autograd.grad(losses.sum(), self.leaves)], 1)
        values = self.step(losses.detach(), gradient, self.lr.index_select(0, self.at)[0], self.corrections.index_select(0, self.at)[0])
        self.logged.index_copy_(0, self.at, values[None])
        self.at += 1

    @torch.no_grad()
    def adamw(self, losses: torch.Tensor, gradient: torch.Tensor, lr: torch.Tensor, corrections: torch.Tensor) -> torch.Tensor:
        """Clip gradients (M, P) and step as torch.optim's AdamW, each model with its own rates; what is logged of it, (M, 5)."""
        first, second = self.betas
        norm, norm_l1 = gradient.norm(dim=1), gradient.abs().sum(1)
        if self.clip:
            gradient = gradient * (self.clip / (norm + 1e-6)).clamp(max=1.0)[:, None]
        before = self.flat.clone()
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        denominator = self.square.sqrt().div_(corrections[1]).add_(self.eps)
        self.flat.mul_((1 - lr * self.decay).float())
        self.flat.sub_(self.mean / denominator * (lr / corrections[0]).float())
        size, moved, after = ((buffer * self.is_matrix).norm(dim=1) for buffer in (before, self.flat - before, self.flat))
        return torch.stack([losses, norm, norm_l1, after.square() / self.start_norm, moved / size], 1)

    @torch.no_grad()
    def validate(self, most: int | None = None) -> list[float]:
        """Validation loss of each run over the first `most` windows (over all by default)."""
        trainer = self.trainers[0]
        stream, context = trainer.dataset.validation, trainer.config["context"]
        count = (stream.size - 1) // context
        count = min(count, most or count)
        total = torch.zeros(len(self.trainers), dtype=torch.float64, device=trainer.device)
        for block in torch.arange(count).split(max(trainer.config["val_batch"] // len(self.trainers), 1)):
            windows = to_device(windows_at(stream, block.numpy(), context), trainer.device)
            total += self.losses(windows.expand(len(self.trainers), -1, -1)).double() * len(block)
        return (total / count).tolist()


def train_stack(runs: list[Run], config: dict, dataset: Dataset, folder: Path, stop=lambda: False) -> dict[str, dict]:
    """Train a group of `stacks` to its end, each run into its own folder; return the results by run.

    Starts, stops and resumes as `train_run` does; the checkpoint of the stack itself holds every run. A run that
    diverges is logged no further and has no effect on the others.
    """
    device = set_up(config)
    trainers = [Trainer(run, config, dataset, device) for run in runs]
    latest = folder / runs[0].run_id / f"stack_{stack_digest(runs)}.pt"
    if found := checkpoint.load_latest(latest, config["device"]):
        states, place = found
        starts = {trainer.resume_from(states.get(trainer.run.run_id), place) for trainer in trainers}
    else:
        starts = {trainer.resume(folder) for trainer in trainers}
    if len(starts) > 1:
        raise ValueError(f"the runs of a stack are at different updates {sorted(starts)}: finish those that were begun alone first")
    stack = Stack(trainers)
    stack.pull()
    _advance(stack, starts.pop(), folder, latest, stop)
    stack.push(runs[0].schedule.total_steps)
    results = {}
    for trainer, loss in zip(trainers, stack.validate(), strict=True):
        results[trainer.run.run_id] = result = trainer.result(loss)
        trainer.finish(result, folder, stack=len(trainers))
    checkpoint.remove_latest(latest)
    return results


def _stops(step: int, block: int, config: dict, branching: set[int]) -> list[int]:
    """Where updates after `step` may have to pause: the ends of blocks, validations, checkpoints of the stack and of branches."""
    return [step - step % every + every for every in (block, config["val_every"], config["checkpoint_every"])] + sorted(branching)


def stack_digest(runs: list[Run]) -> str:
    """Hex digest (8 characters) of which runs make up a stack."""
    return hashlib.sha256(" ".join(run.run_id for run in runs).encode()).hexdigest()[:8]


def _advance(stack: Stack, start: int, folder: Path, latest: Path, stop) -> None:
    """Updates start+1..T with logs, validation and checkpoints."""
    trainers, config = stack.trainers, stack.trainers[0].config
    total = trainers[0].run.schedule.total_steps
    branching = set().union(*(trainer.run.checkpoints for trainer in trainers))
    for trainer in trainers:
        trainer.log.start()
    step = start
    while step < total:
        alive = [not trainer.diverged for trainer in trainers]
        count = min([at for at in _stops(step, stack.block, config, branching) if at > step] + [total]) - step
        rows = stack.updates(step + 1, count).double().cpu().numpy()
        step += count
        for number in np.flatnonzero(alive):
            trainers[number].log.record(rows[:, number])
        saving = step % config["checkpoint_every"] == 0 and step < total
        validating = step % config["val_every"] == 0 or step == total
        stopping = stop()
        for trainer in compress(trainers, alive):
            trainer.look_for_divergence()
        losses = stack.validate(config["val_windows"]) if validating else ()
        for trainer, loss in zip(trainers, losses, strict=False):
            if not trainer.diverged:
                trainer.log.add_validation(step, loss)
        if saving or stopping or step in branching:
            stack.push(step)
        for trainer in trainers:
            if step in trainer.run.checkpoints and not trainer.diverged:
                trainer.save(folder / trainer.run.run_id / checkpoint_name(step), step)
        if saving or stopping:
            checkpoint.save_latest(latest, {trainer.run.run_id: trainer.state(step, with_log=True) for trainer in trainers})
        if stopping:
            raise Stopped(
                f"{len(trainers)} runs {trainers[0].run.schedule_name}: stopped after update {step} of {total}; run them again to go on"
            )
        for trainer in trainers:
            trainer.log.start()
