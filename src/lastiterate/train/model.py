"""Models from configs: transformers' Llama and GPT-2 with fresh weights, never downloaded ones."""

import torch

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
