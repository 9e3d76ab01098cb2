"""A folder with the made-up logs that the examples of the help name, and a shell in it that knows `lastiterate`."""

import os
import subprocess
import sys

import numpy as np

import made_up_logs
from conftest import ROOT
from lastiterate.schedules import wsd
from lastiterate.schedules.export import export


def pilot(schedule, drop=0.02, every=500):
    """A CSV log of a run whose loss falls like the inverse root of the summed learning rates, and in the cooldown."""
    step = np.arange(every, schedule.total_steps + 1, every)
    lr = schedule.lr[step - 1]
    loss = 3 + 1 / np.sqrt(1 + np.cumsum(schedule.lr)[step - 1]) + drop * lr / 1e-3
    norm = 1 + 5 / step
    columns = ["step", "lr", "val_loss", "loss/train", "train/grad_norm"]
    rows = zip(step.tolist(), lr.tolist(), loss.tolist(), loss.tolist(), norm.tolist(), strict=True)
    return made_up_logs.csv_bytes(columns, rows)


def sweep():
    """A CSV table of final losses: three sizes, two numbers of tokens, two batches, six learning rates."""
    columns = ["n_params", "tokens", "batch_size", "lr", "val_loss"]
    rows = []
    for n, d, b in ((n, d, b) for n in (5e7, 1e8, 2e8) for d in (2e9, 8e9) for b in (128, 256)):
        best = 2e-3 * (n / 1e8) ** -0.4 * (b / 128) ** 0.4
        least = 2 + 0.6 * (n / 1e8) ** -0.3 + 0.5 * (d / 2e9) ** -0.3
        rows += [(n, d, b, lr, least + 0.03 * np.log(lr / best) ** 2) for lr in (5e-4 * 2.0 ** np.arange(6)).tolist()]
    return made_up_logs.csv_bytes(columns, rows)


def make_workplace(folder):
    """The files that the examples name, and `lastiterate` itself."""
    (folder / "bin").mkdir()
    (folder / "bin/lastiterate").write_text(f'#!/bin/sh\nexec "{sys.executable}" -W error -m lastiterate.cli "$@"\n')
    (folder / "bin/lastiterate").chmod(0o755)
    (folder / ".config/fish/completions").mkdir(parents=True)
    (folder / "runs").mkdir()
    for name, schedule in {
        "long": wsd(60_000, 0.2, warmup_steps=300, peak_lr=1e-3),
        "short": wsd(30_000, 0.4, warmup_steps=300, peak_lr=1e-3),
        "high": wsd(30_000, 0.2, warmup_steps=300, peak_lr=2e-3),
    }.items():
        (folder / f"runs/{name}.csv").write_bytes(pilot(schedule))
    (folder / "log.csv").write_bytes(pilot(wsd(20_000, 0.2, peak_lr=1e-3)))
    bare = pilot(wsd(20_000, 0.2, peak_lr=5e-4)).replace(b"step,lr,", b"step,unnamed,")
    (folder / "bare.csv").write_bytes(bare)
    (folder / "sweep.csv").write_bytes(sweep())
    settings = export(wsd(9000, 0.2, "1-sqrt", peak_lr=1e-3, warmup_steps=300, initial_lr_ratio=0.0), "nanotron")
    (folder / "config.yaml").write_text(settings.text)
    (folder / "trainer_state.json").write_bytes(made_up_logs.trainer_state())
    return folder


def in_shell(folder, line):
    return subprocess.run(["bash", "-c", line], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False)


def environment(folder):
    own = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder), "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": ""}
    return os.environ | own
