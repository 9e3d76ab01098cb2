"""The qualifying exam of a schedule: does its tuned bound fall like 1/sqrt(T)? In closed form, and by numbers alone."""

from lastiterate.qualify.numeric import Exam, exam
from lastiterate.qualify.symbolic import Asymptotics, derive

__all__ = ["Asymptotics", "Exam", "derive", "exam"]
