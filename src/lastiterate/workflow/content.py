"""Content hashes of data files, so that a change of bytes is seen whatever the file's modification time says."""

import hashlib
import json
from pathlib import Path

from lastiterate.workflow.files import replacing
from lastiterate.workflow.sources import Source, SourceFile

CACHE = Path(".snakemake/content-hashes.json")


def source_digest(source: Source, cache: Path = CACHE) -> str:
    """Digest over a source's files (bytes, mapped columns, tables of settings); one not fetched yet counts with what pins it.

    It is therefore the same before and after a fetch, and changes when a file is edited by hand. Hashes are cached by
    inode, size, modification and change time: the last cannot be set back by hand.
    """
    known = _read(cache)
    fresh = {}
    digest = hashlib.sha256()
    for file in source.files:
        try:
            status = file.local.stat()
        except FileNotFoundError:
            found = file.pin[1]
        else:
            signature = f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"
            found = known.get(str(file.local), {}).get(signature) or content_hash(file)
            fresh[str(file.local)] = {signature: found}
        digest.update(f"{file.key}\0{found}\0{file.mapping or ''}".encode())
    for table in sorted({file.settings for file in source.files} - {""}):
        digest.update(file_sha256(Path(table)).encode())
    if any(known.get(path) != entry for path, entry in fresh.items()):
        with replacing(cache) as temporary:
            temporary.write_text(json.dumps({**known, **fresh}))
    return digest.hexdigest()[:16]


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_blob(path: Path) -> str:
    """Hex id of a file's git blob: the sha1 of "blob", its size, a zero byte and its bytes."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
    return digest.hexdigest()


def content_hash(file: SourceFile, path: Path | None = None) -> str:
    """Hash of what lies at the file's place (or at `path`), of the kind that pins it (sha256 where nothing does)."""
    return (file_blob if file.blob and not file.sha256 else file_sha256)(path or file.local)


def _read(cache: Path) -> dict:
    try:
        return json.loads(cache.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
