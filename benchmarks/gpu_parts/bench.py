"""What every part is given: the device, full or toy sizes, a folder to work in, training configs, and the results file."""

import copy
import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml

from gpu_parts.results import update
from lastiterate.schedules import wsd
from lastiterate.train.config import load_train_config
from lastiterate.train.corpus import stdlib_bytes
from lastiterate.train.data import Dataset, load_dataset
from lastiterate.train.device import set_up
from lastiterate.train.loop import Trainer
from lastiterate.train.plan import Run
from lastiterate.train.tokens import CARD, SPLITS, check_file

CONFIGS = Path(__file__).resolve().parents[2] / "config/train"
PEAK_BF16 = {"H100": 989.4e12, "H200": 989.4e12, "A100": 312e12}  # dense bfloat16 FLOP/s of the vendor's data sheets (SXM)
TOY_MODEL = {
    "family": "llama", "vocab_size": 512, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "tie_word_embeddings": True,
}  # fmt: skip
TOY_SIZES = {"context": 32, "batch_size": 8, "micro_batch": 4, "val_windows": 8, "val_batch": 8, "threads": 1}


@dataclass
class Bench:
    """One run of the check."""

    device: str
    toy: bool
    folder: Path
    results: Path
    part: str

    def record(self, measurement: str, **values) -> None:
        """Add a measurement to the results file, whole or not at all, and print it."""
        update(self.results, self.part, {measurement: values})
        print(f"{self.part}: {measurement}: " + ", ".join(f"{key} {shown(value)}" for key, value in values.items()), flush=True)

    def config(self, small: bool = False, **changes) -> dict:
        """The config of the 124M Llama (a tiny one for --toy or `small`) on words of the library corpus, float32, eager unless changed."""
        config = load_train_config(CONFIGS / "llama_124m.yaml")
        if self.toy or small:
            config |= TOY_SIZES | {"models": {"llama_124m": TOY_MODEL}}
        vocabulary = config["models"]["llama_124m"]["vocab_size"]
        entry = {
            "kind": "tokens",
            "folder": str(words(self.folder / f"tokens-{vocabulary}", vocabulary)),
            "vocab_size": vocabulary,
            "repeat": True,
        }
        plain = {"datasets": {"full": entry}, "device": self.device, "precision": "float32", "compile": False, "checkpoint_every": 10**6}
        return copy.deepcopy(config | plain | {"val_every": 10**6} | changes)

    def trainer(self, config: dict, updates: int = 1000, seed: int = 0, peak_lr: float = 1e-3) -> Trainer:
        """A trainer of the config's first model under a wsd schedule."""
        run = self.run(config, updates, seed, peak_lr)
        return Trainer(run, config, self.dataset(config), set_up(config))

    def run(self, config: dict, updates: int, seed: int = 0, peak_lr: float = 1e-3, **fields) -> Run:
        """A run of the config's first model and optimizer under wsd 20 % with a tenth of warmup."""
        schedule = wsd(updates, 0.2, warmup_steps=updates // 10, initial_lr_ratio=0.01, peak_lr=peak_lr)
        model, optimizer = next(iter(config["models"])), next(iter(config["optimizers"]))
        fields = {"run_id": f"seed{seed}", "kind": "whole", "schedule_name": "wsd", "schedule": schedule} | fields
        return Run(model=model, optimizer=optimizer, dataset="full", seed=seed, base_lr=peak_lr, **fields)

    def dataset(self, config: dict) -> Dataset:
        """The config's data."""
        return load_dataset(config["datasets"]["full"])

    def write_config(self, name: str, config: dict) -> Path:
        """The config as a file that `lastiterate.train.run` takes."""
        path = self.folder / f"configs/{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "schema.yaml").write_text((CONFIGS / "schema.yaml").read_text())
        path.write_text(yaml.safe_dump({key: value for key, value in config.items() if key != "name"}))
        return path

    def write_one_run(self, name: str, updates: int, **changes) -> Path:
        """A config file of one small run under wsd with deterministic kernels in bfloat16, which two ways to train it must end alike."""
        config = self.config(small=True, precision="bfloat16", deterministic=True, **changes)
        sweep = {"model": "llama_124m", "optimizer": "adamw", "dataset": "full", "seeds": [0], "base_lrs": [0.001], "schedules": ["wsd"]}
        schedules = {"wsd": {"family": "wsd", "total_steps": updates, "cooldown": 0.2}}
        return self.write_config(name, config | {"schedules": schedules, "sweeps": [sweep]})

    def wait(self) -> None:
        """Wait until the device has done what it was given."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def seconds(self, work, times: int) -> float:
        """Mean seconds of ``work(number)``, number = 0, ..., times - 1."""
        self.wait()
        start = time.perf_counter()
        for number in range(times):
            work(number)
        self.wait()
        return (time.perf_counter() - start) / times

    def device_name(self) -> str:
        """The device in words."""
        return torch.cuda.get_device_name() if self.device == "cuda" else "CPU"

    def peak_flops(self) -> float | None:
        """Dense bfloat16 FLOP/s of the device's data sheet, where it is known."""
        return next((value for name, value in PEAK_BF16.items() if name in self.device_name()), None)


def shown(value) -> str:
    """A value with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def flops_per_token(model: dict, parameters: int, context: int) -> float:
    """Model FLOPs of a token in training, forward and backward: 6 N + 12 layers x width x context.

    N counts every weight once (the tied embedding is the output layer's product). The second term is attention as if it were
    not causal. Source: arXiv:2204.02311, appendix B; nanoGPT counts alike.
    """
    return 6 * parameters + 12 * model["num_hidden_layers"] * model["hidden_size"] * context


def words(folder: Path, vocabulary: int) -> Path:
    """Token files of the library corpus: words, spaces and signs, numbered by how often they come; the rest are one token."""
    if not (folder / CARD).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        pieces = [re.findall(rb" ?\w+|\s+|.", stream.tobytes()) for stream in stdlib_bytes()]
        number = {word: rank for rank, (word, _) in enumerate(Counter(pieces[0]).most_common(vocabulary - 1))}
        for split, part in zip(SPLITS, pieces, strict=True):
            np.array([number.get(word, vocabulary - 1) for word in part], "<u2").tofile(folder / f"{split}.bin")
        facts = {split: check_file(folder / f"{split}.bin", vocabulary) for split in SPLITS}
        (folder / CARD).write_text(json.dumps({"vocab_size": vocabulary} | facts))
    return folder
