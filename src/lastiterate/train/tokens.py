"""Token files as nanoGPT writes them: train.bin and val.bin, little-endian uint16, and a card that says they were checked.

For files that another program wrote: ``python -m lastiterate.train.tokens FOLDER --vocab-size 50304`` checks them and writes the card.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

from lastiterate.workflow.files import replacing
from lastiterate.workflow.step import reported_errors

CARD = "card.json"
SPLITS = ("train", "val")
_BLOCK = 1 << 24


def open_folder(folder: Path, vocab_size: int) -> tuple[tuple[np.ndarray, np.ndarray], dict]:
    """Memory-mapped streams (train, val) of a folder and the facts of its card.

    ValueError if the card is missing, the files are not those that it describes, or a token does not fit the vocabulary.
    """
    path = folder / CARD
    if not path.is_file():
        raise ValueError(f"{path} is missing: write it with python -m lastiterate.train.tokens {folder} --vocab-size {vocab_size}")
    card = json.loads(path.read_text())
    streams = []
    for split in SPLITS:
        file, facts = folder / f"{split}.bin", card[split]
        size = file.stat().st_size
        if size != facts["bytes"]:
            raise ValueError(f"{file} has {size} bytes, but {path} says {facts['bytes']}: remove the card and check the files again")
        if facts["largest_token"] >= vocab_size:
            raise ValueError(
                f"{file}: token {facts['largest_token']} at byte {facts['largest_at']} is beyond the vocabulary of {vocab_size}: "
                "use the tokenizer's vocabulary size, or another file"
            )
        streams.append(np.memmap(file, "<u2", "r"))
    sha256 = hashlib.sha256("".join(card[split]["sha256"] for split in SPLITS).encode()).hexdigest()
    return tuple(streams), {"kind": "tokens", "sha256": sha256, **{k: v for k, v in card.items() if k not in SPLITS}}


def check_file(path: Path, vocab_size: int) -> dict:
    """Facts of a token file from one pass over it: bytes, tokens, sha256, largest token and the byte where it first stands.

    ValueError with the offset if its size is odd or a token is not below `vocab_size`.
    """
    size = path.stat().st_size
    if size % 2 or not size:
        raise ValueError(f"{path} has {size} bytes, expected a positive even number: at byte {max(size - 1, 0)} half a token is left over")
    stream = np.memmap(path, "<u2", "r")
    digest, largest, largest_at = hashlib.sha256(), -1, 0
    for begin in range(0, stream.size, _BLOCK):
        block = stream[begin : begin + _BLOCK]
        digest.update(block)
        if (bad := block >= vocab_size).any():
            at = begin + int(np.argmax(bad))
            raise ValueError(
                f"{path}: token {stream[at]} at byte {2 * at} is beyond the vocabulary of {vocab_size}: {int(bad.sum())} in its block"
            )
        if (most := int(block.max())) > largest:
            largest, largest_at = most, 2 * (begin + int(np.argmax(block)))
    return {"bytes": size, "tokens": size // 2, "sha256": digest.hexdigest(), "largest_token": largest, "largest_at": largest_at}


def main() -> None:
    """Check the files of a folder and write its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of train.bin and val.bin")
    parser.add_argument("--vocab-size", type=int, required=True, help="token ids must be below this")
    arguments = parser.parse_args()
    with reported_errors():
        facts = {split: check_file(arguments.folder / f"{split}.bin", arguments.vocab_size) for split in SPLITS}
        with replacing(arguments.folder / CARD) as temporary:
            temporary.write_text(json.dumps({"vocab_size": arguments.vocab_size} | facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
