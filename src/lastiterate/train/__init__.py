"""Training runs whose learning rates are the project's schedules: config to plan to runs, checkpoints, logs and cards.

`plan` and `config` need no torch, so that a plan can be shown anywhere; the rest needs the extra `train`.
"""
