"""What a build will take, said before it starts: how many steps, and how long such steps took before.

Seconds of a step are those of the last time that it ran in this folder (Snakemake's records), else those of `benchmarks/steps.csv`,
measured on an idle machine; ``python -m lastiterate.workflow.forecast`` writes that table from this folder's records.
"""

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from lastiterate.workflow.files import write_csv

RECORDS = Path(".snakemake/metadata")
MEASURED = Path(__file__).parents[3] / "benchmarks/steps.csv"


def recorded(folder: Path = RECORDS) -> dict[str, float]:
    """Seconds of each rule's steps, the median over what is recorded of it."""
    found: dict[str, dict[tuple, float]] = {}
    for path in folder.rglob("*") if folder.is_dir() else ():
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            begin, end = float(record["starttime"]), float(record["endtime"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found.setdefault(record["rule"], {})[begin, end] = end - begin  # files of one step share it
    return {rule: median(times.values()) for rule, times in found.items()}


def measured(path: Path = MEASURED) -> dict[str, float]:
    """The table of the repository; empty where it is not at hand."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["rule"]: float(row["seconds"]) for row in csv.DictReader(file)}


def jobs(arguments: Sequence[str]) -> Counter[str]:
    """Steps that Snakemake would run for these targets and options, by rule; none where a dry run fails, which the run itself will say."""
    command = [sys.executable, "-m", "snakemake", *arguments, "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"NO_COLOR": "1"})
    table = done.stdout.partition("Job stats:")[2].partition("\n\n")[0]
    return Counter({rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE) if rule != "total"})


def sentence(steps: Counter[str], cores: int, known: dict[str, float]) -> str:
    """What is to come.

    >>> sentence(Counter(a=2, b=1, c=1), 2, {"a": 50.0, "b": 100.0})
    '4 steps to run, about 2 minutes on 2 cores (1 of them never timed)'
    >>> sentence(Counter(), 2, {})
    'nothing to run'
    """
    if not steps:
        return "nothing to run"
    seconds = sum(count * known.get(rule, 0.0) for rule, count in steps.items()) / cores
    new = sum(count for rule, count in steps.items() if rule not in known)
    length = f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
    return f"{sum(steps.values())} steps to run, about {length} on {cores} cores" + (f" ({new} of them never timed)" if new else "")


def forecast(arguments: Sequence[str]) -> str:
    """The sentence for a call of Snakemake with these targets and options."""
    return sentence(jobs(arguments), os.cpu_count() or 1, measured() | recorded())


if __name__ == "__main__":
    times = recorded()
    write_csv(MEASURED, {"rule": sorted(times), "seconds": [round(times[rule], 1) for rule in sorted(times)]})
