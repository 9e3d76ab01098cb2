"""Training runs that are killed, whose states are damaged between two sessions: they end with the bytes of an uninterrupted one."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("torch", reason="needs the extra `train`: make train-extra")

from campaign.damage import cut, flipped, overwritten
from conftest import ROOT
from lastiterate.train.checkpoint import before
from lastiterate.train.folder import finished
from lastiterate.train.loop import LATEST

SMOKE = ROOT / "config/train/smoke.yaml"
RUN = "tiny-adamw-lr0.003-seed0-linear_200"
SIGNALS = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


def session(folder):
    words = [sys.executable, "-m", "lastiterate.train.run", "--config", SMOKE, "--folder", folder, "--only", RUN]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True)


def outcome(folder):
    return (folder / RUN / "history.parquet").read_bytes(), json.loads((folder / RUN / "card.json").read_text())["result"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run, uninterrupted."""
    folder = tmp_path_factory.mktemp("whole")
    process = session(folder)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return outcome(folder)


def interrupt(rng, folder):
    """One session that is ended by a signal at some moment after it has begun to train, and maybe damage to what it leaves."""
    process = session(folder)
    sessions, start = folder / RUN / "sessions.txt", time.monotonic()
    count = sessions.read_text().count("\n") if sessions.exists() else 0
    begun = lambda: sessions.exists() and sessions.read_text().count("\n") > count
    while process.poll() is None and not begun() and time.monotonic() < start + 300:
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 6))
    sent = rng.choice(SIGNALS)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=300)
    assert "Traceback" not in errors or sent == signal.SIGINT, errors
    latest = folder / RUN / LATEST
    for path in (latest, before(latest)):
        if path.exists() and rng.random() < 0.4:
            content = path.read_bytes()
            path.write_bytes(rng.choice([cut, flipped, overwritten, lambda rng, content: b""])(rng, content))


def test_a_run_ends_with_the_same_bytes_whatever_befell_it(tmp_path, whole, campaign):
    holds = "the bytes of an uninterrupted run; a damaged state is told and the one before is taken"
    for seed in campaign.seeds("signals to a training run, and damage to its checkpoints", holds, 2):
        rng, folder = random.Random(seed), tmp_path / str(seed)
        for _ in range(rng.randint(1, 2)):
            interrupt(rng, folder)
            if finished(folder, RUN):
                break
        if not finished(folder, RUN):
            process = session(folder)
            _, errors = process.communicate(timeout=600)
            assert process.returncode == 0 and "Traceback" not in errors, f"seed {seed}: {errors}"
        assert outcome(folder) == whole, f"seed {seed}"
