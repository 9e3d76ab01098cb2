"""Settings as a file: notes in lines that begin with #, then the text, then what to do with a checkpoint."""

from lastiterate.schedules.export.resume import Resume
from lastiterate.schedules.export.settings import TOLERANCE, Settings


def document(settings: Settings, resume: Resume | None = None, tolerance: float = TOLERANCE, *, taken: bool = True) -> str:
    """The whole text of a file of settings; its first line says if they are not the schedule that was asked for.

    `taken` is False where nobody asked for the nearest: then every line is a note, which no trainer executes.
    """
    lines = [f"# {note}" for note in settings.notes] + [settings.text]
    if settings.deviation > tolerance:
        first = "NOT THE SCHEDULE THAT WAS ASKED FOR, but the nearest that the trainer can execute"
        lines.insert(0, f"# {first}{'' if taken else '; --nearest takes it'}")
    if resume is not None and resume.script:
        lines += ["", f"# what makes the checkpoint go on with these settings, in Python{'' if taken else ', with --nearest'}:"]
        lines += ["# " + line for line in resume.script.splitlines()]
    text = "\n".join(lines)
    return text if taken else "\n".join(line if line.startswith("#") else f"# {line}" for line in text.splitlines())
