"""What lies beside logs and is none: what it is, and where the log would be."""

import json
import re
from pathlib import Path

from lastiterate.logs.formats.source import text_of

_MAGIC = (
    (rb"version https://git-lfs\.github\.com/spec/", "a Git LFS pointer, not the file: run `git lfs pull` where it was cloned"),
    (rb"(?:\.\./)*(?:\.git/annex|/annex)/objects/", "a git-annex pointer, not the file: run `git annex get` where it was cloned"),
    (rb"\x89HDF", "an HDF5 file, as weights are: the log lies beside it"),
    (rb"GGUF", "a model's weights (GGUF): the log is with whoever trained it"),
    (rb"SQLite format 3\0", "an SQLite database, as MLflow and Optuna keep: export the run's metrics as CSV"),
    (rb"\x80[\x02-\x05]", "a Python pickle, as checkpoints are, and is not opened: the log lies beside it"),
    (rb"\x93NUMPY", "a NumPy array: save it as CSV with a header (step, lr, train_loss)"),
    (rb"%PDF-", "a PDF document"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", "an image: the numbers behind it are asked for"),
    (rb"(?i:\s*<(?:!doctype html|html))", "an HTML page: if it was to be a download, take the raw file"),
    (rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*-->\s*)?<svg", "a drawing (SVG): the numbers behind it are asked for"),
    (rb"\xd0\xcf\x11\xe0", "an old spreadsheet (XLS): save the sheet as CSV"),
    (rb".{257}ustar", "a tar archive: unpack it"),
    (rb"#!", "a script, not what it printed"),
)
_ZIP = (
    (b"xl/", "a spreadsheet (XLSX): save the sheet as CSV"),
    (b"data.pkl", "a checkpoint of PyTorch, and is not opened: the log lies beside it"),
    (b".npy", "NumPy arrays (NPZ): save them as CSV with a header (step, lr, train_loss)"),
)
_HF_STATE = "the rows are in trainer_state.json, in the run's output folder and in each checkpoint-*"
_KEYS = (  # of a JSON object: all of them there -> what it is
    ({"nbformat", "cells"}, "a Jupyter notebook: save what its cells printed as text, or the table as CSV"),
    ({"os", "startedAt"}, "W&B's description of the machine: the history is run-*.wandb, in the folder above"),
    ({"train_runtime"}, f"the Trainer's results at the end, no history: {_HF_STATE}"),
    ({"eval_runtime"}, f"the Trainer's results at the end, no history: {_HF_STATE}"),
    ({"architectures", "model_type"}, f"a model's configuration: {_HF_STATE}"),
    ({"bos_token_id", "transformers_version"}, f"a configuration of generation: {_HF_STATE}"),
    ({"added_tokens", "model"}, f"a tokenizer: {_HF_STATE}"),
    ({"tokenizer_class"}, f"a tokenizer's configuration: {_HF_STATE}"),
    ({"peft_type"}, f"an adapter's configuration: {_HF_STATE}"),
    ({"weight_map", "metadata"}, f"an index of weights: {_HF_STATE}"),
    ({"zero_optimization"}, "a configuration of DeepSpeed, not what it printed"),
)
_SUFFIXES = {
    ".py": "Python source, not what it printed", ".sh": "a script, not what it printed", ".md": "a text about something (Markdown)",
    ".yaml": "a configuration (YAML), not what was logged", ".yml": "a configuration (YAML), not what was logged",
    ".toml": "a configuration (TOML), not what was logged", ".ini": "a configuration, not what was logged",
    ".cfg": "a configuration, not what was logged", ".ipynb": "a Jupyter notebook: save what its cells printed as text",
    ".safetensors": "a model's weights: the log lies beside it", ".bin": "binary, as weights are: the log lies beside it",
    ".pt": "a checkpoint: the log lies beside it",
    ".pth": "a checkpoint: the log lies beside it",
    ".ckpt": "a checkpoint: the log lies beside it",
}  # fmt: skip
_WANDB_DEBUG = re.compile(r'^\{"time":"[^"]+","level":"|^\d{4}-\d\d-\d\d [\d:,]+ \w+ +[\w-]+ *:\d+ \[[\w./]+\.py:', re.M)


def recognise(path: Path, head: bytes) -> str | None:
    """What the file is, told by its content and certain; None if it may be a log."""
    for magic, what in _MAGIC:
        if re.match(magic, head, re.DOTALL):
            return what
    if head.startswith(b"PK\x03\x04"):
        return next((what for mark, what in _ZIP if mark in head), "a zip archive: unpack it")
    if len(head) > 9 and head[8:10] == b'{"' and int.from_bytes(head[:8], "little") < 1 << 32:
        return "a model's weights (safetensors): the log lies beside it"
    text = text_of(head)
    if text is None:
        return None
    if _WANDB_DEBUG.search(text[:4000]):
        return "W&B's own debug log: the history is run-*.wandb, what the trainer printed is files/output.log"
    if text.lstrip().startswith("{"):
        return _of_object(path, text)
    if text.startswith("file,run_id,where,message,"):
        return "the notes of lastiterate read (issues.csv): its tables lie beside it, and the folder is read with them"
    if re.match(r"(?:#.*\n)*(?:_wandb|wandb_version):", text):
        return "W&B's configuration of the run: the history is run-*.wandb, in the folder above"
    return None


def guess(path: Path, head: bytes) -> str | None:
    """What a file that no format knows may be, by its name or the look of it."""
    if path.suffix.lower() in _SUFFIXES:
        return f"it is {_SUFFIXES[path.suffix.lower()]}"
    text = text_of(head)
    if text is None:
        return None
    if re.fullmatch(r"[^\s{}\[\]\"',;=]*/[^\s{}\[\]\"',;=]+", text.strip()):
        return f"it is the path {text.strip()!r:.80}, as a link is stored where there are none: read that file"
    if text.lstrip().startswith("{") and _object(path) is not None:
        return "it is a JSON object without rows, as configurations are: the log is a file with a row for each step"
    return None


def _object(path: Path) -> dict | None:
    try:
        if path.stat().st_size > 1 << 26:
            return None
        value = json.loads(path.read_bytes())
    except (ValueError, OSError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _of_object(path: Path, text: str) -> str | None:
    """A file that is one JSON object; JSON lines are none."""
    if path.name == "wandb-summary.json" or '"_wandb"' in text:
        value = _object(path)
        if value is not None and ("_wandb" in value or path.name == "wandb-summary.json"):
            return "W&B's summary, the last value of each metric, no history: that is run-*.wandb in the folder above, or the run's export"
    marks = [(keys, what) for keys, what in _KEYS if all(f'"{key}"' in text for key in keys)]
    value = _object(path) if marks else None
    if value is None or "log_history" in value:
        return None
    return next((what for keys, what in marks if keys <= set(value)), None)
