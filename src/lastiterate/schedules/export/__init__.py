"""Schedules as settings of trainers: the learning rate of every update, in their own parameters, or a refusal."""

from lastiterate.schedules.export.document import document
from lastiterate.schedules.export.segment import Segment, export_rest, segments
from lastiterate.schedules.export.settings import EXACT, TOLERANCE, TRAINERS, CannotExport, Settings, check_version, export, nearest

__all__ = [
    "EXACT", "TOLERANCE", "TRAINERS", "CannotExport", "Segment", "Settings", "check_version", "document", "export", "export_rest",
    "nearest", "segments",
]  # fmt: skip
