"""The registry of data, config/sources.csv: which file, from where, how large, with which hash and licence.

A row whose repository is `local` stands for the files on this machine that its path (with wildcards, if wanted) matches;
it has no commit, sha256 and bytes, so that a log may grow: what depends on it is rebuilt when its bytes change.
Further columns, which the file may have: `map` says which column of a log is what, as --map of `lastiterate read`
does (``train_loss=my/loss;lr=my/rate``), `settings` names a table of what the logs do not hold, as --settings does; `blob` is the
id of the file's git blob, which pins it instead of sha256 (the publisher's tree lists it, so that a file too large to have been
looked at can be pinned; bytes may then be empty too); `optional` is "yes" for a source that is fetched only when its rule
`fetch_*` is asked for, and drawn from when it is there (`optional_sources` of a figure).
"""

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lastiterate.workflow.content import CACHE, file_blob, file_sha256, known_hashes
from lastiterate.workflow.names import is_inside, is_path
from lastiterate.workflow.places import located

RAW = Path("data/raw")
LOCAL = "local"
COLUMNS = ("source", "reader", "repository", "commit", "path", "sha256", "bytes", "licence")
FURTHER = ("map", "settings", "blob", "optional")  # columns that may be there


@dataclass(frozen=True)
class SourceFile:
    """One file of a public repository at a pinned commit, or one on this machine."""

    repository: str
    commit: str
    path: str
    sha256: str  # "" if the blob pins it
    size: int | None  # None if not stated
    licence: str
    mapping: tuple[tuple[str, str], ...] = ()  # (what, column)
    settings: str = ""  # a table on this machine
    blob: str = ""  # id of its git blob
    optional: bool = False

    @property
    def pin(self) -> tuple[str, str]:
        """What pins the content, and its value: sha256, or the git blob's id."""
        return ("sha256", self.sha256) if self.sha256 else ("git blob", self.blob)

    @property
    def key(self) -> str:
        """owner/repository/commit/path: where the file lies below data/raw and below a mirror; a local file's own path."""
        return self.path if self.is_local else f"{self.repository}/{self.commit}/{self.path}"

    @property
    def is_local(self) -> bool:
        """Whether it is not fetched, but lies where its path says."""
        return self.repository == LOCAL

    @property
    def local(self) -> Path:
        """Where the file lies, relative to the working directory (or absolute, for a local one)."""
        return Path(self.path) if self.is_local else RAW / self.key


@dataclass(frozen=True)
class Source:
    """Files that are fetched and ingested together; a run may only branch from a run of its own source."""

    name: str
    reader: str
    files: tuple[SourceFile, ...]

    @property
    def receipt(self) -> Path:
        """Table of what was fetched; it exists when every file does."""
        return RAW / f"{self.name}.csv"

    @property
    def size(self) -> str:
        """Size of its files, in words."""
        sizes = [file.size for file in self.files]
        return "of a size that is not stated" if None in sizes else f"{sum(sizes) / 1e6:.1f} MB"

    @property
    def optional(self) -> bool:
        """Whether it is fetched only when asked for by name."""
        return any(file.optional for file in self.files)

    @property
    def wanted(self) -> bool:
        """Whether targets of everything take it: it is not optional, or it is there."""
        return not self.optional or self.receipt.exists()

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables that its ingest makes: readers named results_* read final results, which have no history."""
        return ("results",) if self.reader.startswith("results_") else ("runs", "history")

    @property
    def is_log(self) -> bool:
        """Whether its files are logs of runs, to be ingested, and not data sets to train on."""
        return self.reader != "libsvm"

    def forget_if_incomplete(self) -> bool:
        """Remove the receipt if a file it stands for is gone, so that the files are fetched again; True if it was removed."""
        incomplete = self.receipt.exists() and not all(file.local.exists() for file in self.files)
        if incomplete:
            self.receipt.unlink()
        return incomplete


def content_hash(file: SourceFile, path: Path | None = None) -> str:
    """Hash of what lies at the file's place (or at `path`), of the kind that pins it (sha256 where nothing does)."""
    return (file_blob if file.blob and not file.sha256 else file_sha256)(path or file.local)


def source_digest(source: Source, cache: Path = CACHE) -> str:
    """Digest over a source's reader and files (bytes, mapped columns, settings); one not fetched yet counts with what pins it.

    It is therefore the same before and after a fetch, and changes when a file is edited by hand.
    """
    settings = {Path(file.settings) for file in source.files if file.settings}
    blobs = {file.local for file in source.files if file.blob and not file.sha256}
    found = known_hashes([*({file.local for file in source.files} - blobs), *settings], cache)
    found |= known_hashes(blobs, cache, file_blob)
    digest = hashlib.sha256(f"{source.reader}\0".encode())
    for file in source.files:
        digest.update(f"{file.key}\0{found.get(file.local, file.pin[1])}\0{file.mapping or ''}".encode())
    for table in sorted(settings):
        digest.update(found.get(table, "none").encode())
    return digest.hexdigest()[:16]


def load_sources(path: Path | str) -> dict[str, Source]:
    """Sources by name, in the file's order; ValueError that names the line and column of a bad row."""
    try:
        return _load(Path(path))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: is no CSV table of UTF-8 ({error}): correct it, or restore it") from None


def _load(path: Path) -> dict[str, Source]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        names = tuple(reader.fieldnames or ())
        further = names[len(COLUMNS) :]
        if names[: len(COLUMNS)] != COLUMNS or not set(further) <= set(FURTHER) or len(set(further)) < len(further):
            raise ValueError(f"{path}: columns are {list(names)}, expected {list(COLUMNS)}, and {', '.join(FURTHER)} if wanted")
        files: dict[tuple[str, str], list[SourceFile]] = {}
        seen = set()
        for line, row in enumerate(reader, start=2):
            for entry in _parse(row, f"{path}, line {line}", path.resolve().parents[1]):
                if entry.key in seen:
                    raise ValueError(f"{path}, line {line}: {entry.path} is listed twice: remove one of the rows")
                seen.add(entry.key)
                files.setdefault((row["source"], row["reader"]), []).append(entry)
    names = [name for name, _ in files]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{path}: source {name} has rows with different readers: give each reader a source of its own")
    ordered = lambda entries: tuple(sorted(entries, key=lambda file: file.key))  # the order of rows means nothing
    return {name: Source(name, reader, ordered(entries)) for (name, reader), entries in files.items()}


def _parse(row: dict, where: str, project: Path) -> list[SourceFile]:
    """The files of one checked row of the registry in project/config."""
    local = row["repository"] == LOCAL
    rules = {
        "source": r"[a-z][a-z0-9_]*",
        "reader": r"[a-z][a-z0-9_]*",
        "repository": r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+",
        "commit": r"[0-9a-f]{40}",
        "sha256": r"[0-9a-f]{64}",
        "bytes": r"[0-9]{1,15}",
        "licence": r".+",
        "blob": r"([0-9a-f]{40})?",
        "optional": r"(yes)?",
    }
    blob = row.get("blob") or ""
    if blob:
        rules |= {"sha256": r"([0-9a-f]{64})?", "bytes": r"[0-9]{0,15}"}
    if local:
        rules |= {"repository": LOCAL, "commit": "", "sha256": "", "bytes": "", "blob": "", "optional": ""}
    if None in row:
        raise ValueError(f"{where}: has more cells than the header: quote a cell that holds a comma")
    for column, text in row.items():
        if not (text or "").isprintable():
            raise ValueError(f"{where}: {column}={text!r} holds a character that is not printable")
    for column, rule in rules.items():
        if not re.fullmatch(rule, row.get(column) or ""):
            raise ValueError(f"{where}: {column}={row[column]!r} does not match {rule}")
    mapping, settings = _mapping(row.get("map") or "", where), row.get("settings") or ""
    if settings and not Path(settings := located(settings, project)).is_file():
        raise ValueError(f"{where}: settings={settings!r} is no file on this machine: correct it (as seen from {Path.cwd()})")
    if local:
        found = _matching(Path(row["path"] or "."))
        if not found:
            raise ValueError(f"{where}: path={row['path']!r} matches no file on this machine: correct it (as seen from {Path.cwd()})")
        for name in found:
            if not is_path(name):
                raise ValueError(f"{where}: path={row['path']!r} matches {name!r}: rename it to printable characters, not beginning with -")
        return [SourceFile(LOCAL, "", name, "", Path(name).stat().st_size, row["licence"], mapping, settings) for name in found]
    for column in ("repository", "path"):
        if not is_inside(row[column] or ""):
            raise ValueError(f"{where}: {column}={row[column]!r} must be relative, without '..', and of printable characters")
    path = PurePosixPath(row["path"])
    size, optional = int(row["bytes"]) if row["bytes"] else None, bool(row.get("optional"))
    return [SourceFile(row["repository"], row["commit"], str(path), row["sha256"], size, row["licence"], mapping, settings, blob, optional)]


def _mapping(text: str, where: str) -> tuple[tuple[str, str], ...]:
    """Pairs (what, column) of "what=column;what=column"."""
    pairs = [part.partition("=") for part in text.split(";") if part.strip()]
    for what, _, column in pairs:
        if not what.strip() or not column.strip():
            raise ValueError(f"{where}: map={text!r} is not WHAT=COLUMN;WHAT=COLUMN, such as train_loss=my/loss;lr=my/rate")
    return tuple((what.strip(), column.strip()) for what, _, column in pairs)


def _matching(path: Path) -> list[str]:
    """Files on this machine: the path itself, else those that it matches with its wildcards."""
    found = [path] if path.exists() else Path(path.anchor).glob(str(path.relative_to(path.anchor)))
    return sorted(str(name) for name in found if name.is_file())
