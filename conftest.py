"""Modules whose doctests are not collected where an extra is not installed."""

from importlib.util import find_spec

WITH_TORCH = ("checkpoint", "distributed", "log", "loop", "model", "optim", "sweep")
collect_ignore = [] if find_spec("torch") else [f"src/lastiterate/train/{name}.py" for name in WITH_TORCH]
