"""Read a log of any known format: which format it is, is told by its content.

Every format module has ``recognise(path, head)`` and ``read(file)``; the first that recognises a file reads it, so that
the order below goes from the particular to the general.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from lastiterate import _stdin
from lastiterate._checks import check_choice
from lastiterate.logs.assemble import Stated
from lastiterate.logs.border import border
from lastiterate.logs.columns import ROLES
from lastiterate.logs.complete import complete
from lastiterate.logs.formats import (
    console,
    epfml_json,
    hugging_face,
    hugging_face_stdout,
    lightning,
    mlflow,
    not_logs,
    table,
    tensorboard,
    text,
    trained,
    wandb_chart,
    wandb_history,
    wandb_local,
    wandb_runs,
)
from lastiterate.logs.formats.compressed import SUFFIXES, head_of, stem, unpacked
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.limits import Limits, Watch
from lastiterate.logs.run_log import LogError, RunLog
from lastiterate.logs.settings import Settings, is_settings, merged
from lastiterate.schedules import Schedule

FORMATS = {
    "trained": trained,
    "tensorboard": tensorboard,
    "wandb_local": wandb_local,
    "hugging_face": hugging_face,
    "epfml": epfml_json,
    "wandb_chart": wandb_chart,
    "wandb_runs": wandb_runs,
    "wandb_history": wandb_history,
    "text": text,
    "hugging_face_stdout": hugging_face_stdout,
    "lightning": lightning,
    "mlflow": mlflow,
    "table": table,
    "console": console,
}


TO_CSV = "convert it to CSV with a header (step, lr, train_loss)"


def read(
    path: Path | str,
    mapping: Mapping[str, str] | None = None,
    *,
    schedule: Schedule | None = None,
    step_shift: int | None = None,
    lr_shift: int | None = None,
    log_format: str | None = None,
    settings: Path | str | None = None,
    limits: Limits | None = None,
) -> Iterator[RunLog]:
    r"""Runs of a log file, or of every log file below a folder, one in memory at a time.

    The row of logged step k was written after update ``k + step_shift``; its learning rate is that of update
    ``k + lr_shift``. Each run says in `log_format` and `taken` what it was taken for, in `lr_from` whether its learning
    rates are those of a schedule (stated, or recognised in the logged ones), the log's or interpolated, and in `notes`
    whatever else a person should know. A run that branched from another is joined to it, and comes after the others.

    Parameters
    ----------
    path : path
        A log file, a folder of them, or "-" for standard input.
    mapping : mapping, optional
        The log's own column names by what they are: run_id, step, lr, train_loss, val_loss, grad_norm, grad_norm_l1.
        What it leaves out is recognised by name.
    schedule : Schedule, optional
        The schedule that was executed, where the log does not tell; logged learning rates must agree with it to 1e-6 of the peak.
    step_shift, lr_shift : int, optional
        How the log counts, where the format's rule is wrong.
    log_format : str, optional
        A key of `FORMATS`, where the content does not tell.
    settings : path, optional
        A table of what the logs do not hold (`lastiterate.logs.settings`); a folder's runs.csv is found by itself.
    limits : Limits, optional
        How much one log may take, where the default (`lastiterate.logs.limits`) is too little.

    Yields
    ------
    RunLog
        Of a folder, its `run_id` begins with the file's path below the folder.

    Raises
    ------
    LogError
        For a file that no format knows, or that is malformed: file, line or byte, what was expected and found.
    FileNotFoundError
        If there is no such file, or no file in the folder.

    Source: each format's module says which rule of which trainer it relies on.

    >>> import tempfile
    >>> log = Path(tempfile.mkdtemp()) / "log.csv"
    >>> _ = log.write_text("step,lr,loss\n2,0.1,3.5\n4,0.1,3.2\n")
    >>> (run,) = read(log)
    >>> run.log_format, run.taken["train_loss"], run.lr.tolist(), run.lr_from
    ('table', 'loss', [0.1, 0.1, 0.1, 0.1], 'recognised')
    """
    if log_format is not None:
        check_choice("log_format", log_format, FORMATS)
    for role in mapping or {}:
        check_choice("mapping", role, ROLES)
    table = find_settings([path], settings)
    stated = Stated(dict(mapping or {}), schedule, step_shift, lr_shift, table.schedules, limits or Limits())
    again = lambda file: read_file(file, log_format)
    return complete(((file, run) for file in find_all([path], stated) for run in again(file)), again, table)


def find_settings(paths: Iterable[Path | str], stated: Path | str | None = None) -> Settings:
    """The table of settings that is stated, or those named runs.csv in the folders; an empty one if there is none."""
    if stated is not None:
        return Settings.load(stated)
    folders = [path for path in map(Path, paths) if path.is_dir()]
    return merged(Settings.load(file) for folder in folders for file in _files(folder) if is_settings(file))


def find_all(paths: Iterable[Path | str], stated: Stated | None = None) -> list[LogFile]:
    """The logs of files and folders, as `find_logs`; where names repeat, ids begin with the folders that tell them apart.

    Charts that lie in one folder become one log.
    """
    files = [file for path in paths for file in find_logs(path)]
    if len({file.run_id for file in files}) < len(files):
        places = [file.path.absolute() for file in files]
        top = os.path.commonpath([place.parent for place in places])
        ids = [str(place.relative_to(top).with_name(stem(place))) for place in places]
        if len(set(ids)) < len(ids):
            ids = [str(place.relative_to(top)) for place in places]
        files = [replace(file, run_id=run_id) for file, run_id in zip(files, ids, strict=True)]
    return together([replace(file, stated=stated or Stated()) for file in files])


def together(files: Iterable[LogFile]) -> list[LogFile]:
    """The files, with those of one folder made one that are parts of one log: W&B charts, MLflow's metrics, TensorBoard's events.

    Each chart holds one metric of the same runs; each event file continues the one before, and is called as their folder.
    """
    found: dict[tuple, LogFile] = {}
    for file in files:
        if metrics := _mlflow_folder(file.path):
            name = str(metrics.parent.name)
            first = found.setdefault((metrics,), replace(file, run_id=name))
            if first.path != file.path:
                found[(metrics,)] = replace(first, beside=(*first.beside, file))
            continue
        events, chart = _part_of_folder(file.path)
        folder = str(Path(file.run_id).parent)
        if events and folder != ".":
            file = replace(file, run_id=folder)
        first = found.setdefault((file.path.parent, chart) if chart or events else (file.path,), file)
        if file.path not in (first.path, *(other.path for other in first.beside)):
            found[(file.path.parent, chart)] = replace(first, beside=(*first.beside, file))
    return list(found.values())


def _mlflow_folder(path: Path) -> Path | None:
    """The `metrics` folder of a file that is one of MLflow's metrics."""
    folder = mlflow.folder_of(path)
    try:
        return folder if folder and mlflow.recognise(path, head_of(path)) else None
    except OSError:
        return None


def _part_of_folder(path: Path) -> tuple[bool, bool]:
    """Whether a file is an event file, or a chart; what cannot be read is neither, and says so when its turn comes."""
    try:
        if "tfevents" in path.name:
            return tensorboard.recognise(path, head_of(path)), False
        return False, path.suffix in ("", ".csv", *SUFFIXES) and wandb_chart.recognise(path, head_of(path))
    except OSError:
        return False, False


def find_logs(path: Path | str) -> list[LogFile]:
    """The file, or every file below the folder that is not hidden, by path; FileNotFoundError if there is none."""
    path = Path(path)
    if _stdin.is_stdin(path):
        return [LogFile(_stdin.copied(), _stdin.NAME, "stdin")]
    if not path.is_dir():
        path.open("rb").close()  # the operating system says best what is wrong with it
        return [LogFile(path, str(path), stem(path))]
    inside = [file for file in _files(path) if not is_settings(file)]
    if not inside:
        raise FileNotFoundError(f"{path}: the folder holds no file, expected logs")
    return [
        LogFile(p, str(p), str(p.relative_to(path).with_name(stem(p)))) for p in inside if not (mlflow.is_beside(p) or trained.is_beside(p))
    ]


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and not any(part.startswith(".") for part in p.relative_to(folder).parts))


def recognise(file: LogFile) -> str:
    """The file's format, a key of `FORMATS`; LogError that says what it begins with if none knows it."""
    head = head_of(file.path)
    if not head:
        raise file.error("content", "is empty, expected a log")
    if what := not_logs.recognise(file.path, head):
        raise file.error("content", f"is {what}")
    for key, module in FORMATS.items():
        if module.recognise(file.path, head):
            return key
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise file.error("content", "is UTF-16, as PowerShell's > writes it, expected UTF-8: save it as UTF-8")
    what = not_logs.guess(file.path, head)
    raise file.error("content", f"begins with {head[:30]!r}, which no format knows: {what or TO_CSV}")


def read_file(file: LogFile, log_format: str | None = None) -> Iterator[RunLog]:
    """Runs of one file, of the format stated or recognised; LogError as `read`."""
    watch = Watch(file.stated.limits)
    with border(file.name):
        str(file.path).encode()
        watch.resume()
        with unpacked(replace(file, watch=watch)) as (inside, notes):
            for run in FORMATS[log_format or recognise(inside)].read(inside):
                for note in notes:
                    run.note("file", note)
                run.check_settings()
                watch.pause()
                yield run
                watch.resume()


def read_each(
    files: Iterable[LogFile], log_format: str | None, report: Callable[[LogFile, LogError], None], settings: Settings | None = None
) -> Iterator[RunLog]:
    """Runs of many files; one that cannot be read is handed to `report`, and so is a run id that was there before."""

    def found() -> Iterator[tuple[LogFile, RunLog]]:
        seen = set()
        for file in files:
            try:
                for run in read_file(file, log_format):
                    if run.run_id in seen:
                        raise file.error(f"run {run.run_id}", "another log has a run of this id: rename one of the files")
                    seen.add(run.run_id)
                    yield file, run
            except LogError as error:
                report(file, error)

    return complete(found(), lambda file: read_file(file, log_format), settings or Settings(), report)
