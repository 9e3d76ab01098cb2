"""One job a GPU on one machine, with made-up devices: who gets which, and a sweep through Snakemake."""

import json
import os
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path

import pytest

from lastiterate.train.gpus import visible, wait_for
from lastiterate.workflow.step import StepError
from training_clone import make_clone

ROOT = Path(__file__).parents[1]
JOB = "import os, sys, time; start = time.time(); time.sleep({}); print(os.environ['CUDA_VISIBLE_DEVICES'], start, time.time())"


def launch(folder, devices, seconds, count=1, **environment):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(folder), "CUDA_VISIBLE_DEVICES": devices, **environment}
    command = [sys.executable, "-m", "lastiterate.train.gpus", "--count", str(count), sys.executable, "-c", JOB.format(seconds)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def uses(processes):
    lines = [process.communicate(timeout=60)[0].split() for process in processes]
    return [(devices, float(start), float(end)) for devices, start, end in lines]


def overlap(first, second):
    return set(first[0].split(",")) & set(second[0].split(",")) and first[1] < second[2] and second[1] < first[2]


def test_no_gpu_is_used_twice_at_a_time(tmp_path):
    jobs = [launch(tmp_path, "3,GPU-a", 0.3) for _ in range(5)] + [launch(tmp_path, "3,GPU-a", 0.1, count=2)]
    found = uses(jobs)
    assert {devices for devices, *_ in found} == {"3", "GPU-a", "3,GPU-a"}
    assert not any(overlap(*pair) for pair in combinations(found, 2))


def test_a_killed_job_gives_its_gpu_back(tmp_path):
    first = launch(tmp_path, "0", 60)
    while not list(tmp_path.glob("lastiterate-gpus-*/0")):
        time.sleep(0.02)
    second = launch(tmp_path, "0", 0)
    time.sleep(0.3)
    first.kill()
    first.communicate()
    assert uses([second])[0][0] == "0"


def test_too_few_gpus_are_refused_and_slurm_has_chosen_already(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0, 1")
    assert visible() == ["0", "1"]
    with pytest.raises(StepError, match=r"asks for 3 GPUs \(cluster.gpus\), but this machine shows 2: 0, 1"):
        wait_for(visible(), 3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StepError, match=r"nvidia-smi fails .* name the GPUs in CUDA_VISIBLE_DEVICES"):
        visible()
    job = launch(tmp_path, "5", 0, count=9, SLURM_JOB_ID="1")
    assert uses([job])[0][0] == "5"


@pytest.mark.slow
def test_a_sweep_on_one_machine_trains_one_run_a_gpu(tmp_path):
    pytest.importorskip("torch", reason="needs the extra `train`: make train-extra")
    place = make_clone(tmp_path / "work", {"seeds": [0, 1, 2, 3], "schedules": ["linear_200"]}, gpus=1)
    arguments = "train --config train=smoke --cores 4 --resources gpu=2"
    command = [sys.executable, "-m", "snakemake", *arguments.split()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "CUDA_VISIBLE_DEVICES": "6,7", "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    cards = [json.loads(card.read_text()) for card in place.glob("data/trained/smoke/*/card.json")]
    assert len(cards) == 8 and all(card["result"]["final_val_loss"] for card in cards)
    used = [file.read_text().split()[-1] for file in place.glob("data/trained/smoke/*/sessions.txt")]
    assert sorted(set(used)) == ["gpu:6", "gpu:7"]
