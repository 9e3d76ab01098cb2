"""What a run logs at every update, kept on the device until it is flushed, and written in the columns of the log schema."""

import time
from array import array
from pathlib import Path

import numpy as np
import torch

from lastiterate.train.table import write_table

LOGGED = ("train_loss", "grad_norm", "grad_norm_l1", "weight_norm_sq", "relative_update")


class Log:
    """Rows of a run's own updates `first`..T, and validation losses by step."""

    def __init__(self, first: int):
        self.first = first
        self.columns = {name: array("d") for name in (*LOGGED, "seconds")}
        self.val_steps: list[int] = []
        self.val_losses: list[float] = []
        self._pending: list[torch.Tensor] = []
        self._sound = 0  # rows known not to have diverged
        self._since = time.perf_counter()

    def start(self) -> None:
        """Start the clock: what was done until now counts for no update."""
        self._since = time.perf_counter()

    def add(self, values: torch.Tensor) -> None:
        """Add an update's `LOGGED` values, a vector on the device."""
        self._pending.append(values)

    def flush(self) -> None:
        """Bring pending rows to the host."""
        if self._pending:
            self.record(torch.stack(self._pending).double().cpu().numpy())

    def record(self, rows: np.ndarray) -> None:
        """Append rows (updates, 5) of `LOGGED` values; their time is the mean since the last."""
        now = time.perf_counter()
        for name, values in zip(LOGGED, rows.T, strict=True):
            self.columns[name].frombytes(values.astype(np.float64).tobytes())
        self.columns["seconds"].extend([(now - self._since) / len(rows)] * len(rows))
        self._pending, self._since = [], now

    def add_validation(self, step: int, loss: float) -> None:
        """Add a validation loss (on the subset)."""
        self.val_steps.append(step)
        self.val_losses.append(loss)

    def diverged_at(self, above: float) -> int | None:
        """First step whose training loss is not finite or exceeds `above`; later rows are dropped."""
        losses = np.array(self.columns["train_loss"][self._sound :])
        bad = ~(losses <= above)
        if not bad.any():
            self._sound += len(losses)
            return None
        row = self._sound + int(np.argmax(bad))
        for values in self.columns.values():
            del values[row + 1 :]
        return self.first + row

    def state(self) -> dict[str, np.ndarray]:
        """Arrays for a checkpoint; `load` is the inverse."""
        arrays = {name: np.array(values) for name, values in self.columns.items()}
        return {**arrays, "val_steps": np.asarray(self.val_steps, np.int64), "val_losses": np.asarray(self.val_losses, np.float64)}

    def load(self, state: dict) -> None:
        """Continue from a checkpoint's arrays, if it has any."""
        if not state:
            return
        self.val_steps, self.val_losses = state["val_steps"].tolist(), state["val_losses"].tolist()
        self.columns = {name: array("d", state[name].tolist()) for name in self.columns}

    def write(self, folder: Path, lr: np.ndarray, tokens_per_step: int) -> None:
        """Write history.parquet (the same bytes for the same run) and timing.parquet (seconds and tokens, which vary)."""
        columns = self.state()
        seconds, steps, losses = (columns.pop(name) for name in ("seconds", "val_steps", "val_losses"))
        step = self.first + np.arange(len(seconds))
        val_loss = np.full(len(step), np.nan)
        val_loss[steps - self.first] = losses
        history = {"step": step, "lr": lr[step - 1], **columns, "val_loss": val_loss}
        write_table(folder / "history.parquet", history)
        write_table(folder / "timing.parquet", {"step": step, "tokens": step * tokens_per_step, "seconds": seconds})
