"""Sweeps for the price of one run: models of one shape, with their own learning rates and seeds, advance together.

Every weight gets a leading dimension M, products become batched products, and one update serves M runs: what a small model
wastes on launching operations is paid once; on a GPU the whole update is one captured graph. The runs keep their own logs,
checkpoints and cards, in the same format and places as runs trained alone, so that either kind may branch from the other.
Losses agree with theirs up to rounding.

Llama with AdamW on one device; other runs are trained alone.
"""

import hashlib
from itertools import compress
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy, embedding, scaled_dot_product_attention, silu

from lastiterate.train.data import Dataset, windows_at
from lastiterate.train.loop import FLUSH, Stopped, Trainer, checkpoint_name
from lastiterate.train.plan import Run
from lastiterate.workflow.files import replacing


class StackedLlama:
    """The forward pass of M Llamas; `weights` maps the names of transformers' state dict to tensors (M, ...)."""

    def __init__(self, model: torch.nn.Module, weights: dict[str, torch.Tensor]):
        self.config, self.weights = model.config, weights
        self.eps = model.config.rms_norm_eps
        self.heads, self.kv_heads = model.config.num_attention_heads, model.config.num_key_value_heads
        self.head_dim = model.config.hidden_size // self.heads
        positions = torch.arange(model.config.max_position_embeddings, device=model.device)[None]
        self.cos, self.sin = (part[0].detach() for part in model.model.rotary_emb(model.get_input_embeddings().weight, positions))

    def losses(self, windows: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of each model over its own windows, integers (M, B, context + 1); shape (M,)."""
        logits = self.logits(windows[:, :, :-1])
        entropy = cross_entropy(logits.flatten(0, -2), windows[:, :, 1:].flatten(), reduction="none")
        return entropy.view(len(windows), -1).mean(1)

    def logits(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits (M, B, context, vocabulary)."""
        table = self.weights["model.embed_tokens.weight"]
        models, size, width = table.shape
        shift = size * torch.arange(models, device=tokens.device)[:, None, None]
        x = embedding(tokens + shift, table.reshape(models * size, width))
        for number in range(self.config.num_hidden_layers):
            x = self.layer(x, f"model.layers.{number}.")
        head = "model.embed_tokens.weight" if self.config.tie_word_embeddings else "lm_head.weight"
        return self.linear(self.norm(x, "model.norm.weight"), head)

    def layer(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """One transformer layer."""
        models, batch, context, _ = x.shape
        normed = self.norm(x, name + "input_layernorm.weight")
        split = lambda part, heads: (
            self.linear(normed, f"{name}self_attn.{part}_proj.weight").view(models * batch, context, heads, -1).transpose(1, 2)
        )
        q, k, v = split("q", self.heads), split("k", self.kv_heads), split("v", self.kv_heads)
        mixed = scaled_dot_product_attention(self.rotate(q), self.rotate(k), v, is_causal=True, enable_gqa=self.heads != self.kv_heads)
        x = x + self.linear(mixed.transpose(1, 2).reshape(models, batch, context, -1), name + "self_attn.o_proj.weight")
        normed = self.norm(x, name + "post_attention_layernorm.weight")
        gate, up = (self.linear(normed, f"{name}mlp.{part}_proj.weight") for part in ("gate", "up"))
        return x + self.linear(silu(gate) * up, name + "mlp.down_proj.weight")

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Each model's own matrix product: x (M, B, context, in), weight (M, out, in)."""
        models, batch, context, _ = x.shape
        return torch.bmm(x.flatten(1, 2), self.weights[name].transpose(1, 2)).view(models, batch, context, -1)

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Root-mean-square normalisation."""
        return self.weights[name][:, None, None] * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps))

    def rotate(self, x: torch.Tensor) -> torch.Tensor:
        """Rotary position embedding of queries or keys (., heads, context, head_dim)."""
        context = x.shape[-2]
        first, second = x.chunk(2, dim=-1)
        return x * self.cos[:context] + torch.cat([-second, first], dim=-1) * self.sin[:context]


class Stack:
    """M runs of one group, advanced together. All weights lie in one buffer (M, P), and so do AdamW's moments."""

    def __init__(self, trainers: list[Trainer]):
        self.trainers = trainers
        first = trainers[0]
        self.names = [name for name, _ in first.model.named_parameters()]
        self.shapes = [parameter.shape for parameter in first.parameters]
        self.sizes = [parameter.numel() for parameter in first.parameters]
        device = first.device
        self.flat, self.mean, self.square = (torch.zeros(len(trainers), sum(self.sizes), device=device) for _ in range(3))
        views = [part.view(len(trainers), *shape) for part, shape in zip(self.flat.split(self.sizes, 1), self.shapes, strict=True)]
        self.leaves = [view.detach().requires_grad_() for view in views]
        self.model = StackedLlama(first.model, dict(zip(self.names, self.leaves, strict=True)))
        self.is_matrix = torch.cat([torch.full((size,), len(shape) >= 2) for size, shape in zip(self.sizes, self.shapes, strict=True)]).to(
            device
        )
        settings = {"lr": 0.0, "betas": (0.9, 0.999), "eps": 1e-8, **first.config["optimizers"][first.run.optimizer]}
        self.betas, self.eps = settings["betas"], settings["eps"]
        self.decay = self.is_matrix * settings.get("weight_decay", 0.0)
        self.clip = first.config["clip_norm"]
        self.start_norm = torch.zeros(len(trainers), device=device)
        # What an update is given: one place for each, so that a captured graph finds it there.
        self.windows = torch.zeros(len(trainers), *first.batches.at(1).shape, dtype=torch.int64, device=device)
        self.lr = torch.zeros(len(trainers), 1, dtype=torch.float64, device=device)
        self.corrections = torch.ones(2, dtype=torch.float64, device=device)  # of the moments: 1 - beta_1^t, sqrt(1 - beta_2^t)
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

    def update(self, step: int) -> torch.Tensor:
        """Execute update `step` (1-based) of every run; what is logged of each, shape (M, 5)."""
        rows = {trainer.run.seed: trainer.batches.at(step) for trainer in {t.run.seed: t for t in self.trainers}.values()}
        self.windows.copy_(torch.stack([torch.from_numpy(rows[trainer.run.seed]) for trainer in self.trainers]))
        self.lr.copy_(torch.tensor([[trainer.lr[step - 1]] for trainer in self.trainers], dtype=torch.float64))
        first, second = self.betas
        self.corrections.copy_(torch.tensor([1 - first**step, (1 - second**step) ** 0.5], dtype=torch.float64))
        if not self.flat.is_cuda:
            return self.advance()
        if self.graph is None:
            self.capture()
        self.graph.replay()
        return self.values.clone()

    def capture(self) -> None:
        """Record `advance` as a CUDA graph, which launches all of its operations at once; weights and moments stay as they are."""
        buffers = (self.flat, self.mean, self.square)
        saved = [buffer.clone() for buffer in buffers]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # libraries set themselves up in their first calls, which a graph cannot hold
            for _ in range(3):
                self.advance()
        torch.cuda.current_stream().wait_stream(side)
        for buffer, values in zip(buffers, saved, strict=True):
            buffer.copy_(values)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.values = self.advance()

    def advance(self) -> torch.Tensor:
        """The update itself, on `windows`, `lr` and `corrections`."""
        losses = self.model.losses(self.windows)
        gradient = torch.cat([g.flatten(1) for g in torch.autograd.grad(losses.sum(), self.leaves)], 1)
        with torch.no_grad():
            norm, norm_l1 = gradient.norm(dim=1), gradient.abs().sum(1)
            if self.clip:
                gradient *= (self.clip / (norm + 1e-6)).clamp(max=1.0)[:, None]
            before = self.flat.clone()
            self.adamw(gradient)
            size, moved, after = ((buffer * self.is_matrix).norm(dim=1) for buffer in (before, self.flat - before, self.flat))
            return torch.stack([losses, norm, norm_l1, after.square() / self.start_norm, moved / size], 1)

    def adamw(self, gradient: torch.Tensor) -> None:
        """AdamW as torch.optim has it, with a learning rate for each model."""
        first, second = self.betas
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        denominator = self.square.sqrt().div_(self.corrections[1]).add_(self.eps)
        self.flat.mul_((1 - self.lr * self.decay).float())
        self.flat.sub_(self.mean / denominator * (self.lr / self.corrections[0]).float())

    @torch.no_grad()
    def validate(self, most: int | None = None) -> list[float]:
        """Validation loss of each run over the first `most` windows (over all by default)."""
        trainer = self.trainers[0]
        stream, context = trainer.dataset.validation, trainer.config["context"]
        count = (stream.size - 1) // context
        count = min(count, most or count)
        total = torch.zeros(len(self.trainers), dtype=torch.float64, device=trainer.device)
        for block in torch.arange(count).split(max(trainer.config["val_batch"] // len(self.trainers), 1)):
            windows = torch.from_numpy(windows_at(stream, block.numpy(), context)).to(trainer.device)
            total += self.model.losses(windows.expand(len(self.trainers), -1, -1)).double() * len(block)
        return (total / count).tolist()


def train_stack(runs: list[Run], config: dict, dataset: Dataset, folder: Path, stop=lambda: False) -> dict[str, dict]:
    """Train a group of `stacks` to its end, each run into its own folder; return the results by run.

    Starts, stops and resumes as `train_run` does; the checkpoint of the stack itself holds every run. A run that
    diverges is logged no further and has no effect on the others.
    """
    torch.set_num_threads(config["threads"])
    trainers = [Trainer(run, config, dataset, torch.device(config["device"])) for run in runs]
    latest = folder / runs[0].run_id / f"stack_{stack_digest(runs)}.pt"
    if latest.is_file():
        states = torch.load(latest, map_location=config["device"], weights_only=True)
        starts = {trainer.resume_from(states[trainer.run.run_id], latest) for trainer in trainers}
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
    latest.unlink(missing_ok=True)
    return results


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
    for step in range(start + 1, total + 1):
        alive = [not trainer.diverged for trainer in trainers]
        for trainer, values in compress(zip(trainers, stack.update(step), strict=True), alive):
            trainer.log.add(values)
        saving = step % config["checkpoint_every"] == 0 and step < total
        validating = step % config["val_every"] == 0 or step == total
        stopping = (step % FLUSH == 0 or saving) and stop()
        if step % FLUSH and not (saving or validating or stopping or step in branching):
            continue
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
            with replacing(latest) as temporary:
                torch.save({trainer.run.run_id: trainer.state(step, with_log=True) for trainer in trainers}, temporary)
        if stopping:
            raise Stopped(
                f"{len(trainers)} runs {trainers[0].run.schedule_name}: stopped after update {step} of {total}; run them again to go on"
            )
        for trainer in trainers:
            trainer.log.start()
