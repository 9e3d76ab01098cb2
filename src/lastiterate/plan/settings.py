"""The settings with which a trainer executes a plan, or the next pilot; or the nearest, with the reason, where it cannot."""

from dataclasses import dataclass

from lastiterate.schedules import Schedule
from lastiterate.schedules.export import TOLERANCE, Settings
from lastiterate.schedules.export.document import document
from lastiterate.schedules.export.segment import export_rest


@dataclass(frozen=True)
class Made:
    """Settings of a plan, or of its next pilot.

    Attributes
    ----------
    settings : Settings
        Of the updates that are left to run.
    first_update : int
        The first of them (1-based).
    reason : str or None
        Why the trainer cannot execute the plan to the tolerance; None if it does.
    taken : bool
        Whether the settings may be used: they execute the plan, or the nearest was asked for. Else `text` is nothing but notes.
    text : str
        The file of settings.
    script : str
        Python that makes the checkpoint go on with them; "" if none is needed, or they are not taken.
    """

    settings: Settings
    first_update: int
    reason: str | None
    taken: bool
    text: str
    script: str

    def report(self) -> dict:
        """What plan.json says of it."""
        settings = self.settings
        return {
            "trainer": settings.trainer,
            "first_update": self.first_update,
            "executes_the_plan": self.reason is None,
            "reason": self.reason,
            "deviation": settings.deviation,
            "taken": self.taken,
            "notes": list(settings.notes),
        }


def make_settings(
    schedule: Schedule, trainer: str, tolerance: float = TOLERANCE, *, start_step: int = 0, take_nearest: bool = False, version=None
) -> Made:
    """The trainer's settings for what a schedule leaves to run after `start_step`; never an error because the trainer cannot execute it.

    `version` is the trainer's release, the newest by default.
    """
    part = export_rest(schedule, trainer, start_step, tolerance, take_nearest=True, version=version)
    reason = part.reason
    taken = take_nearest or reason is None
    settings = part.settings
    text = document(settings, part.resume, tolerance, taken=taken)
    if reason:
        text = "\n".join([text.partition("\n")[0], f"# {reason}", text.partition("\n")[2]])
    script = part.resume.script if part.resume and taken else ""
    return Made(settings, part.first_update, reason, taken, text, script)
