"""GPUs of one machine shared by jobs: `python -m lastiterate.train.gpus --count N COMMAND ...` waits for N free ones and runs it on them.

Each GPU has a lock file that the command holds until it ends, however it ends; CUDA_VISIBLE_DEVICES names those it got. So
`snakemake train --resources gpu=4` trains four runs at a time, one on each GPU. The GPUs are those of CUDA_VISIBLE_DEVICES, else
those that nvidia-smi lists. Inside a SLURM job nothing is locked: SLURM has chosen.
"""

import argparse
import fcntl
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lastiterate.workflow.step import StepError, reported_errors

PAUSE = 0.5  # seconds between looks for a free GPU


def main() -> None:
    """Wait for the GPUs, then become the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, required=True, help="GPUs that the command needs")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what runs on them")
    arguments = parser.parse_args()
    with reported_errors():
        if "SLURM_JOB_ID" not in os.environ:
            os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(wait_for(visible(), arguments.count))
        os.execvp(arguments.command[0], arguments.command)


def visible() -> list[str]:
    """Names of the GPUs that this process may use: indices or UUIDs."""
    if (stated := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name.strip() for name in stated.split(",") if name.strip()]
    try:
        listed = subprocess.run(["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise StepError(f"no GPU can be listed: nvidia-smi fails ({error}); name the GPUs in CUDA_VISIBLE_DEVICES") from None
    return listed.stdout.split()


def wait_for(names: list[str], count: int) -> list[str]:
    """The first `count` GPUs that are free, locked for this process and what it becomes; StepError if there are not so many."""
    if count > len(names):
        raise StepError(f"the run asks for {count} GPUs (cluster.gpus), but this machine shows {len(names)}: {', '.join(names) or 'none'}")
    told = False
    while True:
        held = {name: lock for name in names if (lock := locked(name)) is not None}
        for name in list(held)[count:]:
            os.close(held.pop(name))
        if len(held) == count:
            return list(held)
        for lock in held.values():
            os.close(lock)
        if not told:
            print(f"waiting for {count} of the GPUs {', '.join(names)}: others are using them", file=sys.stderr, flush=True)
        told = True
        time.sleep(PAUSE)


def locked(name: str) -> int | None:
    """The descriptor that holds the GPU's lock, inherited by the command; None if another process holds it."""
    folder = Path(tempfile.gettempdir()) / f"lastiterate-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise StepError(f"{folder} belongs to somebody else: set TMPDIR to a folder of your own, the same for all jobs")
    lock = os.open(folder / name.replace("/", "_"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    os.set_inheritable(lock, True)
    return lock


if __name__ == "__main__":
    main()
