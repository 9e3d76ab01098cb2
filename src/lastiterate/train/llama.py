"""The forward pass of transformers' Llama over its own weights, arranged for speed, for one model and for a stack of M.

The function is that of `LlamaForCausalLM` without padding, cache and dropout; tests hold the two equal. What differs is how it
is computed: query, key and value are one product, and so are gate and up; cosines and sines are a table; attention is
told that it is causal and sees no mask.
"""

from contextlib import nullcontext

import torch
from torch.nn.functional import cross_entropy, embedding, linear, scaled_dot_product_attention, silu

ATTENTION = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
GATED = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
PARTS = ("input_layernorm", *ATTENTION, "post_attention_layernorm", *GATED)


def supports(config) -> bool:
    """Whether the passes below are those of a model with this transformers config: a Llama without biases and scaled positions."""
    if config.model_type != "llama" or config.attention_bias or config.mlp_bias or config.attention_dropout or config.hidden_act != "silu":
        return False
    return (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default") == "default"


class LlamaLoss:
    """Mean next-token cross-entropy of a Llama, in float32.

    model : transformers' LlamaForCausalLM. weights : tensors by their names in its state dict, by default the model's own.
    half : whether products run under bfloat16 autocast; weights and the sums between layers are float32 all the same.
    compiled : whether layer and head are compiled, each once, whatever the number of layers.
    """

    def __init__(self, model: torch.nn.Module, weights: dict[str, torch.Tensor] | None = None, half: bool = False, compiled: bool = False):
        config = model.config
        if not supports(config):
            raise ValueError("this Llama has biases, scaled positions, dropout or another activation: train it without stack")
        weights = weights or dict(model.named_parameters())
        names = {part: [f"model.layers.{number}.{part}.weight" for number in range(config.num_hidden_layers)] for part in PARTS}
        self.layers = [[weights[names[part][number]] for part in PARTS] for number in range(config.num_hidden_layers)]
        self.table = weights["model.embed_tokens.weight"]
        self.head = [weights["model.norm.weight"], self.table if config.tie_word_embeddings else weights["lm_head.weight"]]
        self.heads, self.kv_heads, self.head_dim = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self.eps, self.half = config.rms_norm_eps, half
        positions = torch.arange(config.max_position_embeddings, device=model.device)[None]
        self.turn = torch.stack([part[0].detach() for part in model.model.rotary_emb(self.table, positions)])  # cosines and sines
        build = (lambda function: torch.compile(function, dynamic=False)) if compiled else (lambda function: function)
        self.run_layer, self.run_head = build(self.layer), build(self.entropy)

    def __call__(self, windows: torch.Tensor) -> torch.Tensor:
        """The loss over windows of tokens, integers (B, context + 1): a scalar; of a stack, (M, B, context + 1) and (M,)."""
        with torch.autocast(windows.device.type, torch.bfloat16) if self.half else nullcontext():
            x = self.embed(windows[..., :-1])
            change = torch.zeros_like(x, dtype=torch.bfloat16 if self.half else x.dtype)
            turn = self.turn[:, : x.shape[-2]]
            for weights in self.layers:
                x, change = self.run_layer(x, change, turn, *weights)
            return self.run_head(x, change, windows[..., 1:], *self.head)

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        """Embeddings (..., context, width) of tokens."""
        return embedding(tokens, self.table)

    def layer(self, x, change, turn, norm_1, q, k, v, out, norm_2, gate, up, down):
        """One transformer layer on x + change (..., context, width): that sum with attention added, and what the gated network adds to it.

        The sum is left to the next layer, since a compiler fuses it with the norm that follows but not across two layers.
        """
        x = x + change
        heads, kv_heads = self.heads, self.kv_heads
        mixed = self.product(self.norm(x, norm_1), q, k, v).unflatten(-1, (heads + 2 * kv_heads, self.head_dim))
        flat = mixed.flatten(0, -4).transpose(1, 2)  # (windows, heads, context, head_dim)
        value = flat[:, heads + kv_heads :]
        turned = rotate(flat[:, : heads + kv_heads], turn).to(value.dtype)
        attended = scaled_dot_product_attention(turned[:, :heads], turned[:, heads:], value, is_causal=True, enable_gqa=heads != kv_heads)
        x = x + self.product(attended.transpose(1, 2).flatten(2).view(*x.shape[:-1], -1), out)
        opened, passed = self.product(self.norm(x, norm_2), gate, up).chunk(2, dim=-1)
        return x, self.product(silu(opened) * passed, down)

    def entropy(self, x, change, targets, norm, table):
        """Mean cross-entropy in float32 after the last norm and the output layer."""
        logits = self.product(self.norm(x + change, norm), table)
        return cross_entropy(logits.float().flatten(0, -2), targets.flatten())

    def product(self, x: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        """Products of x (..., in) with weights (out, in), beside each other: (..., sum of out)."""
        return linear(x, torch.cat(weights) if len(weights) > 1 else weights[0])

    def norm(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Root-mean-square normalisation."""
        return weight * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps))


class StackedLlamaLoss(LlamaLoss):
    """The same of M models at once: `weights` are tensors (M, ...), windows (M, B, context + 1), and losses (M,)."""

    def embed(self, tokens):
        """Each model's embeddings."""
        models, size, width = self.table.shape
        shift = size * torch.arange(models, device=tokens.device)[:, None, None]
        return embedding(tokens + shift, self.table.reshape(models * size, width))

    def entropy(self, x, change, targets, norm, table):
        """Each model's mean cross-entropy."""
        logits = self.product(self.norm(x + change, norm), table)
        each = cross_entropy(logits.float().flatten(0, -2), targets.flatten(), reduction="none")
        return each.view(len(x), -1).mean(1)

    def product(self, x, *weights):
        """Each model's own product: x (M, B, context, in), weights (M, out, in)."""
        weight = torch.cat(weights, 1) if len(weights) > 1 else weights[0]
        return torch.bmm(x.flatten(1, 2), weight.transpose(1, 2)).unflatten(1, x.shape[1:3])

    def norm(self, x, weight):
        """Each model's own weight."""
        return super().norm(x, weight[:, None, None])


def rotate(x: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    """Rotary position embedding of queries or keys (windows, heads, context, head_dim); `turn` (2, context, head_dim)."""
    first, second = x.chunk(2, dim=-1)
    return x * turn[0] + torch.cat([-second, first], dim=-1) * turn[1]
