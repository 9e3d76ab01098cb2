"""Made-up training logs in the epfml format: small files with the structure, and on demand the dirt, of the public ones."""

import hashlib
import json
from pathlib import Path

import numpy as np

COMMIT = "0" * 40
REPOSITORY = "someone/some-logs"


def log(base_lr=0.001, total=1000, cooldown=0.2, scheduler="wsd", start=0, every=50, warmup=30, n_params=1000, decay="linear", **config):
    """A log as a dict; `start` > 0 makes it a run that resumed from a stable run at that step."""
    name = f"tiny_lr{base_lr}_{scheduler}_{decay}_{cooldown}_iter{total}"
    stable = f"tiny_lr{base_lr}_wsd_linear_0.0_iter{total}"
    entry = executed(base_lr, total, cooldown, scheduler, warmup, decay, config.get("wsd_twostage_transition_after"))
    train = np.arange(start + every, total + 1, every)
    val = np.arange(start, total, 4 * every)
    loss = lambda t: 3.0 + 10.0 / np.sqrt(t + 10) + 20 * base_lr - 0.2 * (t / total) * cooldown
    return {
        "name": name,
        "config": {
            "lr": base_lr, "opt": "adamw", "seed": 0, "model": "llama", "dataset": "tiny", "scheduler": scheduler, "iterations": total,
            "warmup_steps": warmup, "wsd_fract_decay": cooldown, "wsd_final_lr_scale": 0, "decay_type": decay, "cos_final_lr": -1,
            "batch_size": 2, "acc_steps": 1, "world_size": 1, "sequence_length": 8,
            "resume_from": f"/somewhere/exps/{stable}/ckpts/{start}" if start else None,
            "wsd_twostage_transition_steps": 100, "wsd_twostage_factor": 0.5,
            **config,
        },
        "summary": {"parameters": n_params, "train/loss": float(loss(total)), "final-val/loss": float(loss(total)) + 0.035},
        "history": {
            "train": {"iter": train.tolist(), "train_loss": loss(train).tolist(), "train_lr": [*entry[train[:-1]].tolist(), 0.0],
                      "grad_norm": (0.01 * base_lr**-0.5 * (1 + 30 / (train + 10))).tolist()},
            "val": {"iter": val.tolist(), "val_loss": loss(val).tolist(), "val_acc": [0.5]},
        },
    }  # fmt: skip


def executed(base_lr, total, cooldown, scheduler, warmup, decay, switch=None):
    """Learning rates of updates 1..T as the trainer's rules give them, written down by themselves."""
    step = np.arange(total)
    if scheduler == "wsd_twostage":
        marks = [0, warmup, switch, switch + 100, total - int(cooldown * total), total]
        return base_lr * np.interp(step, marks, [0.01, 1, 1, 0.5, 0.5, 0])
    if scheduler == "cos":
        up = 1 + (0.01 - 1) / 2 * (1 + np.cos(np.pi * step / (warmup - 1)))
        down = 0.1 + (1 - 0.1) / 2 * (1 + np.cos(np.pi * (step - warmup + 1) / (total - warmup)))
        return base_lr * np.where(step < warmup, up, down)
    cool = int(cooldown * total)
    factor = np.where(step < warmup, 0.01 + 0.99 * step / warmup, 1.0)
    x = np.clip((step - (total - cool)) / max(cool, 1), 0, None)
    return base_lr * factor * (1 - (np.sqrt(x) if decay == "sqrt" else x))


def norm_sequence(column="tiny - gradient_norm", count=200) -> bytes:
    """A norm sequence as the norm_csv reader takes it."""
    rows = [f'"{k}","{1 + 3 / (k + 1)}"' for k in range(count)]
    return "\n".join([f'"Step","{column}"', *rows]).encode()


def write_mirror(folder: Path, logs: dict[str, dict | bytes], source="tiny", reader="epfml") -> list[dict]:
    """Write logs by path below a mirror folder; return their rows of sources.csv."""
    rows = []
    for path, data in logs.items():
        content = data if isinstance(data, bytes) else json.dumps(data).encode()
        target = folder / REPOSITORY / COMMIT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        rows.append(
            {
                "source": source, "reader": reader, "repository": REPOSITORY, "commit": COMMIT, "path": path,
                "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "licence": "MIT",
            }
        )  # fmt: skip
    return rows


def write_sources(path: Path, rows: list[dict]) -> None:
    """Write sources.csv."""
    lines = [",".join(map(str, row.values())) for row in rows]
    header = "source,reader,repository,commit,path,sha256,bytes,licence" + (",map" if any("map" in row for row in rows) else "")
    path.write_text(header + "\n" + "\n".join(lines) + "\n")


def family(base_lr=0.001, total=1000, cooldowns=(0.2, 0.5), **more):
    """A stable run and the wsd runs that branch from it, by path."""
    logs = {f"data/tiny_lr{base_lr}_wsd_linear_0.0_iter{total}.json": log(base_lr, total, 0.0, **more)}
    for c in cooldowns:
        start = int((1 - c) * total) // 200 * 200
        logs[f"data/ann_lr{base_lr}_{c}_iter{total}.json"] = log(base_lr, total, c, start=start, **more)
    return logs
