"""Ingest a source: raw logs in; tables runs and history, and a table of what was noticed or left out, out.

A log that cannot be used is reported with its file and field and left out; the rest goes on, and the count of runs
left out ends the report.
"""

import argparse
import sys
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet

from lastiterate.logs import epfml, norm_csv
from lastiterate.logs.join import join_runs
from lastiterate.logs.run_log import LogError, Note, RunLog
from lastiterate.logs.schema import history_table, runs_table
from lastiterate.workflow.content import file_sha256
from lastiterate.workflow.files import replacing, write_csv
from lastiterate.workflow.sources import Source, load_sources
from lastiterate.workflow.step import StepError, reported_errors

READERS = {"epfml": epfml.read, "norm_csv": norm_csv.read}


def ingest(source: Source) -> tuple[list[RunLog], list[Note]]:
    """Read and join the runs of a source; notes of runs that are left out come first."""
    if source.reader not in READERS:
        raise StepError(
            f"source {source.name} wants reader {source.reader!r}, but there is {', '.join(READERS)}: correct config/sources.csv"
        )
    reader = READERS[source.reader]
    runs, notes = [], []
    for entry in source.files:
        name = entry.path.removeprefix("data/")
        try:
            run = reader(entry.local, name)
        except LogError as error:
            notes.append(Note(name, name.removesuffix(".json"), error.where, error.message, left_out=True))
            continue
        if file_sha256(entry.local) != entry.sha256:
            run.note("sha256", "the file is not the registered one (config/sources.csv): it was edited after it was fetched")
        runs.append(run)
    runs, failed = join_runs(runs)
    return runs, notes + failed + [note for run in runs for note in run.notes]


def main() -> None:
    """Command line of the rules `ingest_*`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, required=True, help="the registry, config/sources.csv")
    parser.add_argument("--source", required=True, help="which source to ingest")
    parser.add_argument("--output", type=Path, nargs=3, required=True, help="runs.parquet, history.parquet, issues.csv")
    arguments = parser.parse_args()
    with reported_errors():
        source = load_sources(arguments.sources)[arguments.source]
        runs, notes = ingest(source)
        if not runs:
            raise StepError(f"{source.name}: none of its {len(source.files)} runs can be used" + "".join(map(_line, notes[:5])))
        tables = runs_table(runs, source.name), history_table(runs, source.name)
        for table, path in zip(tables, arguments.output[:2], strict=True):
            with replacing(path) as temporary:
                parquet.write_table(arrow.Table.from_pandas(table, preserve_index=False), temporary, compression="zstd")
        columns = ("file", "run_id", "where", "message", "left_out")
        write_csv(arguments.output[2], {name: [getattr(note, name) for note in notes] for name in columns})
        left_out = [note for note in notes if note.left_out]
        print("".join(map(_line, left_out)), end="", file=sys.stderr)
        print(
            f"{source.name}: {len(runs)} runs, {len(tables[1])} rows; {len(left_out)} runs left out, {len(notes) - len(left_out)} notes "
            f"in {arguments.output[2]}",
            file=sys.stderr,
        )


def _line(note: Note) -> str:
    return f"\n  left out: {note.file}: {note.where}: {note.message}" if note.left_out else f"\n  {note.file}: {note.where}: {note.message}"


if __name__ == "__main__":
    main()
