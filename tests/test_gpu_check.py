"""`make gpu-check` at toy sizes on the CPU: every part runs, what it finds goes into one file, and the page is written from it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `train`: make train-extra")

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def check(folder, *arguments):
    files = ["--folder", folder / "work", "--results", folder / "gpu.json", "--page", folder / "gpu.md"]
    command = [sys.executable, ROOT / "benchmarks/gpu.py", "--device", "cpu", "--toy", "--seconds", "1500", *files, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=1600, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})


def test_every_part_runs_at_toy_sizes_and_goes_on_where_it_was_cut_off(tmp_path):
    done = check(tmp_path, "--sweep-seconds", "300")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert all(part["finished"] for part in found.values()) and len(found) == 10
    assert found["stacks"]["agreement"]["largest_difference"] < 1e-4
    assert found["branching"]["branch, deterministic kernels"]["same_bits"] and found["resume"]["kill and resume"]["same_bytes"]
    assert found["nccl"]["one rank"] == {"backend": "gloo", "updates": 100, "same_bytes": True}
    assert found["sweep"]["runs"]["finished"] == found["sweep"]["runs"]["of"] == 12
    assert abs(found["precision"]["bfloat16 against float32"]["mean_of_last_20"]) < 0.01
    page = (tmp_path / "gpu.md").read_text()
    assert "Toy sizes: nothing here is a measurement" in page and "Not finished" not in page
    del found["nccl"]
    (tmp_path / "gpu.json").write_text(json.dumps(found))
    again = check(tmp_path)
    assert again.returncode == 0 and "nccl: status 0" in again.stdout and "stacks: status" not in again.stdout


def test_the_committed_results_are_those_of_the_page():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from gpu_parts.page import page

    found = json.loads((ROOT / "benchmarks/gpu.json").read_text())
    assert (ROOT / "docs/gpu.md").read_text() == page(found, toy=False)
