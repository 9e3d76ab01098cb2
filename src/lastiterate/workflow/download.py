"""One download, bounded: never more bytes than are registered, never slower than somebody would wait for.

The server is not trusted: it may send another file, an endless one, one that unpacks to an endless one, or a byte a second.
"""

import threading
import time
from pathlib import Path
from typing import BinaryIO

import requests

TIMEOUT_S = 30  # without any byte
START_S = 30  # from the request on, before the rate counts
SLOWEST = 2000  # bytes a second, on average
MOST_UNSTATED = 1 << 30  # bytes of a file whose size is not registered
CHUNK_BYTES = 1 << 12  # compressed; what it unpacks to is counted before the next is read
POLL_S = 0.2


class Refused(ValueError):
    """What the server does is no accident that a second try might mend."""


class _Transfer(threading.Thread):
    """The transfer itself: a thread, because nothing but another one can watch a connection that trickles."""

    def __init__(self, url: str, file: BinaryIO, size: int | None):
        super().__init__(daemon=True)  # one that was given up must not keep the process alive
        self.url, self.file, self.size, self.most = url, file, size, MOST_UNSTATED if size is None else size
        self.received, self.given_up, self.error, self.done = 0, False, None, threading.Event()

    def run(self) -> None:
        try:
            headers = {"Accept-Encoding": "identity"}
            with requests.get(self.url, stream=True, timeout=TIMEOUT_S, headers=headers) as response:
                response.raise_for_status()
                for chunk in response.iter_content(CHUNK_BYTES):
                    self.received += len(chunk)
                    if self.received > self.most:
                        raise Refused(too_long(self.size))
                    if self.given_up:
                        return
                    self.file.write(chunk)
        except Exception as error:
            self.error = error
        finally:
            self.done.set()


def download(url: str, path: Path, size: int | None) -> None:
    """Write what is at `url` to `path`.

    size : bytes that are registered, None if none are; one more and the transfer is given up.

    Raises Refused for that, and if fewer than SLOWEST bytes a second come; what requests raises for everything else.
    """
    with path.open("wb") as file:  # here: a transfer that was given up must not make the file anew
        transfer = _Transfer(url, file, size)
        start = time.monotonic()
        transfer.start()
        while not transfer.done.wait(POLL_S):
            if transfer.received < SLOWEST * (elapsed := time.monotonic() - start - START_S):
                transfer.given_up = True
                rate = f"{transfer.received} bytes in {elapsed + START_S:.0f} s"
                raise Refused(f"it comes too slowly, {rate}: given up below {SLOWEST} bytes a second")
    if transfer.error:
        raise transfer.error


def copy(source: Path, path: Path, size: int | None) -> None:
    """Copy a file of a folder mirror; Refused if it is longer than registered, or no plain file."""
    if source.exists() and not source.is_file():
        raise Refused("it is no plain file")
    most = MOST_UNSTATED if size is None else size
    with source.open("rb") as opened, path.open("wb") as file:
        left = most + 1
        while left and (data := opened.read(min(left, 1 << 20))):
            left -= file.write(data)
    if not left:
        raise Refused(too_long(size))


def too_long(size: int | None) -> str:
    """That a file is longer than registered."""
    if size is None:
        return f"it is longer than {MOST_UNSTATED} bytes: put its size into config/sources.csv (bytes)"
    return f"it is longer than the {size} bytes of config/sources.csv: the rest was not taken"
