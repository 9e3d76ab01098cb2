"""Builds that are killed at any moment: the next one finishes, with the bytes of one that nobody disturbed, and leaves nothing behind."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from conftest import ROOT

FIGURE = "schaipp/convex_example"
PARTS = ("src", "rules", "config", "profiles")
FILES = ("Snakefile", "environment.yml", "environment-train.yml")


def clone(folder):
    for name in PARTS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy2(ROOT / name, folder / name)
    return folder


def snakemake(folder, *words):
    command = [sys.executable, "-m", "snakemake", "--quiet", "all", "--cores", "1", *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def outputs(folder):
    """Digests of what was built, by path; temporary files are among them."""
    paths = [path for top in ("results", "figures") for path in (folder / top).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def build(folder):
    process = snakemake(folder, f"figures/{FIGURE}/loss.svg")
    said, _ = process.communicate(timeout=900)
    return process.returncode, said


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """The files of a build that nobody disturbed."""
    folder = clone(tmp_path_factory.mktemp("whole"))
    status, said = build(folder)
    assert status == 0, said
    return outputs(folder)


def test_a_killed_build_is_finished_by_the_next(tmp_path, target, campaign):
    holds = "the next build finishes, with the same bytes and no temporary file"
    for seed in campaign.seeds("kill -9 of a build, steps included, or of Snakemake alone", holds, 1):
        rng, folder = random.Random(seed), clone(tmp_path / str(seed))
        for _ in range(rng.randint(1, 2)):
            process = snakemake(folder, f"figures/{FIGURE}/loss.svg")
            time.sleep(rng.uniform(1, 15))
            everything = rng.random() < 0.5
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL) if everything else process.kill()
            process.communicate(timeout=600)
            snakemake(folder, "--unlock").communicate(timeout=600)
        status, said = build(folder)
        assert status == 0, f"seed {seed}: {said}"
        assert outputs(folder) == target, f"seed {seed}"
