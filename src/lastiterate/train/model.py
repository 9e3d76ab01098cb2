"""Models from configs: transformers' Llama and GPT-2 with fresh weights, never downloaded ones."""

from contextlib import nullcontext

import torch
from torch.nn.functional import cross_entropy

from lastiterate.train.llama import LlamaLoss, supports

FAMILIES = ("llama", "gpt2")


def build_model(entry: dict, context: int, seed: int) -> torch.nn.Module:
    """A causal language model of the config entry {family, ...arguments of its transformers config}, weights drawn from `seed`.

    Dropout is off and the context is `context` positions. ValueError for arguments that the family does not take.
    """
    arguments = {key: value for key, value in entry.items() if key != "family"}
    if entry["family"] == "llama":
        from transformers.models.llama.configuration_llama import LlamaConfig as Config
        from transformers.models.llama.modeling_llama import LlamaForCausalLM as Model

        fixed = {"max_position_embeddings": context}
    else:
        from transformers.models.gpt2.configuration_gpt2 import GPT2Config as Config
        from transformers.models.gpt2.modeling_gpt2 import GPT2LMHeadModel as Model

        fixed = {"n_positions": context, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    unknown = sorted(set(arguments) - set(vars(Config())))
    if unknown:
        raise ValueError(f"models: {unknown[0]} is not an argument of {Config.__name__}: see its documentation")
    torch.manual_seed(seed)
    return Model(Config(**arguments, **fixed, use_cache=False, attn_implementation="sdpa"))


def count_parameters(model: torch.nn.Module) -> int:
    """Number of distinct trainable parameters (tied ones count once)."""
    return sum(parameter.numel() for parameter in model.parameters())


def matrices(model: torch.nn.Module) -> list[torch.Tensor]:
    """The weights of two or more dimensions, embeddings included."""
    return [parameter for parameter in model.parameters() if parameter.ndim >= 2]


class NextTokenLoss(torch.nn.Module):
    """Mean next-token cross-entropy of a causal model over windows of tokens, integers (B, context + 1): a scalar, in float32.

    half : whether the forward pass runs under bfloat16 autocast; weights stay as they are. compiled : whether it is compiled.
    Llamas run through `LlamaLoss`, which computes what transformers does; other models through transformers itself.
    """

    def __init__(self, model: torch.nn.Module, half: bool = False, compiled: bool = False):
        super().__init__()
        self.model, self.half = model, half
        self.run = LlamaLoss(model, None, half, compiled) if supports(model.config) else self.plain
        if compiled and self.run == self.plain:
            self.run = torch.compile(self.plain, dynamic=False)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """The loss of the windows."""
        return self.run(windows)

    def plain(self, windows: torch.Tensor) -> torch.Tensor:
        """The loss by transformers' own forward pass."""
        with torch.autocast(windows.device.type, torch.bfloat16) if self.half else nullcontext():
            logits = self.model(input_ids=windows[:, :-1]).logits
        return cross_entropy(logits.float().flatten(0, 1), windows[:, 1:].flatten())
