"""Token streams and the batches that update t sees: a function of the seed and t alone, so that any run can be resumed.

A stream of n tokens holds (n - 1) // context windows of context + 1 tokens (the last token of one is the first of the
next). An epoch is a permutation of the windows, drawn from (seed, epoch); update t takes the t-th batch of that sequence.
"""

import hashlib
import platform
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from lastiterate.train import corpus, tokens


@dataclass(frozen=True)
class Dataset:
    """A training and a validation stream, and the facts about them that go on every run card."""

    train: np.ndarray
    validation: np.ndarray
    card: dict

    def windows(self, context: int) -> int:
        """Number of training windows."""
        return (self.train.size - 1) // context


def load_dataset(entry: dict) -> Dataset:
    """The data set of a config entry {kind: stdlib} or {kind: tokens, folder, vocab_size}; `first` keeps only so many tokens."""
    if entry["kind"] == "stdlib":
        streams = corpus.stdlib_bytes()
        digest = hashlib.sha256(b"".join(stream.tobytes() for stream in streams)).hexdigest()
        card = {"kind": "stdlib", "python": platform.python_version(), "sha256": digest}
    else:
        streams, card = tokens.open_folder(Path(entry["folder"]), entry["vocab_size"])
    train, validation = streams
    if "first" in entry:
        train = train[: entry["first"]]
        card |= {"first": entry["first"]}
    return Dataset(train, validation, card | {"train_tokens": int(train.size), "validation_tokens": int(validation.size)})


class Batches:
    """Batches of a stream in the order of a seed.

    tokens : integer array (n,), may be memory-mapped. context : tokens that the model sees. batch_size : windows an update.
    repeat : whether epochs may follow the first; else a run that asks for more gets a ValueError.
    """

    def __init__(self, tokens: np.ndarray, context: int, batch_size: int, seed: int, *, repeat: bool = False):
        self.tokens, self.context, self.batch_size, self.seed, self.repeat = tokens, context, batch_size, seed, repeat
        self.windows = (tokens.size - 1) // context
        if self.windows < batch_size:
            raise ValueError(
                f"the stream has {tokens.size} tokens, expected at least {batch_size * context + 1}: "
                f"one batch is {batch_size} windows of {context} + 1; shrink the batch or add data"
            )
        self._epoch = -1

    def check_length(self, total_steps: int) -> None:
        """ValueError if `total_steps` updates need more than one pass over the stream and it must not repeat."""
        if not self.repeat and total_steps * self.batch_size > self.windows:
            raise ValueError(
                f"{total_steps} updates of {self.batch_size} windows need {total_steps * self.batch_size} windows, but the stream has "
                f"{self.windows}: train for at most {self.windows // self.batch_size} updates, add data, or set repeat: true"
            )

    def at(self, update: int, count: int = 1) -> np.ndarray:
        """Windows of `update` (1-based) and the count - 1 that follow it, int64 of shape (count * batch_size, context + 1)."""
        index = np.arange((update - 1) * self.batch_size, (update - 1 + count) * self.batch_size)
        starts = np.concatenate(
            [self._order(epoch)[index[index // self.windows == epoch] % self.windows] for epoch in _runs(index, self.windows)]
        )
        return windows_at(self.tokens, starts, self.context)

    def _order(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            self._epoch, self._cached = epoch, np.random.default_rng([self.seed, epoch]).permutation(self.windows)
        return self._cached

    @cached_property
    def tokens_per_step(self) -> int:
        """Tokens that an update is trained on."""
        return self.batch_size * self.context


def windows_at(tokens: np.ndarray, windows: np.ndarray, context: int) -> np.ndarray:
    """The windows of the given numbers, int64 of shape (len(windows), context + 1)."""
    return tokens[windows[:, None].astype(np.int64) * context + np.arange(context + 1)].astype(np.int64)


def _runs(index: np.ndarray, windows: int) -> range:
    return range(int(index[0]) // windows, int(index[-1]) // windows + 1)
