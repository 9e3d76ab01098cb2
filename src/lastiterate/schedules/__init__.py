"""Learning-rate schedules: integer phases in, the vector of learning rates executed by updates 1..T out."""

from lastiterate.schedules.families import (
    FAMILIES,
    constant,
    cosine,
    cyclic,
    inverse_sqrt,
    linear,
    one_minus_sqrt,
    piecewise,
    polynomial,
    two_stage,
    wsd,
)
from lastiterate.schedules.own import find_family
from lastiterate.schedules.schedule import Phase, Schedule, check_lr
from lastiterate.schedules.shapes import DECAY_SHAPES, SHAPES

__all__ = [
    "DECAY_SHAPES", "FAMILIES", "SHAPES", "Phase", "Schedule", "check_lr", "constant", "cosine", "cyclic", "find_family", "inverse_sqrt",
    "linear", "one_minus_sqrt", "piecewise", "polynomial", "two_stage", "wsd",
]  # fmt: skip
