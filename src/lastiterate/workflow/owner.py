"""Whose the working directory is: the Snakemake that works in it, whether it still lives, and what a killed one left behind."""

import os
import socket
from pathlib import Path

from lastiterate.workflow.content import STATE, read_json, write_json

OWNER = STATE / "owner.json"
LOCKS = Path(".snakemake/locks")
WRITTEN = ("results", "figures", "data", "logs")


def is_locked() -> bool:
    """Whether a Snakemake works here, or was killed while it did."""
    return LOCKS.is_dir() and any(LOCKS.iterdir())


def take_ownership() -> None:
    """Write down this process, before Snakemake locks the working directory for it."""
    write_json(OWNER, {"pid": os.getpid(), "started": started(os.getpid()), "host": socket.gethostname()})


def is_dead() -> bool:
    """Whether the process that locked the directory is known to have ended; that of another machine is not."""
    owner = read_json(OWNER)
    return owner.get("host") == socket.gethostname() and started(owner["pid"]) != owner["started"]


def started(pid: int) -> str | None:
    """When a process of this machine began, in words that no other process with its number shares; None if there is none such."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() or not _lives(pid) else "unknown"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return None if fields[0] in "ZX" else f"{boot} {fields[19]}"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def leftovers() -> list[Path]:
    """Temporary files of steps and downloads that were killed; only where nothing runs."""
    found = [path for folder in WRITTEN for path in Path(folder).rglob(".*.part*") if path.is_file()]
    return found + [path for path in Path("data/raw").rglob("tmp????????") if path.is_file()]
