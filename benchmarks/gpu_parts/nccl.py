"""The process group of torchrun with one rank (NCCL on a GPU): the very bytes of a run without it."""

import subprocess
import sys

from gpu_parts.bench import Bench


def run(bench: Bench) -> None:
    """Train a small run with and without torchrun under deterministic kernels, and compare logs and weights."""
    config = bench.config(small=True, precision="bfloat16", deterministic=True)
    config["schedules"] = {"wsd": {"family": "wsd", "total_steps": 100, "cooldown": 0.2}}
    config["sweeps"] = [
        {"model": "llama_124m", "optimizer": "adamw", "dataset": "full", "seeds": [0], "base_lrs": [0.001], "schedules": ["wsd"]}
    ]
    path, tables = bench.write_config("nccl", config), {}
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1"]
    for name, command in (("plain", []), ("torchrun", launch)):
        folder = bench.folder / f"nccl-{name}"
        command = [sys.executable, *command, "-m", "lastiterate.train.run", "--config", path, "--folder", folder]
        subprocess.run(command, check=True, timeout=80)
        (table,) = folder.glob("*/history.parquet")
        tables[name] = table.read_bytes()
    backend = "nccl" if bench.device == "cuda" else "gloo"
    bench.record(
        "one rank", backend=backend, updates=config["schedules"]["wsd"]["total_steps"], same_bytes=tables["plain"] == tables["torchrun"]
    )
