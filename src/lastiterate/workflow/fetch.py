"""Fetch the files of a source: sizes and hashes checked, retries with back-off, nothing left half-written.

Files come from the publisher at a pinned commit, or from LASTITERATE_MIRROR: a folder or a base URL with the layout
owner/repository/commit/path.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

import pooch
import requests

from lastiterate.workflow.content import file_sha256
from lastiterate.workflow.download import Refused, copy, download
from lastiterate.workflow.files import write_csv
from lastiterate.workflow.sources import Source, SourceFile, content_hash, load_sources
from lastiterate.workflow.step import StepError, reported_errors

pooch.get_logger().setLevel("WARNING")  # we report progress ourselves

PUBLISHER = "https://raw.githubusercontent.com"
MIRROR = "LASTITERATE_MIRROR"
TRIES = 4
WORKERS = 8


def fetch_source(source: Source, mirror: str | None = None, progress: Callable[[int, int, int], None] | None = None) -> int:
    """Fetch every file of `source` that is not there yet to data/raw; return the number of bytes transferred.

    `progress` is called with (files done, files to fetch, bytes transferred). StepError names the first file that
    failed, the URL, the reason and the way out; files fetched before it stay, whole.
    """
    missing = [file for file in source.files if not _present(file)]
    done, transferred = 0, 0
    with ThreadPoolExecutor(WORKERS) as pool:
        tasks = {pool.submit(fetch_file, file, mirror): file for file in missing}
        pending = set(tasks)
        while pending:
            finished, pending = wait(pending, timeout=1, return_when=FIRST_EXCEPTION)
            for task in finished:
                if task.exception():
                    pool.shutdown(cancel_futures=True)
                    raise task.exception()
                done += 1
                transferred += tasks[task].local.stat().st_size
            if progress:
                progress(done, len(missing), transferred)
    return transferred


def fetch_file(file: SourceFile, mirror: str | None = None) -> None:
    """Fetch one file to its place; StepError if it cannot be had with the registered size and hash."""
    url = f"{(mirror or PUBLISHER).rstrip('/')}/{file.key}"
    for attempt in range(TRIES):
        if attempt:
            time.sleep(2 ** (attempt - 1))
        try:
            known = f"sha256:{file.sha256}" if file.sha256 else None  # a git blob is checked by the download itself
            pooch.retrieve(url, known, file.local.name, file.local.parent, downloader=_Download(file))
            return
        except (requests.RequestException, OSError, ValueError) as error:
            reason = _reason(error, file)
            if not _may_pass(error):
                break
    raise StepError(
        f"cannot fetch {url}\n  why: {reason} ({attempt + 1} tries)\n"
        f"  next: check the connection and run again (what was fetched is kept), or set {MIRROR} to a folder or base URL\n"
        f"  that holds {file.key}"
    )


class _Download:
    """Downloader for pooch: a URL or a file of a folder mirror, of the registered size."""

    def __init__(self, file: SourceFile):
        self.file = file

    def __call__(self, url: str, output_file, _, check_only: bool = False):
        if "://" in url:
            download(url, Path(output_file), self.file.size)
        else:
            copy(Path(url), Path(output_file), self.file.size)
        size = Path(output_file).stat().st_size
        if self.file.size not in (None, size):
            raise ValueError(f"got {size} bytes, expected {self.file.size} (config/sources.csv)")
        if self.file.blob and content_hash(self.file, Path(output_file)) != self.file.pin[1]:
            raise ValueError("the hash is another")


def _present(file: SourceFile) -> bool:
    """Whether the file is there as registered; StepError if another is in its place, which is never overwritten."""
    if not file.local.exists():
        if file.is_local:
            raise StepError(f"{file.local}: no such file on this machine\n  next: correct its row in config/sources.csv")
        return False
    if file.is_local:
        return True
    (kind, expected), found = file.pin, content_hash(file)
    if found != expected:
        raise StepError(
            f"{file.local} is not the registered file\n  expected: {kind} {expected} (config/sources.csv)\n  found:    {kind} {found}\n"
            f"  next: delete it to fetch the registered file, or put its own {kind} and size into config/sources.csv"
        )
    return True


def _reason(error: Exception, file: SourceFile) -> str:
    if isinstance(error, ValueError) and "hash" in str(error):
        return f"its {' is not '.join(file.pin)} (config/sources.csv)"
    if isinstance(error, FileNotFoundError):
        return "no such file in the mirror folder"
    if isinstance(error, Refused):
        return str(error)
    while (inner := getattr(error, "reason", None) or (error.args or (None,))[0]) and isinstance(inner, Exception):
        error = inner  # requests and urllib3 wrap what really happened several times
    return f"{type(error).__name__}: {error}"


def _may_pass(error: Exception) -> bool:
    """Whether a retry makes sense: not for a file that the server does not have, nor for a folder."""
    response = getattr(error, "response", None)
    if response is not None:
        return response.status_code in (408, 425, 429) or response.status_code >= 500
    return isinstance(error, (requests.RequestException, ValueError)) and not isinstance(error, Refused)


def main() -> None:
    """Command line of the rules `fetch_*`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, required=True, help="the registry, config/sources.csv")
    parser.add_argument("--source", required=True, help="which source to fetch")
    parser.add_argument("--output", type=Path, required=True, help="the receipt, written when every file is there")
    arguments = parser.parse_args()
    with reported_errors():
        source = load_sources(arguments.sources)[arguments.source]
        mirror = os.environ.get(MIRROR) or None
        start = time.monotonic()

        def progress(done, total, transferred):
            end = "\r" if sys.stderr.isatty() and done < total else "\n"
            elapsed = time.monotonic() - start
            print(f"{source.name}: {done}/{total} files, {transferred / 1e6:.1f} MB, {elapsed:.0f} s", end=end, file=sys.stderr)

        fetch_source(source, mirror, progress)
        receipt = {
            "path": [file.key for file in source.files],
            "sha256": [file.sha256 or ("" if file.is_local else file_sha256(file.local)) for file in source.files],
            "bytes": [file.local.stat().st_size if file.size is None else file.size for file in source.files],
            "licence": [file.licence for file in source.files],
        }
        write_csv(arguments.output, receipt)


if __name__ == "__main__":
    main()
