"""Learning-rate schedules: integer phases in, the vector of learning rates executed by updates 1..T out."""

from lastiterate.schedules.families import (
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
from lastiterate.schedules.schedule import Phase, Schedule, check_lr
from lastiterate.schedules.shapes import DECAY_SHAPES, SHAPES

FAMILIES = {
    family.__name__: family
    for family in (constant, wsd, linear, cosine, inverse_sqrt, one_minus_sqrt, polynomial, piecewise, two_stage, cyclic)
}

__all__ = [*FAMILIES, "DECAY_SHAPES", "FAMILIES", "SHAPES", "Phase", "Schedule", "check_lr"]
