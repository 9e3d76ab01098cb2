"""A server on this machine that means ill: whatever it sends, a fetch ends in time, in a sentence, with nothing of it left."""

import gzip
import hashlib
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lastiterate.workflow import download, fetch
from lastiterate.workflow.sources import SourceFile
from lastiterate.workflow.step import StepError

RIGHT = b"step,loss\n" + b"1,2.0\n" * 3000
MOST_SENT = 4 << 20  # bytes that any answer may cost, of a file of 18 KB


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        answer = self.server.answers[min(self.server.requests, len(self.server.answers) - 1)]
        self.server.requests += 1
        try:
            answer(self)
        except OSError:
            self.close_connection = True  # the other side hung up, as it should

    def send(self, body, status=200, length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.write(body)

    def write(self, data):
        self.wfile.write(data)
        self.server.sent += len(data)

    def log_message(self, *arguments):
        pass


def right(handler):
    handler.send(RIGHT)


def other(handler):
    handler.send(RIGHT[::-1])


def short(handler):
    handler.send(RIGHT[:100])


def cut(handler):
    handler.send(RIGHT[:100], length=len(RIGHT))


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.write(b"x" * 65536)


def long(handler):
    handler.send(RIGHT + b"x" * (64 << 20), length=len(RIGHT) + (64 << 20))


def bomb(handler):
    handler.send(gzip.compress(b"\0" * (64 << 20)), Content_Encoding="gzip")


def squeezed(handler):
    handler.send(gzip.compress(RIGHT), Content_Encoding="gzip")


def trickle(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(RIGHT)))
    handler.end_headers()
    for byte in RIGHT:
        handler.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.05)


def slow_headers(handler):
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1000:
        handler.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.05)


def silent(handler):
    time.sleep(2)


def hung_up(handler):
    handler.close_connection = True


def nonsense(handler):
    handler.write(b"\x00\xff" * 500 + b"\r\n\r\n")


def missing(handler):
    handler.send_error(404)


def busy(handler):
    handler.send_error(503)


def in_circles(handler):
    handler.send(b"", 302, Location=handler.path)


def elsewhere(handler):
    handler.send(b"", 302, Location="file:///etc/passwd")


GOOD, PASSING = [right, squeezed], [other, short, cut, hung_up, nonsense, busy]
LASTING = [endless, long, bomb, trickle, slow_headers, silent, missing, in_circles, elsewhere]


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *arguments: None
    monkeypatch.setattr(fetch.time, "sleep", lambda seconds, sleep=time.sleep: sleep(min(seconds, 0.05)))
    for name, value in (("START_S", 0.5), ("TIMEOUT_S", 1), ("POLL_S", 0.05)):
        monkeypatch.setattr(download, name, value)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def judge(server, seed):
    rng = random.Random(seed)
    server.answers = [rng.choice(PASSING) for _ in range(rng.randrange(5))] + [rng.choice(GOOD + LASTING)]
    server.requests = server.sent = 0
    file = SourceFile("someone/logs", "1" * 40, f"a/{seed}.csv", hashlib.sha256(RIGHT).hexdigest(), len(RIGHT), "MIT")
    names = [answer.__name__ for answer in server.answers]
    start = time.monotonic()
    try:
        fetch.fetch_file(file, f"http://127.0.0.1:{server.server_port}")
        fetched = True
    except StepError as error:
        fetched = False
        assert "cannot fetch http://127.0.0.1" in str(error) and "why: " in str(error) and "next: " in str(error), names
    expected = len(names) <= fetch.TRIES and server.answers[-1] in GOOD
    assert fetched == expected and file.local.exists() == expected, f"fetch {seed}: {names}"
    assert not expected or file.local.read_bytes() == RIGHT, f"fetch {seed}: {names}"
    assert time.monotonic() - start < 60 and server.sent < MOST_SENT + fetch.TRIES * len(RIGHT), f"fetch {seed}: {names}, {server.sent} B"
    kept = [path.name for path in Path("data").rglob("*") if path.is_file()]
    assert kept == [file.local.name] * expected, f"fetch {seed}: {kept}"
    file.local.unlink(missing_ok=True)


def test_a_server_that_means_ill_gets_nothing_in(server, campaign):
    holds = "the registered file or a sentence, within seconds and megabytes; nothing else is left"
    for seed in campaign.seeds("a server that sends endlessly, slowly, something else, or a file that unpacks to gigabytes", holds, 40):
        judge(server, seed)
