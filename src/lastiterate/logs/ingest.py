"""Ingest a source: raw logs in; tables runs and history, and a table of what was noticed or left out, out.

A source of results (files with one row per run and no history) ends in the table results instead of these two. A log or
row that cannot be used is reported with its file and field and left out; the rest goes on, and the count of what is left
out ends the report. The reader `logs` recognises each file by its content, and a format of `reading.FORMATS` reads one
kind of file; their runs stand for themselves (no joins), so that they pass through a few at a time, in any number.
"""

import argparse
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as arrow
import pyarrow.parquet as parquet

from lastiterate._progress import tracked
from lastiterate._shown import shown
from lastiterate.logs import epfml, loss_csv, norm_csv, trained
from lastiterate.logs.assemble import Stated
from lastiterate.logs.border import border
from lastiterate.logs.columns import ROLES
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.join import join_runs
from lastiterate.logs.reading import FORMATS, read_each, together
from lastiterate.logs.results import chinchilla, read_results, steplaw
from lastiterate.logs.run_log import LogError, Note, RunLog
from lastiterate.logs.schema import history_table, runs_table
from lastiterate.logs.settings import Settings, is_settings, merged
from lastiterate.logs.stream import write_issues, write_tables
from lastiterate.workflow.files import replacing
from lastiterate.workflow.held import hold
from lastiterate.workflow.sources import Source, SourceFile, content_hash, load_sources
from lastiterate.workflow.step import StepError, reported_errors

READERS = {"epfml": epfml.read, "norm_csv": norm_csv.read, "loss_csv": loss_csv.read}
LOGS_READERS = {"logs": None} | {name: name for name in FORMATS if name not in READERS}
RESULTS_READERS = {"results_steplaw": steplaw, "results_chinchilla": chinchilla}
EDITED = "the file is not the registered one (config/sources.csv): it was edited after it was fetched"


def ingest(source: Source) -> tuple[list[RunLog], list[Note]]:
    """Read and join the runs of a source; notes of runs that are left out come first."""
    reader = _reader(source, READERS)
    runs, notes = [], []
    for entry in source.files:
        name = entry.path.removeprefix("data/")
        try:
            with border(name):
                run = reader(entry.local, name)
        except LogError as error:
            notes.append(Note(name, name.removesuffix(".json").removesuffix(".csv"), error.where, error.message, left_out=True))
            continue
        if _edited(entry):
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
        with border(entry.path):
            table, left_out = read_results(entry.local, entry.path, source.name, prefix, parse)
        tables.append(table)
        notes += left_out
        if _edited(entry):
            notes.append(Note(entry.path, "", "sha256", EDITED))
    return pd.concat(tables, ignore_index=True), notes


def ingest_logs(source: Source, notes: list[Note]) -> Iterator[RunLog]:
    """Runs of a source of logs of any format, one at a time; what is noticed or left out goes to `notes`."""
    top = os.path.commonpath([Path(entry.path).parent for entry in source.files])
    logs, tables = [], {entry.settings for entry in source.files} - {""}
    tables |= {str(entry.local) for entry in source.files if is_settings_file(entry)}
    settings = merged(Settings.load(table) for table in sorted(tables))
    for entry in source.files:
        if is_settings_file(entry):
            continue
        run_id = str(Path(entry.path).relative_to(top).with_suffix(""))
        for what, _ in entry.mapping:
            if what not in ROLES:
                raise StepError(f"source {source.name}: map has {what!r}, expected one of {', '.join(ROLES)}: correct config/sources.csv")
        if _edited(entry):
            notes.append(Note(entry.path, run_id, "sha256", EDITED))
        logs.append(LogFile(entry.local, entry.path, run_id, Stated(dict(entry.mapping), schedules=settings.schedules)))
    logs = together(logs)

    def left_out(file: LogFile, error: LogError) -> None:
        notes.append(Note(file.name, file.run_id, error.where, error.message, left_out=True))

    for run in read_each(tracked(logs, source.name, len(logs), "files"), LOGS_READERS[source.reader], left_out, settings):
        notes.extend(run.notes)
        yield run


def is_settings_file(entry: SourceFile) -> bool:
    """Whether a local file is a table of settings that lies beside the logs."""
    return entry.is_local and is_settings(entry.local)


def _edited(entry: SourceFile) -> bool:
    return not entry.is_local and content_hash(entry) != entry.pin[1]


def _reader(source: Source, readers: dict):
    if source.reader not in readers:
        known = ", ".join([*READERS, *LOGS_READERS, *RESULTS_READERS])
        raise StepError(f"source {source.name} wants reader {source.reader!r}, but there is {known}: correct config/sources.csv")
    for what in ("mapping", "settings"):
        if any(getattr(entry, what) for entry in source.files):
            known, column = ", ".join(LOGS_READERS), "map" if what == "mapping" else what
            raise StepError(f"source {source.name}: reader {source.reader} takes no {column}, but {known} do: correct config/sources.csv")
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
        is_results = source is not None and source.tables == ("results",)
        *paths, issues = arguments.output
        notes: list[Note] = []
        if source and source.reader in LOGS_READERS:
            count, rows = _write_logs(source, paths, notes)
        else:
            if is_results:
                table, notes = ingest_results(source)
                tables = (table,)
            else:
                runs, notes = ingest(source) if source else ingest_folder(arguments.folder)
                _some(runs, name, len(source.files) if source else len(notes), notes)
                tables = runs_table(runs, name), history_table(runs, name)
            count, rows = len(tables[0]), len(tables[-1])
            for table, path in zip(tables, paths, strict=True):
                with replacing(path) as temporary:
                    parquet.write_table(arrow.Table.from_pandas(table, preserve_index=False), temporary, compression="zstd")
        what = "results" if is_results else "runs"
        write_issues(notes, issues)
        hold(arguments.output)
        left_out = [note for note in notes if note.left_out]
        print("".join(map(_line, left_out)), end="\n" if left_out else "", file=sys.stderr)
        print(
            f"{name}: {count} {what}, {rows} rows; {len(left_out)} {what} left out, {len(notes) - len(left_out)} notes in {issues}",
            file=sys.stderr,
        )


def _write_logs(source: Source, paths: list[Path], notes: list[Note]) -> tuple[int, int]:
    """Write the tables of a source of logs as they are read; how many runs and rows."""
    runs = ingest_logs(source, notes)
    first = next(runs, None)
    _some([first] if first else [], source.name, len(source.files), notes)
    return write_tables(itertools.chain([first], runs), source.name, *paths)


def _some(runs: list[RunLog], name: str, count: int, notes: list[Note]) -> None:
    if not runs:
        raise StepError(f"{name}: none of its {count} runs can be used" + "".join(map(_line, notes[:5])))


def _line(note: Note) -> str:
    return f"\n  {'left out: ' if note.left_out else ''}{shown(note.file)}: {note.where}: {note.message}"


if __name__ == "__main__":
    main()
