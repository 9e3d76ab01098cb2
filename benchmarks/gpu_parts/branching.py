"""A cooldown from a checkpoint against the uninterrupted run, and a run that is killed and resumed."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pyarrow.parquet as parquet

from gpu_parts.bench import Bench
from lastiterate.schedules import constant
from lastiterate.train.loop import LATEST, train_run

TOLERANCE = 0.001  # nats, of the losses of bfloat16 runs whose kernels add in varying order, over the few updates here


def run(bench: Bench) -> None:
    """Branch at full size with the usual kernels and with deterministic ones."""
    for name, deterministic in (("default kernels", False), ("deterministic kernels", True)):
        config = bench.config(precision="bfloat16", batch_size=8, micro_batch=4, val_batch=32, val_windows=64, deterministic=deterministic)
        bench.record(f"branch, {name}", **branch(bench, config, bench.folder / f"branch-{deterministic}"))


def run_killed(bench: Bench) -> None:
    """Kill and resume a small run."""
    bench.record("kill and resume", **killed(bench))


def branch(bench: Bench, config: dict, folder) -> dict:
    """Largest difference in loss between a cooldown from a trunk's checkpoint and the same run in one piece, and whether weights agree."""
    total, at = 30, 20
    whole = bench.run(config, total, run_id="whole", schedule_name="wsd")
    flat = constant(at, warmup_steps=total // 10, initial_lr_ratio=0.01, peak_lr=1e-3)
    trunk = replace(whole, run_id="trunk", kind="trunk", schedule=flat, checkpoints=(at,))
    later = replace(whole, run_id="branch", kind="cooldown", parent="trunk", branch_step=at)
    results = {run.run_id: train_run(run, config, bench.dataset(config), folder) for run in (whole, trunk, later)}
    losses = {name: parquet.read_table(folder / name / "history.parquet")["train_loss"].to_numpy() for name in results}
    for path in (folder / "trunk").glob("*.pt"):
        path.unlink()
    apart = float(np.abs(np.concatenate([losses["trunk"], losses["branch"]]) - losses["whole"]).max())
    same = results["branch"]["weights_sha256"] == results["whole"]["weights_sha256"]
    return {"updates": total, "branch_at": at, "largest_difference": apart, "tolerance": TOLERANCE, "same_bits": same}


def killed(bench: Bench) -> dict:
    """Kill a process by SIGKILL and by SIGTERM, resume it, and compare the bytes of its log with an uninterrupted run's."""
    steps, outcome = 200, []
    path = bench.write_one_run("killed", steps, checkpoint_every=20)
    for name, signals in (("alone", ()), ("interrupted", (signal.SIGKILL, signal.SIGTERM))):
        statuses = [interrupt(path, bench.folder / name, sent) for sent in (*signals, None)]
        (table,) = (bench.folder / name).glob("*/history.parquet")
        outcome.append((statuses, table.read_bytes()))
    return {"updates": steps, "statuses": outcome[1][0], "same_bytes": outcome[0][1] == outcome[1][1]}


def interrupt(config, folder, sent) -> int:
    """Train in a process of its own; after its next checkpoint, send it a signal. Its exit status."""
    process = subprocess.Popen([sys.executable, "-m", "lastiterate.train.run", "--config", config, "--folder", folder], env=os.environ)
    newest = lambda: max((path.stat().st_mtime_ns for path in folder.glob(f"*/{LATEST}")), default=0)
    before = newest()
    while sent and process.poll() is None and newest() <= before:
        time.sleep(0.02)
    if sent and process.poll() is None:
        process.send_signal(sent)
    return process.wait(80)
