"""The baseline: a plain eager Llama and loop of our own, with the choices of the code behind arXiv:2501.18965.

Those are (epfml/schedules-and-scaling, src/models/llama.py, src/optim/base.py): one product for query, key and value, rotary embedding by
pairs in float32, torch's attention, bfloat16 autocast, accumulated micro-batches, clipping to 1, AdamW of torch's default implementation,
no compilation, and a loss that is read at every update.
"""

import torch
from torch.nn.functional import cross_entropy, scaled_dot_product_attention, silu


class Norm(torch.nn.Module):
    """Root-mean-square normalisation in float32."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(width))

    def forward(self, x):
        """Normalised x."""
        wide = x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-5)).type_as(x) * self.weight


class Block(torch.nn.Module):
    """Attention and gated network, each with its residual."""

    def __init__(self, width: int, inner: int, heads: int):
        super().__init__()
        linear = lambda fan_in, fan_out: torch.nn.Linear(fan_in, fan_out, bias=False)
        self.heads = heads
        self.norms = torch.nn.ModuleList([Norm(width), Norm(width)])
        self.qkv, self.out = linear(width, 3 * width), linear(width, width)
        self.gate, self.up, self.down = linear(width, inner), linear(width, inner), linear(inner, width)

    def forward(self, x, turn):
        """The block's output; `turn` holds cosine and sine by position and pair."""
        batch, context, width = x.shape
        q, k, v = (part.view(batch, context, self.heads, -1) for part in self.qkv(self.norms[0](x)).split(width, 2))
        q, k, v = (part.transpose(1, 2) for part in (rotate(q, turn), rotate(k, turn), v))
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, context, width))
        y = self.norms[1](x)
        return x + self.down(silu(self.gate(y)) * self.up(y))


def rotate(x, turn):
    """Rotate neighbouring pairs of the last dimension, in float32."""
    first, second = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = (part[None, :, None] for part in turn)
    return torch.stack([first * cos - second * sin, first * sin + second * cos], -1).flatten(3)


class Llama(torch.nn.Module):
    """A Llama with tied embeddings; called with windows (B, context + 1) it returns their mean cross-entropy."""

    def __init__(self, model: dict, context: int):
        super().__init__()
        width, heads = model["hidden_size"], model["num_attention_heads"]
        self.embedding = torch.nn.Embedding(model["vocab_size"], width)
        self.blocks = torch.nn.ModuleList([Block(width, model["intermediate_size"], heads) for _ in range(model["num_hidden_layers"])])
        self.norm = Norm(width)
        size = width // heads
        angles = torch.outer(torch.arange(context), 10000.0 ** (-torch.arange(0, size, 2) / size))
        self.register_buffer("turn", torch.stack([angles.cos(), angles.sin()]))
        for weight in self.parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.02)

    def forward(self, windows):
        """Mean cross-entropy of the windows."""
        x = self.embedding(windows[:, :-1])
        for block in self.blocks:
            x = block(x, self.turn)
        logits = self.norm(x) @ self.embedding.weight.T
        return cross_entropy(logits.view(-1, logits.shape[-1]), windows[:, 1:].flatten())


class Loop:
    """One update at a time of that model on the batches of a config."""

    def __init__(self, config: dict, device: str, batches):
        torch.manual_seed(0)
        self.config, self.device, self.batches = config, device, batches
        self.model = Llama(next(iter(config["models"].values())), config["context"]).to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)

    def update(self, step: int) -> float:
        """Execute an update; its loss."""
        total = 0.0
        windows = torch.from_numpy(self.batches.at(step)).split(self.config["micro_batch"])
        for part in windows:
            with torch.autocast(self.device, torch.bfloat16):
                loss = self.model(part.to(self.device)) / len(windows)
            loss.backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(total)
