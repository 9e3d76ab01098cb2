"""The tests that are marked `gpu`."""

import subprocess
import sys
from pathlib import Path

from gpu_parts.bench import Bench

ROOT = Path(__file__).resolve().parents[2]


def run(bench: Bench) -> None:
    """Run them and keep pytest's last line; a failure ends the part."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-m",
        "gpu",
        "tests/test_gpu.py",
        "-p",
        "no:cacheprovider",
        "--gpu-device",
        bench.device,
    ]
    command += ["-o", "filterwarnings=default", "-o", "addopts="]  # the machine's torch may warn of what ours does not
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(done.stdout[-6000:], done.stderr[-2000:], flush=True)
    lines = [line for line in done.stdout.splitlines() if " passed" in line or " failed" in line or " error" in line]
    bench.record("pytest", status=done.returncode, summary=lines[-1].strip("= ") if lines else "")
    if done.returncode:
        raise SystemExit(1)
