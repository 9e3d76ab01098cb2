"""What befalls a folder of runs: flipped bits, copies cut short, links, full disks, half-written cards. Nothing is lost or followed."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `train`: make train-extra")

import numpy as np
import torch

from conftest import ROOT
from lastiterate.train import checkpoint
from lastiterate.train.config import load_train_config
from lastiterate.train.data import load_dataset
from lastiterate.train.folder import LOCK, SESSIONS, finished, locked, make_folder, note_session
from lastiterate.train.loop import LATEST, Stopped, checkpoint_name, train_run
from lastiterate.train.plan import make_plan
from lastiterate.train.table import read_table, write_table
from lastiterate.workflow.step import StepError

SMOKE = ROOT / "config/train/smoke.yaml"
PREFIX = "tiny-adamw-lr0.003-seed0-"


@pytest.fixture(scope="module")
def smoke():
    config = load_train_config(SMOKE)
    return {**config, "checkpoint_every": 20}, make_plan(config), load_dataset(config["datasets"]["full"])


def stopped(smoke, folder, name, after):
    """Train a run until its state after update `after` is saved."""
    config, plan, dataset = smoke
    asked = iter([False] * (after // 20 - 1) + [True] * 99)
    with pytest.raises(Stopped, match=f"stopped after update {after} "):
        train_run(plan[PREFIX + name], config, dataset, folder, lambda: next(asked))
    return folder / (PREFIX + name) / LATEST


@pytest.fixture(scope="module")
def whole(smoke, tmp_path_factory):
    """The same run, uninterrupted."""
    config, plan, dataset = smoke
    return train_run(plan[PREFIX + "linear_200"], config, dataset, tmp_path_factory.mktemp("whole"))


def flipped(path, at=0.5):
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 16
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path):
    path.write_bytes(b"")


def foreign(path):
    torch.save({"model": {}}, path)


DAMAGES = {
    flipped: "is not what was written: its checksum differs", cut: "does not end in a checksum: it was cut short",
    emptied: "is empty", foreign: "does not end in a checksum",
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_state_is_moved_aside_and_the_one_before_goes_on_to_the_same_bytes(smoke, whole, tmp_path, capsys, damage):
    config, plan, dataset = smoke
    latest = stopped(smoke, tmp_path, "linear_200", 60)
    assert checkpoint.load(latest, "cpu")["step"] == 60 and checkpoint.load(checkpoint.before(latest), "cpu")["step"] == 40
    damage(latest)
    assert train_run(plan[PREFIX + "linear_200"], config, dataset, tmp_path)["weights_sha256"] == whole["weights_sha256"]
    said = capsys.readouterr().err
    assert DAMAGES[damage] in said and "going on from latest.before.pt, after update 40" in said
    assert json.loads(latest.with_name("card.json").read_text())["device"]["resumed_at"] == 40
    assert latest.with_suffix(".damaged").exists() and not latest.exists() and not checkpoint.before(latest).exists()


def test_with_both_states_damaged_the_run_starts_again(smoke, whole, tmp_path, capsys):
    config, plan, dataset = smoke
    latest = stopped(smoke, tmp_path, "linear_200", 40)
    flipped(latest, 0.001), cut(checkpoint.before(latest))
    assert train_run(plan[PREFIX + "linear_200"], config, dataset, tmp_path)["weights_sha256"] == whole["weights_sha256"]
    assert "starting from the beginning again" in capsys.readouterr().err


def test_a_kill_between_two_renames_leaves_the_state_before(smoke, tmp_path):
    latest = stopped(smoke, tmp_path, "linear_200", 40)
    latest.unlink()
    found, path = checkpoint.load_latest(latest, "cpu")
    assert (found["step"], path) == (20, checkpoint.before(latest))


def test_every_bit_of_a_checkpoint_counts(smoke, tmp_path, rng):
    latest = stopped(smoke, tmp_path, "linear_200", 20)
    data = latest.read_bytes()
    assert torch.load(latest, weights_only=True)["step"] == 20  # what torch writes, to which the checksum is added
    for at in [0, 5, len(data) - 1, *rng.integers(len(data), size=40).tolist()]:
        latest.write_bytes(data[:at] + bytes([data[at] ^ 1 << int(rng.integers(8))]) + data[at + 1 :])
        with pytest.raises(checkpoint.Damaged):
            checkpoint.load(latest, "cpu")


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_branch_does_not_start_from_a_damaged_checkpoint(smoke, tmp_path, damage):
    config, plan, dataset = smoke
    branch = plan[PREFIX + "wsd_200"]
    place = tmp_path / branch.parent
    latest = stopped(smoke, tmp_path, "linear_200", 20)
    place.mkdir()
    path = latest.rename(place / checkpoint_name(branch.branch_step))
    damage(path)
    with pytest.raises(ValueError, match=f"{path}.*but {branch.run_id} starts from it: remove the folder {place} and train"):
        train_run(branch, config, dataset, tmp_path)


def test_a_checkpoint_that_runs_code_is_refused_before_it_is_read(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "pwned"),)

    path = tmp_path / LATEST
    torch.save(Evil(), path)
    with pytest.raises(checkpoint.Damaged, match="does not end in a checksum"):
        checkpoint.load(path, "cpu")
    checkpoint.save(path, {"evil": Evil()})  # with a checksum
    with pytest.raises(checkpoint.Damaged, match="is no checkpoint of this program"):
        checkpoint.load(path, "cpu")
    assert not (tmp_path / "pwned").exists()


def test_a_disk_that_fills_at_a_checkpoint_ends_in_a_sentence(tmp_path):
    path = tmp_path / LATEST
    checkpoint.save_latest(path, {"step": 1})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 12, before[1]))
    try:
        with pytest.raises(StepError, match=r"latest.pt cannot be written \(.*is the disk full\? What was saved before is whole"):
            checkpoint.save_latest(path, {"step": 2, "model": torch.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert checkpoint.load(path, "cpu") == {"step": 1} and [file.name for file in tmp_path.iterdir()] == [LATEST]


@pytest.mark.parametrize("content", [b"", b"{", b'{"run_id": "a"}', b"[]", b"[" * 100_000, b"\xff", b"null"])
def test_a_card_that_is_not_whole_does_not_make_a_run_finished(tmp_path, content):
    (tmp_path / "a").mkdir()
    assert not finished(tmp_path, "a")
    (tmp_path / "a/card.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"a/card.json is not a whole card of a finished run .*: remove it, and the run is trained again"):
        finished(tmp_path, "a")


@pytest.mark.parametrize("name", [LOCK, SESSIONS, "card.json", LATEST])
@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe"])
def test_nothing_in_a_run_folder_is_followed(tmp_path, name, kind):
    victim, place = tmp_path / "victim", tmp_path / "runs/a"
    place.mkdir(parents=True)
    if kind != "dangling":
        victim.write_text("precious")
    {"folder": (place / name).mkdir, "pipe": lambda: os.mkfifo(place / name)}.get(kind, lambda: (place / name).symlink_to(victim))()
    expected = {"folder": "a folder", "pipe": "a pipe"}.get(kind, "a symbolic link")
    with pytest.raises(ValueError, match=f"runs/a/{name} is {expected}"):
        if name == LOCK:
            with locked(place):
                pass
        elif name == SESSIONS:
            note_session(place, "me")
        elif name == LATEST:
            checkpoint.load_latest(place / LATEST, "cpu")
        else:
            finished(tmp_path / "runs", "a")
    assert victim.read_text() == "precious" if kind != "dangling" else not victim.exists()


def test_a_folder_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="runs/a is a symbolic link, expected a folder of this machine's own"):
        make_folder(tmp_path / "runs/a")


def test_sessions_are_added_and_one_process_at_a_time_holds_the_lock(tmp_path):
    for line in ("one", "two"):
        note_session(tmp_path, line)
    assert (tmp_path / SESSIONS).read_text() == "one\ntwo\n"
    with locked(tmp_path) as mine, locked(tmp_path) as again:
        assert mine and not again


def test_the_command_says_what_a_stranger_left(tmp_path):
    place = tmp_path / (PREFIX + "linear_200")
    place.mkdir()
    (place / SESSIONS).symlink_to(tmp_path / "victim")
    words = [sys.executable, "-m", "lastiterate.train.run", "--config", SMOKE, "--folder", tmp_path, "--only", place.name]
    done = subprocess.run(words, env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith(f"error: {place / SESSIONS} is a symbolic link")
    assert not Path(tmp_path / "victim").exists()


def test_a_history_that_is_damaged_is_named_and_not_collected(tmp_path):
    path = tmp_path / "history.parquet"
    write_table(path, {"step": np.arange(1, 2001), "train_loss": np.linspace(3, 2, 2000)})
    assert read_table(path, ["step", "train_loss"])["train_loss"][-1] == 2
    whole = path.read_bytes()
    for damage in (flipped, cut, emptied):
        path.write_bytes(whole)
        damage(path)
        with pytest.raises(ValueError, match=r"history.parquet is damaged \(.*remove it and the run's card, and it is trained again"):
            read_table(path, ["step", "train_loss"])
    path.unlink()
    with pytest.raises(ValueError, match=r"history.parquet is missing, but its run is finished"):
        read_table(path, ["step"])
