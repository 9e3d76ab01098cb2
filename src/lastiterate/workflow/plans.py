"""Plans of the config as rules: what each is made from, the command line that makes it, and what it writes."""

import hashlib
import json
import shlex
from pathlib import Path

from lastiterate.workflow.places import digest_below, located

FILES = ["plan.json", "schedule.csv", "fits.csv", "prediction.csv", "candidates.csv", "against.csv"]
FILES += [f"{panel}.{suffix}" for panel in ("prediction", "against_defaults") for suffix in ("png", "pdf")]
INGESTED = "data/ingested/"


def plan_files(name: str, entry: dict) -> list[str]:
    """What a plan writes."""
    settings = [f"settings_{entry['trainer']}.txt"] if "trainer" in entry else []
    return [f"results/plans/{name}/{file}" for file in FILES + settings]


def plan_tables(entry: dict) -> list[str]:
    """The tables of ingested sources that a plan is made from."""
    return [f"{path}/{table}.parquet" for path in entry["runs"] if path.startswith(INGESTED) for table in ("runs", "history")]


def plan_logs(entry: dict, project: Path) -> list[str]:
    """Logs as they lie, files or folders, that a plan is made from."""
    return [located(path, project) for path in entry["runs"] if not path.startswith(INGESTED)]


def plan_content(entry: dict, project: Path) -> str:
    """Digest over the logs of a plan and the files in which its schedules are stated."""
    words = [one for one in entry.get("executed", {}).values() if isinstance(one, str)]  # FILE, TRAINER:FILE, FILE:key=value
    stated = [part for one in words for part in (one, one.partition(":")[2], one.rpartition(":")[0]) if part and Path(part).is_file()]
    return hashlib.sha256(digest_below([*plan_logs(entry, project), *stated]).encode()).hexdigest()[:16]


def plan_options(entry: dict) -> str:
    """The options of `lastiterate plan`, quoted for a shell; values stand behind an equals sign, so that they may begin with a dash."""
    words = []
    for name, value in entry.items():
        if name == "runs":
            continue
        if isinstance(value, dict):
            value = [f"{key}={own if isinstance(own, str) else json.dumps(own)}" for key, own in value.items()]
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words += [option] * value
        else:
            words += [f"{option}={one}" for one in (value if isinstance(value, list) else [value])]
    return shlex.join(words)


def plan_runs(entry: dict, project: Path) -> str:
    """The logs of a plan in their order, quoted for a shell."""
    return shlex.join(path if path.startswith(INGESTED) else located(path, project) for path in entry["runs"])
