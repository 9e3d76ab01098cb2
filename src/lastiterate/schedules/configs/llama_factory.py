"""LLaMA-Factory: its YAML, which is transformers' arguments beside others.

Rule: hiyouga/LLaMA-Factory ff6d4d1, src/llamafactory/train/trainer_utils.py (create_custom_scheduler): with warmup_stable_decay a third of
what follows the warmup is stable if num_stable_steps is left out; everything else as in `hf`.
"""

from lastiterate.schedules.configs import hf
from lastiterate.schedules.configs.config import Config
from lastiterate.schedules.configs.source import Fields, mapping

OWN = {"finetuning_type", "model_name_or_path", "stage", "cutoff_len", "template"}


def recognises(text: str) -> bool:
    """Whether it has LLaMA-Factory's own names."""
    data = mapping(text)
    return data is not None and len(OWN & data.keys()) >= 2


def read(text: str, steps: int | None = None) -> Config:
    """What the configuration executes."""
    given = dict(mapping(text) or {})
    notes: list[str] = []
    data = Fields(given)
    data.require(hf.KEYS, "LLaMA-Factory")
    stated = data.count("max_steps", -1)
    total = stated if stated > 0 else steps
    if given.get("lr_scheduler_type") == "warmup_stable_decay" and total:
        kwargs = dict(given.get("lr_scheduler_kwargs") or {})
        left = total - hf.warmup_steps(data, total, notes)
        third = {"num_stable_steps": left // 3, "num_decay_steps": left - left // 3}
        for name, value in third.items():
            if name not in kwargs:
                notes.append(f"{name} is not in the file: LLaMA-Factory takes {value} (a third is stable)")
        given["lr_scheduler_kwargs"] = third | kwargs
    return hf.resolve("llama-factory", given, steps, notes)
