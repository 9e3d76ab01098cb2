"""Laws that predict loss curves from learning-rate schedules: a progress clock, a memory kernel, one interface."""

from lastiterate.laws.curve import Curve
from lastiterate.laws.families import LAWS
from lastiterate.laws.fitting import FittedLaw, fit
from lastiterate.laws.law import Law, Shape
from lastiterate.laws.path import Path
from lastiterate.laws.score import score

__all__ = ["LAWS", "Curve", "FittedLaw", "Law", "Path", "Shape", "fit", "score"]
