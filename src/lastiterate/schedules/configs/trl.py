"""TRL: the arguments of its trainers (SFTConfig, DPOConfig, ...), which are transformers' with other defaults of the learning rate.

Rule: huggingface/trl 1.16.0, trl/trainer/sft_config.py and its siblings; everything else as in `hf`. A learning rate that is left out
depends on the trainer, and is an error.
"""

from lastiterate.schedules.configs import hf
from lastiterate.schedules.configs.config import Config
from lastiterate.schedules.configs.source import ConfigError, Fields

NAMES = ("SFTConfig", "DPOConfig", "GRPOConfig", "RewardConfig", "KTOConfig", "ORPOConfig", "CPOConfig", "PPOConfig", "RLOOConfig")


def recognises(text: str) -> bool:
    """Whether one of its configurations is called or printed."""
    return any(f"{name}(" in text for name in NAMES)


def read(text: str, steps: int | None = None) -> Config:
    """What the arguments execute."""
    given = hf.arguments(text, NAMES)
    if not Fields(given).has("learning_rate"):
        raise ConfigError("learning_rate is missing: each of TRL's trainers has its own default")
    return hf.resolve("trl", given, steps)
