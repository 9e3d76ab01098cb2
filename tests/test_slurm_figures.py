"""Figures through the slurm profile on a real one-node SLURM, with the extra `slurm` alone: no torch is asked for."""

import socket
import subprocess
import sys
import time

import pytest

import slurm_node
from test_anywhere import copy

pytest.importorskip("snakemake_executor_plugin_slurm", reason="needs the extra `slurm`: make slurm-extra")

pytestmark = [pytest.mark.slurm, pytest.mark.slow]
FIGURES = [
    "figures/schaipp/wsd_detail/single_terms.svg",
    "figures/schaipp/cosine_cycle/lr_sweep.svg",
    "figures/own/own_cooldown/lr_sweep.svg",
]


@pytest.fixture
def node(tmp_path_factory):
    if reason := slurm_node.why_not():
        pytest.skip(reason)
    with slurm_node.Node(tmp_path_factory.mktemp("slurm")) as node:
        yield node


def test_three_figures_are_built_by_jobs_of_the_cluster(node, tmp_path):
    project = copy(tmp_path / "project", "data/embedded")
    words = [sys.executable, "-m", "snakemake", "--workflow-profile", "profiles/slurm", "--latency-wait", "10", *FIGURES]
    done = subprocess.run(words, cwd=project, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all((project / figure).stat().st_size > 1000 for figure in FIGURES)
    submitted = done.stdout + done.stderr
    assert submitted.count("has been submitted with SLURM jobid") == 7  # three steps that compute, one that ingests, three that draw
    again = subprocess.run([*words, "-n"], cwd=project, capture_output=True, text=True, check=False)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_a_node_that_goes_down_ends_its_job_and_does_not_hold_snakemake_for_ever(node, tmp_path):
    """The profile forbids SLURM to queue the job again: it fails, and Snakemake ends where nothing may be submitted anew."""
    project = copy(tmp_path / "project")
    target = "results/defazio/noise_limited_controls/exponents.csv"
    words = [sys.executable, "-m", "snakemake", "--workflow-profile", "profiles/slurm", "--retries", "0", "--latency-wait", "5", target]
    process = subprocess.Popen(words, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    host = socket.gethostname().split(".")[0]
    control = lambda *change, check=True: subprocess.run(["scontrol", "update", f"NodeName={host}", *change], check=check)
    try:
        for _ in range(600):
            if slurm_node.jobs("R"):
                break
            time.sleep(0.2)
        control("State=DOWN", "Reason=test")
        text, _ = process.communicate(timeout=300)
    finally:
        control("State=RESUME", check=False)  # it may be back by itself
        process.kill()
    assert process.returncode != 0, text
    assert not (project / target).exists()
