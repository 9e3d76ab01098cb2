"""Ingest a source: raw logs in; tables runs and history, and a table of what was noticed or left out, out.

A source of results (files with one row per run and no history) ends in the table results instead of these two. A log or
row that cannot be used is reported with its file and field and left out; the rest goes on, and the count of what is left
out ends the report.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
import pyarrow as arrow
import pyarrow.parquet as parquet

from lastiterate.logs import epfml, loss_csv, norm_csv, trained
from lastiterate.logs.join import join_runs
from lastiterate.logs.results import chinchilla, read_results, steplaw
from lastiterate.logs.run_log import LogError, Note, RunLog
from lastiterate.logs.schema import history_table, runs_table
from lastiterate.workflow.content import file_sha256
from lastiterate.workflow.files import replacing, write_csv
from lastiterate.workflow.sources import Source, load_sources
from lastiterate.workflow.step import StepError, reported_errors

READERS = {"epfml": epfml.read, "norm_csv": norm_csv.read, "loss_csv": loss_csv.read}
RESULTS_READERS = {"results_steplaw": steplaw, "results_chinchilla": chinchilla}
EDITED = "the file is not the registered one (config/sources.csv): it was edited after it was fetched"


def ingest(source: Source) -> tuple[list[RunLog], list[Note]]:
    """Read and join the runs of a source; notes of runs that are left out come first."""
    reader = _reader(source, READERS)
    runs, notes = [], []
    for entry in source.files:
        name = entry.path.removeprefix("data/")
        try:
            run = reader(entry.local, name)
        except LogError as error:
            notes.append(Note(name, name.removesuffix(".json").removesuffix(".csv"), error.where, error.message, left_out=True))
            continue
        if file_sha256(entry.local) != entry.sha256:
            run.note("sha256", EDITED)
        runs.append(run)
    runs, failed = join_runs(runs)
    return runs, notes + failed + [note for run in runs for note in run.notes]


def ingest_results(source: Source) -> tuple[pd.DataFrame, list[Note]]:
    """The results table of a source, its files one after the other; notes of rows that are left out."""
    parse = _reader(source, RESULTS_READERS)
    tables, notes = [], []
    for entry in source.files:
        prefix = source.name if len(source.files) == 1 else f"{source.name}/{Path(entry.path).stem}"
        table, left_out = read_results(entry.local, entry.path, source.name, prefix, parse)
        tables.append(table)
        notes += left_out
        if file_sha256(entry.local) != entry.sha256:
            notes.append(Note(entry.path, "", "sha256", EDITED))
    return pd.concat(tables, ignore_index=True), notes


def _reader(source: Source, readers: dict):
    if source.reader not in readers:
        known = ", ".join([*READERS, *RESULTS_READERS])
        raise StepError(f"source {source.name} wants reader {source.reader!r}, but there is {known}: correct config/sources.csv")
    return readers[source.reader]


def ingest_folder(folder: Path) -> tuple[list[RunLog], list[Note]]:
    """Read and join the runs of a folder that `lastiterate.train.collect` wrote."""
    runs, notes = trained.read_folder(folder)
    runs, failed = join_runs(runs)
    return runs, notes + failed + [note for run in runs for note in run.notes]


def main() -> None:
    """Command line of the rules `ingest_*`."""
    parser = argparse.ArgumentParser(description=__doc__)
    origin = parser.add_mutually_exclusive_group(required=True)
    origin.add_argument("--sources", type=Path, help="the registry, config/sources.csv")
    origin.add_argument("--folder", type=Path, help="a folder of collected runs")
    parser.add_argument("--source", required=True, help="which source to ingest; the name of the folder's runs")
    parser.add_argument("--output", type=Path, nargs="+", required=True, help="the source's tables (.parquet), then issues.csv")
    arguments = parser.parse_args()
    with reported_errors():
        name = arguments.source
        source = load_sources(arguments.sources)[name] if arguments.sources else None
        if source and source.tables == ("results",):
            table, notes = ingest_results(source)
            tables, count, what = (table,), len(table), "results"
        else:
            runs, notes = ingest(source) if source else ingest_folder(arguments.folder)
            if not runs:
                raise StepError(f"{name}: none of its {len(notes)} runs can be used" + "".join(map(_line, notes[:5])))
            tables, count, what = (runs_table(runs, name), history_table(runs, name)), len(runs), "runs"
        *paths, issues = arguments.output
        for table, path in zip(tables, paths, strict=True):
            with replacing(path) as temporary:
                parquet.write_table(arrow.Table.from_pandas(table, preserve_index=False), temporary, compression="zstd")
        columns = ("file", "run_id", "where", "message", "left_out")
        write_csv(issues, {name: [getattr(note, name) for note in notes] for name in columns})
        left_out = [note for note in notes if note.left_out]
        print("".join(map(_line, left_out)), end="", file=sys.stderr)
        print(
            f"{name}: {count} {what}, {len(tables[-1])} rows; {len(left_out)} {what} left out, {len(notes) - len(left_out)} notes "
            f"in {issues}",
            file=sys.stderr,
        )


def _line(note: Note) -> str:
    return f"\n  left out: {note.file}: {note.where}: {note.message}" if note.left_out else f"\n  {note.file}: {note.where}: {note.message}"


if __name__ == "__main__":
    main()
