"""Writes the files of this folder: made-up logs, from formulas alone, for the examples of the documentation and of the help."""

import csv
import json
import sys
from pathlib import Path

import numpy as np

from lastiterate.schedules import cosine, wsd
from lastiterate.schedules.export import export

PILOTS = {
    "long": wsd(60_000, 0.2, warmup_steps=300, peak_lr=1e-3),
    "short": wsd(30_000, 0.4, warmup_steps=300, peak_lr=1e-3),
    "high": wsd(30_000, 0.2, warmup_steps=300, peak_lr=2e-3),
}


def pilot(schedule, drop=0.02, every=500, lr_column="lr"):
    """A log of a run whose loss falls like the inverse root of the summed learning rates, and in the cooldown: header and rows."""
    step = np.arange(every, schedule.total_steps + 1, every)
    lr = schedule.lr[step - 1]
    loss = 3 + 1 / np.sqrt(1 + np.cumsum(schedule.lr)[step - 1]) + drop * lr / 1e-3
    norm = 1 + 5 / step
    rows = zip(step.tolist(), lr.tolist(), loss.tolist(), loss.tolist(), norm.tolist(), strict=True)
    return [["step", lr_column, "val_loss", "loss/train", "train/grad_norm"], *rows]


def norms(total_steps=50_000, every=500):
    """A log with gradient norms that fall at the start, and rise in the end."""
    step = np.arange(every, total_steps + 1, every)
    norm = 0.4 + 2 * 0.5 ** (step / 1000) + 0.3 * step / total_steps
    rows = zip(step.tolist(), (3 + norm).round(4).tolist(), norm.round(4).tolist(), strict=True)
    return [["step", "train/loss", "train/grad_norm"], *rows]


def sweep():
    """A table of final losses: three sizes, two numbers of tokens, two batches, six learning rates."""
    rows = []
    for n, d, b in ((n, d, b) for n in (5e7, 1e8, 2e8) for d in (2e9, 8e9) for b in (128, 256)):
        best = 2e-3 * (n / 1e8) ** -0.4 * (b / 128) ** 0.4
        least = 2 + 0.6 * (n / 1e8) ** -0.3 + 0.5 * (d / 2e9) ** -0.3
        rows += [(n, d, b, lr, least + 0.03 * np.log(lr / best) ** 2) for lr in (5e-4 * 2.0 ** np.arange(6)).tolist()]
    return [["n_params", "tokens", "batch_size", "lr", "val_loss"], *rows]


def trainer_state(schedule, every=50):
    """What Hugging Face's Trainer before 4.50 wrote: a row's learning rate is that of the next update."""
    lr, rows = np.append(schedule.lr, 0.0), []
    for t in range(every, schedule.total_steps + 1, every):
        loss = 2.9 + 4 / np.sqrt(t)
        row = {"epoch": t / 5000, "grad_norm": round(0.5 + 20 / t, 4), "learning_rate": float(lr[t]), "loss": round(loss, 4), "step": t}
        rows.append(row)
        if t % 500 == 0:
            rows.append({"epoch": t / 5000, "eval_loss": round(loss + 0.05, 4), "eval_runtime": 1.0, "step": t})
    return {"best_metric": None, "epoch": 1.0, "global_step": schedule.total_steps, "log_history": rows, "max_steps": schedule.total_steps}


def write(folder: Path) -> None:
    """Write them all."""
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    tables = {f"runs/{name}.csv": pilot(schedule) for name, schedule in PILOTS.items()}
    tables["bare.csv"] = pilot(wsd(20_000, 0.2, peak_lr=5e-4), lr_column="unnamed")
    tables |= {"log.csv": norms(), "sweep.csv": sweep()}
    for name, rows in tables.items():
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    nanotron = export(wsd(9000, 0.2, "1-sqrt", peak_lr=1e-3, warmup_steps=300, initial_lr_ratio=0.0), "nanotron")
    texts = {
        "bare.json": wsd(20_000, 0.2, peak_lr=5e-4).to_json(),
        "config.yaml": nanotron.text,
        "trainer_state.json": json.dumps(trainer_state(cosine(5000, peak_lr=3e-4, warmup_steps=100)), indent=1),
    }
    for name, text in texts.items():
        (folder / name).write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
