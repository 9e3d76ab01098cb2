"""Content hashes of files, so that a change of bytes is seen whatever a file's modification time says."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from lastiterate.workflow.files import replacing

STATE = Path(".snakemake/lastiterate")  # what the workflow remembers in the working directory
CACHE = STATE / "content-hashes.json"


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


def read_json(path: Path) -> dict:
    """What a file of `STATE` holds; nothing if it is not there or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, content: dict) -> None:
    """Write a file of `STATE`."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content), encoding="utf-8")


def write_if_changed(path: Path, content: dict) -> None:
    """Write a file of `STATE` unless it holds that already."""
    if read_json(path) != json.loads(json.dumps(content)):
        write_json(path, content)


def signature(path: Path) -> str:
    """What changes whenever a file does: inode, size, modification and change time; the last cannot be set back by hand."""
    status = path.stat()
    return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"


def known_hashes(paths: Iterable[Path], cache: Path = CACHE, hash_of: Callable[[Path], str] = file_sha256) -> dict[Path, str]:
    """Hashes of those of the files that there are, read only where the signature is not that in the cache."""
    known = read_json(cache)
    found, fresh = {}, {}
    for path in paths:
        try:
            mark = f"{hash_of.__name__} {signature(path)}"
        except (FileNotFoundError, NotADirectoryError):
            continue
        stored = known.get(str(path), {})
        found[path] = stored[mark] if mark in stored else hash_of(path)
        if mark not in stored:
            fresh[str(path)] = {mark: found[path]}
    if fresh:
        write_json(cache, known | fresh)
    return found


def digest_of(paths: Iterable[Path], cache: Path = CACHE) -> str:
    """One digest (16 characters) over the content of files, in their order; a file that is not there counts as such."""
    paths = list(paths)
    found = known_hashes(paths, cache)
    return hashlib.sha256(" ".join(found.get(path, "none") for path in paths).encode()).hexdigest()[:16]
