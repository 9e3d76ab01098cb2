"""The smoke sweep through the slurm profile on a real one-node SLURM: a cancelled job, a killed Snakemake, an impossible request."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import slurm_node
from training_clone import make_clone

pytest.importorskip("torch", reason="needs the extra `train`: make train-extra")
pytest.importorskip("snakemake_executor_plugin_slurm", reason="needs the extra `train`: make train-extra")

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.slurm, pytest.mark.slow]
SWEEP = {"schedules": ["wsd_200", "wsd_400"]}
TRUNK = "tiny-adamw-lr0.003-seed0-trunk"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    if reason := slurm_node.why_not():
        pytest.skip(reason)
    with slurm_node.Node(tmp_path_factory.mktemp("slurm")) as node:
        yield node


STARTED: list[subprocess.Popen] = []


@pytest.fixture(autouse=True)
def nothing_left_running():
    yield
    while STARTED:
        if (process := STARTED.pop()).poll() is None:
            process.send_signal(signal.SIGINT)  # cancels its jobs
            try:
                process.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def snakemake(folder: Path, *options: str) -> subprocess.Popen:
    profile = ["--workflow-profile", "profiles/slurm", "train", "--config", "train=smoke"]
    command = [sys.executable, "-m", "snakemake", *profile, "--latency-wait", "10", *options]
    STARTED.append(subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    return STARTED[-1]


def finish(process: subprocess.Popen) -> str:
    text, _ = process.communicate(timeout=600)
    assert process.returncode == 0, text
    return text


def wait_until(condition, what: str, seconds: float = 300):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what} did not happen in {seconds} s; the queue: {slurm_node.jobs()}")


def card(folder: Path, run_id: str = TRUNK) -> Path:
    return folder / "data/trained/smoke" / run_id / "card.json"


def running_in(folder: Path) -> list[str]:
    """Ids of the jobs that run in a work directory: how a user finds orphans."""
    lines = subprocess.run(["squeue", "-h", "-t", "R", "-o", "%i %Z"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split()[0] for line in lines if line.split()[1] == str(folder)]


def test_a_cancelled_job_is_retried_and_goes_on_from_its_checkpoint(node, tmp_path):
    folder = make_clone(tmp_path, SWEEP)
    process = snakemake(folder)
    latest = card(folder).with_name("latest.pt")
    wait_until(latest.exists, "the trunk's first checkpoint")
    (job,) = running_in(folder)
    subprocess.run(["scancel", job], check=True)
    text = finish(process)
    assert "Trying to restart job" in text
    assert json.loads(card(folder).read_text())["device"]["resumed_at"] >= 50
    assert len(json.loads((folder / "data/trained/smoke/cards.json").read_text())) == 3
    again = snakemake(folder, "-n")
    assert "Nothing to be done" in finish(again)


def test_a_killed_snakemake_is_restarted_and_nothing_runs_twice(node, tmp_path):
    folder = make_clone(tmp_path, SWEEP)
    process = snakemake(folder)
    wait_until(card(folder).exists, "the trunk's end")
    first = card(folder).read_bytes()  # it holds the run's seconds, which no second run repeats
    wait_until(lambda: running_in(folder), "a branch's start")
    process.kill()
    process.communicate()
    assert running_in(folder)  # the orphan goes on
    finish(snakemake(folder, "--unlock"))
    finish(snakemake(folder))
    assert card(folder).read_bytes() == first
    starts = list((folder / "data/trained/smoke").glob("*/sessions.txt"))
    assert len(starts) == 3 and [path.read_text().count("\n") for path in starts] == [1, 1, 1]


def test_a_gpu_job_goes_to_the_gpu_partition_and_an_impossible_request_says_so(node, tmp_path):
    folder = make_clone(tmp_path / "gpu", SWEEP, gpus=1)
    snakemake(folder)
    asked = lambda: subprocess.run(["squeue", "-h", "-O", "Partition,tres-per-job"], capture_output=True, text=True, check=True).stdout
    assert wait_until(asked, "a job").split() == ["gpu", "gres:gpu:1"]
    (process := STARTED[-1]).send_signal(signal.SIGINT)  # cancels its jobs
    process.communicate(timeout=300)
    wait_until(lambda: not running_in(folder), "the jobs' end")
    folder = make_clone(tmp_path / "impossible", SWEEP, mem_mb=100_000_000)
    text, _ = (process := snakemake(folder, "--retries", "0")).communicate(timeout=300)
    assert process.returncode != 0 and "Requested node configuration is not available" in text, text
    assert not card(folder).exists()
