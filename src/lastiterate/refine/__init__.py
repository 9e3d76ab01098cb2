"""Refined schedules: from the gradient norms that a run logged to the schedule that the bound recommends for the next one."""

from lastiterate.refine.alternatives import Alternative, alternatives
from lastiterate.refine.diagnosis import DEGENERATE_HALF, Diagnosis, diagnose
from lastiterate.refine.norms import clean_norms, median_smooth, norms_at_updates
from lastiterate.refine.schedule import POWERS, Refined, refine, weighted_schedule

__all__ = [
    "DEGENERATE_HALF", "POWERS", "Alternative", "Diagnosis", "Refined", "alternatives", "clean_norms", "diagnose", "median_smooth",
    "norms_at_updates", "refine", "weighted_schedule",
]  # fmt: skip
