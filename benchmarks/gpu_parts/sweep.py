"""The sweep of config/train/long.yaml, T up to 100k, as far as the time allows; what is finished is collected as logs."""

import copy
import json
import os
import subprocess
import sys
import time

from gpu_parts.bench import CONFIGS, Bench
from lastiterate.train.config import load_train_config
from lastiterate.train.plan import make_plan

PROCESSES = 2  # they share the runs; one prepares and writes while the other computes


def run(bench: Bench, seconds: float = 80.0) -> None:
    """Train for `seconds`, then stop it (it goes on where it stopped in the next call), and collect the finished runs."""
    config = load_train_config(CONFIGS / "long.yaml") | {"device": bench.device}
    path = bench.write_config("long", shortened(config) if bench.toy else config)
    folder = bench.folder / "long"
    command = [sys.executable, "-m", "lastiterate.train.run", "--config", path, "--folder", folder]
    start = time.perf_counter()
    processes = [subprocess.Popen(command, env=os.environ) for _ in range(1 if bench.toy else PROCESSES)]
    while any(process.poll() is None for process in processes) and time.perf_counter() - start < seconds:
        time.sleep(0.1)
    for process in processes:
        process.terminate()
    statuses = [process.wait(30) for process in processes]
    spent = time.perf_counter() - start
    cards = [json.loads(card.read_text()) for card in sorted(folder.glob("*/card.json"))]
    updates = {(card["schedule_name"], card["branch_step"]): card["schedule"] for card in cards}
    bench.record(
        "runs", finished=len(cards), of=len(make_plan(load_train_config(path))), exit_statuses=statuses, seconds=spent,
        schedules=sorted({name for name, _ in updates}),
    )  # fmt: skip
    if cards:
        output = bench.results.parent / "long"
        collect = [
            sys.executable,
            "-m",
            "lastiterate.train.collect",
            "--config",
            path,
            "--folder",
            folder,
            "--output",
            output,
            "--finished",
        ]
        begin = time.perf_counter()
        subprocess.run(collect, check=True)
        bench.record("logs", megabytes=sum(file.stat().st_size for file in output.iterdir()) / 1e6, seconds=time.perf_counter() - begin)


def shortened(config: dict) -> dict:
    """The sweep at a hundredth of its length, two learning rates and one seed."""
    config = copy.deepcopy(config)
    config |= {"val_every": 100, "val_windows": 16, "checkpoint_every": 100, "log_every": 20, "val_batch": 1024}
    for entry in [*config["schedules"].values(), *(sweep["trunk"] for sweep in config["sweeps"])]:
        for key in ("total_steps", "switch_step", "warmup_steps"):
            if key in entry:
                entry[key] = -(-entry[key] // 50)
    for sweep in config["sweeps"]:
        sweep |= {"base_lrs": [0.001, 0.002], "seeds": [0], "schedules": ["wsd20_100k", "linear_25k"]}
    return config
