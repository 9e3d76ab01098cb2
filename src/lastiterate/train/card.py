"""The run card: what a run was, with what, on what, and how it ended."""

import hashlib
import json
import os
import platform
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from lastiterate.train.plan import Run
from lastiterate.workflow.code_hash import code_hash
from lastiterate.workflow.files import open_plain, replacing

CARD = "card.json"
LIBRARIES = ("torch", "transformers", "numpy")


def identity_of(settings: dict) -> str:
    """Hex digest (16 characters) of the settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def write_card(path: Path, run: Run, settings: dict, result: dict, device: dict) -> None:
    """Write a card as JSON. `result`: how the run ended; `device`: where and how fast, which differs between equal runs."""
    facts = asdict(run) | {"schedule": json.loads(run.schedule.to_json())}
    versions = {"python": platform.python_version(), **{name: metadata.version(name) for name in LIBRARIES}}
    card = {
        **facts,
        "settings": settings,
        "identity": identity_of(settings),
        "code": code_hash("lastiterate.train.run"),
        "versions": versions,
        "result": result,
        "device": device,
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(card, indent=1) + "\n")


def read_card(path: Path) -> dict:
    """A card as `write_card` wrote it; ValueError if it is not whole, FileNotFoundError if there is none."""
    with os.fdopen(open_plain(path), encoding="utf-8") as file:
        try:
            card = json.load(file)
        except (ValueError, RecursionError) as error:
            why = f"not valid JSON: {error}"
        else:
            missing = [] if isinstance(card, dict) else ["anything"]
            missing = missing or [key for key in (*Run.__dataclass_fields__, "settings", "identity", "result", "device") if key not in card]
            if not missing:
                return card
            why = f"without {missing[0]}"
    raise ValueError(f"{path} is not a whole card of a finished run ({why}): remove it, and the run is trained again")
