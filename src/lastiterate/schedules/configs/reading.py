"""A trainer's configuration to the schedule that it will execute."""

from types import ModuleType

from lastiterate._checks import check_choice
from lastiterate.schedules.configs import axolotl, hf, levanter, llama_factory, maxtext, megatron, nanotron, olmo_core, torchtitan, trl
from lastiterate.schedules.configs.config import Config
from lastiterate.schedules.configs.source import ConfigError

READERS: dict[str, ModuleType] = {  # those with names of their own first
    "nanotron": nanotron,
    "olmo-core": olmo_core,
    "torchtitan": torchtitan,
    "levanter": levanter,
    "axolotl": axolotl,
    "llama-factory": llama_factory,
    "maxtext": maxtext,
    "megatron": megatron,
    "trl": trl,
    "hf": hf,
}


def read_config(text: str, trainer: str, steps: int | None = None) -> Config:
    r"""What a trainer's configuration will execute.

    Parameters
    ----------
    text : str
        The configuration, in one of the forms in the head of the trainer's module.
    trainer : str
        A key of `READERS`.
    steps : int, optional
        Updates of the run, where the configuration gives epochs or nothing.

    Returns
    -------
    Config

    Raises
    ------
    ConfigError
        (a ValueError) if the text does not say what will be executed; the message names the key.

    Source: the rules are the trainers' own, each in the head of its module; tests/test_configs.py runs them where they can be had.

    >>> found = read_config("max_steps: 100\nlearning_rate: 1.0e-3\nlr_scheduler_type: linear\nwarmup_ratio: 0.1", "hf")
    >>> found.schedule.warmup_steps, found.schedule.decay_shape, found.lr[[0, 10, 99]].round(6).tolist()
    (10, 'linear', [0.0, 0.001, 1.1e-05])
    """
    reader = READERS[check_choice("trainer", trainer, tuple(READERS))]
    try:
        return reader.read(text, steps)
    except (OverflowError, ZeroDivisionError, MemoryError, RecursionError) as error:
        raise ConfigError(f"its numbers are beyond what can be computed: {error}") from None


def recognised(text: str) -> str | None:
    """The trainer whose configuration the text is, as far as its own names tell; None if they do not."""
    return next((name for name, reader in READERS.items() if reader.recognises(text)), None)


def read_named(text: str, trainer: str, name: str, steps: int | None = None) -> Config:
    """As `read_config`; ConfigError that names the file (`name`) and the trainer."""
    try:
        return read_config(text, trainer, steps)
    except ConfigError as error:
        raise ConfigError(f"{name}: {trainer}: {error}") from None
