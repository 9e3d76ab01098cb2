"""Collect the finished runs of a folder: cards.json with every card, history.parquet with every run's own updates, thinned.

A row of step k holds means over the updates since the row before (at most `log_every`), so that it is less noisy than an
update's own values; `val_loss` is that of step k. The learning rate is not kept: it is the schedule's, which the card has.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet

from lastiterate.train.card import read_card
from lastiterate.train.config import load_train_config
from lastiterate.train.folder import finished
from lastiterate.train.plan import make_plan
from lastiterate.train.table import read_table
from lastiterate.workflow.files import replacing
from lastiterate.workflow.step import StepError, reported_errors

VALUES = ("train_loss", "grad_norm", "grad_norm_l1", "weight_norm_sq", "relative_update")


def thinned(history: dict[str, np.ndarray], every: int) -> dict[str, np.ndarray]:
    """Rows at multiples of `every`, at validations and at the end; VALUES are means over the updates since the row before, as float32."""
    finite = np.isfinite(history["train_loss"])  # but for the last update of a run that diverged
    history = {name: values[finite] for name, values in history.items()}
    step, val_loss = history["step"], history["val_loss"]
    last = np.flatnonzero((step % every == 0) | np.isfinite(val_loss) | (step == step.max(initial=0)))
    count, first = np.diff(last, prepend=-1), np.concatenate([[0], last[:-1] + 1])
    table = {"step": step[last].astype(np.int32)}
    for name in VALUES:
        sums = np.add.reduceat(history[name], first) if last.size else np.empty(0)
        table[name] = (sums / count).astype(np.float32)
    return table | {"val_loss": val_loss[last].astype(np.float32)}


def collect(folder: Path, run_ids: Iterable[str], every: int, output: Path) -> int:
    """Write cards.json and history.parquet of the runs to `output`; return the number of rows."""
    cards, parts = [], []
    run_ids = list(run_ids)
    for name in run_ids:
        cards.append(read_card(folder / name / "card.json"))
        parts.append(thinned(read_table(folder / name / "history.parquet", ["step", "val_loss", *VALUES]), every))
    codes = np.repeat(np.arange(len(run_ids), dtype=np.int32), [part["step"].size for part in parts])
    columns = {"run_id": arrow.DictionaryArray.from_arrays(codes, run_ids)}
    for name in parts[0]:
        columns[name] = arrow.array(np.concatenate([part[name] for part in parts]), from_pandas=True)
    with replacing(output / "history.parquet") as temporary:
        floats = [name for name in columns if name not in ("run_id", "step")]
        parquet.write_table(
            arrow.table(columns),
            temporary,
            compression="zstd",
            compression_level=19,
            use_byte_stream_split=floats,
            use_dictionary=["run_id"],
            write_page_checksum=True,
        )
    with replacing(output / "cards.json") as temporary:
        temporary.write_text("[\n" + ",\n".join(json.dumps(card) for card in cards) + "\n]\n")
    return len(codes)


def main() -> None:
    """Command line of the rule `train_collect`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="config/train/NAME.yaml")
    parser.add_argument("--folder", type=Path, required=True, help="where the runs' folders are")
    parser.add_argument("--output", type=Path, required=True, help="folder for cards.json and history.parquet")
    parser.add_argument("--finished", action="store_true", help="take the runs that are finished instead of requiring all")
    arguments = parser.parse_args()
    with reported_errors():
        config = load_train_config(arguments.config)
        wanted = list(make_plan(config))
        done = [name for name in wanted if finished(arguments.folder, name)]
        if not done or (len(done) < len(wanted) and not arguments.finished):
            missing = sorted(set(wanted) - set(done))
            raise StepError(f"{len(missing)} of {len(wanted)} runs are not finished, {missing[0]} for one: train them, or pass --finished")
        rows = collect(arguments.folder, done, config["log_every"], arguments.output)
        print(f"{config['name']}: {len(done)} of {len(wanted)} runs, {rows} rows in {arguments.output}")


if __name__ == "__main__":
    main()
