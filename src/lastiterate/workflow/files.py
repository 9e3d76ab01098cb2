"""Files that are whole or absent: written beside the target, synced, then moved over it; opened without following a link."""

import csv
import errno
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path in the target's folder; on success it is fsynced and replaces `path`, else removed.

    The temporary name keeps the target's suffix, because writers choose the format by it.
    """
    path, temporary = Path(path), None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=f".part{path.suffix}", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        if error.strerror and (temporary is None or error.filename in (None, str(temporary))):
            raise OSError(error.errno, error.strerror, str(path)) from error  # the caller knows the target's name, not ours
        raise
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def open_plain(path: Path | str, flags: int = os.O_RDONLY) -> int:
    """Descriptor of a plain file; ValueError for a symbolic link, which is not followed, a folder, a pipe or a device."""
    try:
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)  # a pipe without a writer must not block
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise
        what = {errno.ELOOP: "a symbolic link", errno.EISDIR: "a folder"}.get(error.errno, "a pipe or a device")
    else:
        mode = os.fstat(handle).st_mode
        if stat.S_ISREG(mode):
            return handle
        os.close(handle)
        what = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
    raise ValueError(f"{path} is {what}, expected a plain file: nobody but this program writes here; remove it, and see who put it there")


def write_text(path: Path | str, text: str) -> None:
    """Write text and a newline as UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def write_csv(path: Path | str, columns: Mapping[str, Sequence]) -> None:
    """Write columns of equal length as CSV, floats in their shortest form that reads back to the same double."""
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of {path} have different lengths: {lengths}")
    cells = [values.tolist() if hasattr(values, "tolist") else values for values in columns.values()]
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*cells, strict=True))


class Rows:
    """Rows collected block by block; scalars of a block are repeated over its vectors."""

    def __init__(self):
        self.columns: dict[str, list] = {}

    def add(self, **values) -> None:
        """Append one row of scalars, or a block in which every vector has the same length."""
        vectors = {k: v.tolist() if hasattr(v, "tolist") else list(v) for k, v in values.items() if _is_vector(v)}
        lengths = {len(v) for v in vectors.values()} or {1}
        if len(lengths) > 1 or (self.columns and self.columns.keys() != values.keys()):
            raise ValueError(f"row block {list(values)} does not fit: lengths {lengths}, columns so far {list(self.columns)}")
        (length,) = lengths
        for name, value in values.items():
            self.columns.setdefault(name, []).extend(vectors.get(name) or [value] * length)


def _is_vector(value) -> bool:
    return not isinstance(value, str) and hasattr(value, "__len__")
