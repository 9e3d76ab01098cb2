"""Command line of the rules `train_*`: trains the named runs of a config, or all that are left of it.

A run that was killed goes on from its last checkpoint. SIGTERM saves the state and ends the process with status 143.
Several processes may work on one folder: each run is locked by the one that trains it, and the others wait for it.
"""

import argparse
import os
import platform
import signal
import sys
import time
from contextlib import nullcontext
from fnmatch import fnmatchcase
from pathlib import Path

from lastiterate.train.config import load_train_config
from lastiterate.train.folder import finished, locked, make_folder, note_session
from lastiterate.train.plan import Run, groups, make_plan
from lastiterate.workflow.step import StepError, reported_errors

STOPPED = 128 + signal.SIGTERM


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="config/train/NAME.yaml")
    parser.add_argument("--folder", type=Path, required=True, help="where the runs' folders are")
    parser.add_argument("--only", nargs="+", default=["*"], help="ids or patterns of the runs to train, in this order (default: all)")
    arguments = parser.parse_args()
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    with reported_errors():
        config = load_train_config(arguments.config)
        runs = make_plan(config)
        wanted = [name for pattern in arguments.only for name in runs if fnmatchcase(name, pattern)]
        if not wanted:
            raise StepError(f"{arguments.config} has no run {' '.join(arguments.only)}; its runs are\n  " + "\n  ".join(runs))
        work(list(dict.fromkeys(wanted)), runs, config, arguments.folder, lambda: bool(asked))


def work(wanted: list[str], runs: dict[str, Run], config: dict, folder: Path, stop) -> None:
    """Train the wanted runs that are not finished, group by group; wait for those that another process trains."""
    from lastiterate.train.distributed import process_group

    order = {name: number for number, name in enumerate(wanted)}
    chosen = [[run for run in group if run.run_id in order] for group in groups(runs, config)]
    queue = sorted((group for group in chosen if group), key=lambda group: order[group[0].run_id])
    waiting = False
    with process_group(config["device"]):
        while queue := [group for group in queue if not all(finished(folder, run.run_id) for run in group)]:
            missing = [{name for run in group for name in run.needs if not finished(folder, name)} for group in queue]
            if not any(name in order for names in missing for name in names) and all(missing):
                raise StepError(f"{queue[0][0].run_id} starts from a run that is not finished: train {', '.join(sorted(missing[0]))} first")
            if not any(_try(group, config, folder, stop) for group, names in zip(queue, missing, strict=True) if not names):
                if stop():
                    raise SystemExit(STOPPED)
                if not waiting:
                    print(f"{queue[0][0].run_id} is being trained by another process: waiting for it", file=sys.stderr, flush=True)
                waiting = True
                time.sleep(1)


def _try(group: list[Run], config: dict, folder: Path, stop) -> bool:
    """Train a group if no other process does; False if one does."""
    from lastiterate.train.data import load_dataset
    from lastiterate.train.distributed import barrier, rank
    from lastiterate.train.loop import Stopped, train_run
    from lastiterate.train.refined import refined_run
    from lastiterate.train.sweep import train_stack

    for run in group:
        make_folder(folder / run.run_id)
    with locked(folder / group[0].run_id) if rank() == 0 else nullcontext(True) as mine:
        if not mine:
            return False
        group = [run for run in group if not finished(folder, run.run_id)]
        if not group:
            return True
        if rank() == 0:
            for run in group:
                gpu = f" gpu:{os.environ['CUDA_VISIBLE_DEVICES']}" if "CUDA_VISIBLE_DEVICES" in os.environ else ""
                note_session(folder / run.run_id, f"{time.strftime('%F %T')} {platform.node()} {os.getpid()}{gpu}")
        group = [refined_run(run, folder) if run.refined_from else run for run in group]
        dataset = load_dataset(config["datasets"][group[0].dataset])
        try:
            if len(group) > 1:
                results = train_stack(group, config, dataset, folder, stop)
            else:
                results = {group[0].run_id: train_run(group[0], config, dataset, folder, stop)}
        except Stopped as stopped:
            print(stopped, file=sys.stderr)
            raise SystemExit(STOPPED) from None
        barrier()
        if rank() == 0:
            for name, result in results.items():
                print(f"{name}: {summary(result)}", file=sys.stderr, flush=True)
    return True


def summary(result: dict) -> str:
    """One line about how a run ended."""
    if result["diverged_step"]:
        return f"diverged at update {result['diverged_step']}"
    return f"final loss {result['final_train_loss']:.4f} (training), {result['final_val_loss']:.4f} (validation)"


if __name__ == "__main__":
    main()
