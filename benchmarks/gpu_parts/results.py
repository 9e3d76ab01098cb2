"""The results: one JSON file, {part: {measurement: values}}, that several processes add to."""

import fcntl
import json
from pathlib import Path

from lastiterate.workflow.files import replacing


def load(path: Path) -> dict:
    """The results so far."""
    return json.loads(path.read_text()) if path.is_file() else {}


def update(path: Path, part: str, values: dict) -> None:
    """Add to a part's entry, whole or not at all, whoever else is adding."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = load(path)
        found[part] = {**found.get(part, {}), **values}
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(found, indent=1) + "\n")
