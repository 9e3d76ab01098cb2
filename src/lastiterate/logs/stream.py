"""Many runs into the tables `runs` and `history`, a few at a time, so that memory does not grow with their number."""

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pyarrow as arrow
import pyarrow.parquet as parquet

from lastiterate.logs.run_log import Note, RunLog
from lastiterate.logs.schema import history_table, runs_table
from lastiterate.workflow.files import replacing, write_csv

BATCH_ROWS = 1 << 18  # rows of history that are held at once, but for a single run that has more
BATCH_UPDATES = 1 << 22  # whose learning rates are held at once, likewise
_RUN_ID = arrow.dictionary(arrow.int32(), arrow.string())


def write_tables(runs: Iterable[RunLog], source: str, runs_path: Path, history_path: Path) -> tuple[int, int]:
    """Write both tables, checked against the schema; return how many runs and rows they hold.

    ValueError if there is no run: neither file is written then.
    """
    heads, writer, waiting, rows_waiting, updates_waiting, rows = [], None, [], 0, 0, 0
    with replacing(history_path) as temporary:
        try:
            for run in runs:
                waiting.append(run)
                rows_waiting += sum(len(steps) for steps, _ in run.series.values())
                updates_waiting += run.total_steps
                if rows_waiting >= BATCH_ROWS or updates_waiting >= BATCH_UPDATES:
                    writer, added = _flush(waiting, source, heads, writer, temporary)
                    rows, waiting, rows_waiting, updates_waiting = rows + added, [], 0, 0
            if waiting:
                writer, added = _flush(waiting, source, heads, writer, temporary)
                rows += added
        finally:
            if writer:
                writer.close()
        if not heads:
            raise ValueError(f"{source}: there is no run to write")
        table = pd.concat(heads, ignore_index=True)
        with replacing(runs_path) as beside:
            parquet.write_table(arrow.Table.from_pandas(table, preserve_index=False), beside, compression="zstd")
    return len(table), rows


def write_issues(notes: Iterable[Note], path: Path) -> None:
    """Write what was noticed and left out as a table, issues.csv beside the others: file, run_id, where, message, left_out, doubt."""
    notes = list(notes)
    write_csv(path, {field.name: [getattr(note, field.name) for note in notes] for field in fields(Note)})


def _flush(runs: list[RunLog], source: str, heads: list, writer, path: Path):
    """Append the runs to both tables."""
    heads.append(runs_table(runs, source))
    table = arrow.Table.from_pandas(history_table(runs, source), preserve_index=False)
    table = table.set_column(0, "run_id", table.column("run_id").cast(_RUN_ID))
    table = table.replace_schema_metadata(None)
    writer = writer or parquet.ParquetWriter(path, table.schema, compression="zstd")
    writer.write_table(table)
    return writer, table.num_rows
