"""Trainers' configurations as schedules: what a configuration will execute, by the trainer's own rule."""

from lastiterate.schedules.configs.config import Config
from lastiterate.schedules.configs.reading import READERS, read_config, read_named, recognised
from lastiterate.schedules.configs.source import ConfigError

__all__ = ["READERS", "Config", "ConfigError", "read_config", "read_named", "recognised"]
