"""The process group of torchrun with one rank (NCCL on a GPU): the very bytes of a run without it."""

import subprocess
import sys

from gpu_parts.bench import Bench


def run(bench: Bench) -> None:
    """Train a small run with and without torchrun under deterministic kernels, and compare logs and weights."""
    updates, tables = 100, {}
    path = bench.write_one_run("nccl", updates)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1"]
    for name, command in (("plain", []), ("torchrun", launch)):
        folder = bench.folder / f"nccl-{name}"
        command = [sys.executable, *command, "-m", "lastiterate.train.run", "--config", path, "--folder", folder]
        subprocess.run(command, check=True, timeout=80)
        (table,) = folder.glob("*/history.parquet")
        tables[name] = table.read_bytes()
    backend = "nccl" if bench.device == "cuda" else "gloo"
    bench.record(
        "one rank", backend=backend, updates=updates, same_bytes=tables["plain"] == tables["torchrun"]
    )
