"""Command line of the rules `train_*`: trains the named runs of a config, or all that are left of it.

A run that was killed goes on from its last checkpoint. SIGTERM saves the state and ends the process with status 143.
Several processes may work on one folder: each run is locked by the one that trains it.
"""

import argparse
import fcntl
import signal
import sys
import time
from contextlib import contextmanager, nullcontext
from fnmatch import fnmatchcase
from pathlib import Path

from lastiterate.train.config import load_train_config
from lastiterate.train.plan import Run, make_plan
from lastiterate.workflow.step import StepError, reported_errors

STOPPED = 128 + signal.SIGTERM


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="config/train/NAME.yaml")
    parser.add_argument("--folder", type=Path, required=True, help="where the runs' folders are")
    parser.add_argument("--run", nargs="+", default=["*"], help="ids or patterns of the runs to train, in this order (default: all)")
    arguments = parser.parse_args()
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    with reported_errors():
        config = load_train_config(arguments.config)
        runs = make_plan(config)
        wanted = [name for pattern in arguments.run for name in runs if fnmatchcase(name, pattern)]
        if not wanted:
            raise StepError(f"{arguments.config} has no run {' '.join(arguments.run)}; its runs are\n  " + "\n  ".join(runs))
        work(list(dict.fromkeys(wanted)), runs, config, arguments.folder, lambda: bool(asked))


def work(wanted: list[str], runs: dict[str, Run], config: dict, folder: Path, stop) -> None:
    """Train the wanted runs that are not finished; wait for those that another process trains."""
    from lastiterate.train.data import load_dataset
    from lastiterate.train.distributed import barrier, process_group, rank
    from lastiterate.train.loop import Stopped, finished, train_run

    with process_group(config["device"]):
        while left := [name for name in wanted if not finished(folder, name)]:
            ready = [name for name in left if all(finished(folder, needed) for needed in runs[name].needs)]
            if not any(name in wanted for run in left for name in runs[run].needs) and len(ready) < len(left):
                missing = sorted({needed for name in left for needed in runs[name].needs if not finished(folder, needed)})
                raise StepError(f"{left[0]} starts from a run that is not finished: train {', '.join(missing)} first")
            for name in ready:
                with locked(folder / name) if rank() == 0 else nullcontext(True) as mine:
                    if not mine or finished(folder, name):
                        continue
                    try:
                        result = train_run(runs[name], config, load_dataset(config["datasets"][runs[name].dataset]), folder, stop)
                    except Stopped as stopped:
                        print(stopped, file=sys.stderr)
                        raise SystemExit(STOPPED) from None
                    barrier()
                    if rank() == 0:
                        print(f"{name}: {summary(result)}", file=sys.stderr, flush=True)
                    break
            else:
                if len(wanted) == 1:
                    raise StepError(f"{wanted[0]} is being trained by another process: wait for it, or end it first")
                if stop():
                    raise SystemExit(STOPPED)
                time.sleep(1)


@contextmanager
def locked(place: Path):
    """Hold the lock of a run's folder; yields False if another process holds it."""
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def summary(result: dict) -> str:
    """One line about how a run ended."""
    if result["diverged_step"]:
        return f"diverged at update {result['diverged_step']}"
    return f"final loss {result['final_train_loss']:.4f} (training), {result['final_val_loss']:.4f} (validation)"


if __name__ == "__main__":
    main()
