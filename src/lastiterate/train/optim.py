"""Optimizers by name, and the one place where an update gets its learning rate."""

import torch

from lastiterate.train.model import matrices

FAMILIES = ("adamw", "sgd", "muon")


def build_optimizers(model: torch.nn.Module, entry: dict) -> list[torch.optim.Optimizer]:
    """Optimizers of the config entry {family, weight_decay, ...}; weights of two or more dimensions decay, the others do not.

    muon: `torch.optim.Muon` for the matrices inside the layers, AdamW for embeddings, output layer and vectors, at the same
    learning rate: Muon's update is scaled to AdamW's typical root mean square ("match_rms_adamw").
    """
    arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items() if key != "family"}
    decay = arguments.pop("weight_decay", 0.0)
    decayed = matrices(model)
    inside = {id(weight) for weight in decayed}
    rest = {"params": [weight for weight in model.parameters() if id(weight) not in inside], "weight_decay": 0.0}
    if entry["family"] == "sgd":
        return [torch.optim.SGD([{"params": decayed, "weight_decay": decay}, rest], lr=0.0, fused=True, **arguments)]
    if entry["family"] == "adamw":
        return [torch.optim.AdamW([{"params": decayed, "weight_decay": decay}, rest], lr=0.0, fused=True, **arguments)]
    ends = {id(model.get_input_embeddings().weight), id(model.get_output_embeddings().weight)}
    ends |= {id(weight) for weight in decayed if weight.ndim != 2}
    ends |= {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)}
    hidden, outer = ([w for w in decayed if (id(w) in ends) is flag] for flag in (False, True))
    adamw = {key: arguments.pop(key) for key in ("betas", "eps") if key in arguments}
    return [
        torch.optim.Muon(hidden, lr=0.0, weight_decay=decay, adjust_lr_fn="match_rms_adamw", **arguments),
        torch.optim.AdamW([{"params": outer, "weight_decay": decay}, rest], lr=0.0, fused=True, **adamw),
    ]


def set_lr(optimizers: list[torch.optim.Optimizer], lr: float) -> None:
    """Set the learning rate that the next update executes."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = lr
