"""Token files from text: a data set of the Hugging Face hub, or local text files, through a tokenizer, one document at a time.

Documents go to val.bin if the first four bytes of the sha256 of their text, as a fraction of 2^32, are below `validation`, else to
train.bin; each ends in the tokenizer's end-of-text token. Nothing larger than a document is held in memory.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from lastiterate.train.tokens import CARD, SPLITS, check_file
from lastiterate.workflow.files import replacing
from lastiterate.workflow.step import StepError, reported_errors

VALIDATION = 0.0005


def prepare(entry: dict) -> dict:
    """Write train.bin, val.bin and card.json of a dataset entry {folder, vocab_size, prepare: {...}}; return the card.

    StepError if there is no text, or a package that is needed is not installed; ValueError for a token that does not fit.
    """
    folder, source = Path(entry["folder"]), entry["prepare"]
    encode = tokenizer(source["tokenizer"], entry["vocab_size"])
    below = source.get("validation", VALIDATION) * 2**32
    paths = {split: folder / f"{split}.bin" for split in SPLITS}
    written = dict.fromkeys(SPLITS, 0)
    with ExitStack() as stack:
        files = {split: stack.enter_context(stack.enter_context(replacing(path)).open("wb")) for split, path in paths.items()}
        for text in documents(source):
            split = "val" if int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") < below else "train"
            written[split] += files[split].write(encode(text).astype("<u2").tobytes())
        if not all(written.values()):
            empty = next(split for split in SPLITS if not written[split])
            raise StepError(f"{folder}: no document went to {empty}.bin: the source is too small, or its `validation` fraction is")
    card = {"source": source, "vocab_size": entry["vocab_size"]} | {s: check_file(path, entry["vocab_size"]) for s, path in paths.items()}
    with replacing(folder / CARD) as temporary:
        temporary.write_text(json.dumps(card, indent=1) + "\n")
    return card


def documents(source: dict) -> Iterator[str]:
    """Texts of the source, in its own order."""
    if "files" in source:
        paths = (
            sorted(Path().glob(source["files"])) if not Path(source["files"]).is_absolute() else sorted(Path("/").glob(source["files"][1:]))
        )
        if not paths:
            raise StepError(f"prepare.files={source['files']!r} matches no file, seen from {Path.cwd()}")
        for path in paths:
            yield Path(path).read_text(encoding="utf-8")
        return
    try:
        import datasets
        from huggingface_hub import constants, snapshot_download
    except ImportError:
        raise StepError("prepare.hub needs the package datasets: make train-extra, or give local text files as prepare.files") from None
    place = source["hub"]
    if constants.HF_HUB_OFFLINE:  # of a cache that `hf download --repo-type dataset` filled, as on the nodes of a cluster
        try:
            place = snapshot_download(place, repo_type="dataset", local_files_only=True)
        except OSError as error:
            advice = f"hf download --repo-type dataset {place}"
            raise StepError(f"HF_HUB_OFFLINE is set, and the cache has no data set {place}: {advice}") from error
    column = source.get("column", "text")
    for row in datasets.load_dataset(place, split="train", streaming=True):
        if column not in row:
            raise StepError(f"{source['hub']} has no column {column!r}, but {', '.join(row)}: name one as prepare.column")
        yield row[column]


def tokenizer(name: str, vocab_size: int) -> Callable[[str], np.ndarray]:
    """A function from a text to its token ids with the end-of-text token; ValueError if an id cannot fit the vocabulary.

    bytes : UTF-8 bytes, and 0 as end of text. Otherwise a name of the Hugging Face hub or a local folder.
    """
    if name == "bytes":
        return lambda text: np.frombuffer(text.encode() + b"\0", np.uint8)
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(name)
    end = loaded.eos_token_id
    if end is None or len(loaded) > vocab_size:
        raise ValueError(f"tokenizer {name} has {len(loaded)} tokens and end-of-text {end}: it needs one, and vocab_size >= {len(loaded)}")
    return lambda text: np.asarray([*loaded(text, add_special_tokens=False)["input_ids"], end])


def main() -> None:
    """Command line of the rules `prepare_*`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=json.loads, required=True, help="the dataset's entry of the config, as JSON")
    with reported_errors():
        card = prepare(parser.parse_args().dataset)
        print(f"{card['train']['tokens']:,} training and {card['val']['tokens']:,} validation tokens")


if __name__ == "__main__":
    main()
