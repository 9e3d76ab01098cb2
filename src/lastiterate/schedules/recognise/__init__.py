"""From logged learning rates to the schedule that was executed: the families of this package, fitted in integers."""

from lastiterate.schedules.recognise.recognise import Recognised, recognise

__all__ = ["Recognised", "recognise"]
