"""Fetching against a local server: checks, retries, resumption, and what a failure says."""

import hashlib
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lastiterate.workflow import fetch
from lastiterate.workflow.content import file_blob
from lastiterate.workflow.sources import Source, SourceFile, load_sources, source_digest
from lastiterate.workflow.step import StepError

COMMIT = "1" * 40
CONTENT = {f"data/log{i}.json": b"%d" % i * 5000 for i in range(5)}


class Server(ThreadingHTTPServer):
    """Serves CONTENT below /<repository>/<commit>/; `script` maps a path to what happens at each request for it."""

    def __init__(self):
        self.script: dict[str, list] = {}
        self.requests: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    """status (int): that error; bytes: that body; "cut": half the body; None: the right body."""

    def do_GET(self):
        path = self.path.removeprefix(f"/someone/logs/{COMMIT}/")
        self.server.requests.append(path)
        actions = self.server.script.get(path, [])
        action = actions.pop(0) if actions else (None if path in CONTENT else 404)
        if isinstance(action, int):
            self.send_error(action)
            return
        body = action if isinstance(action, bytes) else CONTENT[path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if action == "cut" else body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    server = Server()
    server.waits = []
    monkeypatch.setattr(fetch.time, "sleep", server.waits.append)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def url(server):
    return f"http://127.0.0.1:{server.server_port}"


def entry(path, content=None):
    content = CONTENT[path] if content is None else content
    return SourceFile("someone/logs", COMMIT, path, hashlib.sha256(content).hexdigest(), len(content), "MIT")


SOURCE = Source("logs", "epfml", tuple(map(entry, CONTENT)))


def leftovers():
    return sorted(path.name for path in Path("data").rglob("*") if path.is_file() and path.suffix != ".json")


def test_fetches_every_file_once_and_only_what_is_missing(server):
    calls = []
    assert fetch.fetch_source(SOURCE, url(server), lambda *state: calls.append(state)) == sum(map(len, CONTENT.values()))
    assert {file.path: file.local.read_bytes() for file in SOURCE.files} == CONTENT
    assert calls[-1] == (5, 5, 25000) and not leftovers()
    SOURCE.files[2].local.unlink()
    server.requests.clear()
    assert fetch.fetch_source(SOURCE, url(server)) == 5000
    assert server.requests == ["data/log2.json"]


@pytest.mark.parametrize("fault", [503, 429, "cut", b"wrong bytes", b"x" * 5000])
def test_a_passing_fault_is_retried_with_growing_waits(server, fault):
    server.script["data/log1.json"] = [fault, fault]
    fetch.fetch_source(SOURCE, url(server))
    assert SOURCE.files[1].local.read_bytes() == CONTENT["data/log1.json"]
    assert server.waits == [1, 2] and not leftovers()


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (503, "503 Server Error"),
        (b"x" * 5000, f"its sha256 is not {SOURCE.files[1].sha256}"),
        (b"short", r"got 5 bytes, expected 5000 \(config/sources.csv\)"),
    ],
)
def test_a_lasting_fault_says_url_reason_and_way_out(server, fault, why):
    server.script["data/log1.json"] = [fault] * 10
    with pytest.raises(StepError, match=why) as error:
        fetch.fetch_source(SOURCE, url(server))
    message = str(error.value)
    assert f"cannot fetch {url(server)}/someone/logs/{COMMIT}/data/log1.json" in message
    assert "LASTITERATE_MIRROR" in message and f"({fetch.TRIES} tries)" in message
    assert not SOURCE.files[1].local.exists() and not leftovers()
    server.script.clear()
    server.requests.clear()
    fetch.fetch_source(SOURCE, url(server))
    assert "data/log1.json" in server.requests and len(server.requests) < 5


def test_a_file_that_the_server_does_not_have_is_not_retried(server):
    gone = Source("logs", "epfml", (entry("data/gone.json", b"gone"),))
    with pytest.raises(StepError, match=r"404 Client Error.*\(1 tries\)"):
        fetch.fetch_source(gone, url(server))
    assert server.requests == ["data/gone.json"]


def test_no_server_at_all(server):
    with pytest.raises(StepError, match="Connection refused"):
        fetch.fetch_file(SOURCE.files[0], "http://127.0.0.1:9")


def test_a_folder_is_a_mirror(server, tmp_path):
    for path, content in CONTENT.items():
        target = tmp_path / "mirror/someone/logs" / COMMIT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    fetch.fetch_source(SOURCE, str(tmp_path / "mirror"))
    assert {file.path: file.local.read_bytes() for file in SOURCE.files} == CONTENT
    assert not server.requests
    SOURCE.files[0].local.unlink()
    (tmp_path / "mirror/someone/logs" / COMMIT / "data/log0.json").unlink()
    with pytest.raises(StepError, match="no such file in the mirror folder"):
        fetch.fetch_source(SOURCE, str(tmp_path / "mirror"))


def test_an_edited_file_is_never_overwritten(server):
    fetch.fetch_source(SOURCE, url(server))
    SOURCE.files[0].local.write_bytes(b"edited")
    with pytest.raises(StepError, match="is not the registered file"):
        fetch.fetch_source(SOURCE, url(server))
    assert SOURCE.files[0].local.read_bytes() == b"edited"


def test_command_line_writes_the_receipt_last(server, monkeypatch, capsys, tmp_path):
    rows = [f"logs,epfml,{f.repository},{f.commit},{f.path},{f.sha256},{f.size},{f.licence}" for f in SOURCE.files]
    (tmp_path / "sources.csv").write_text("source,reader,repository,commit,path,sha256,bytes,licence\n" + "\n".join(rows) + "\n")
    monkeypatch.setenv(fetch.MIRROR, url(server))
    monkeypatch.setattr("sys.argv", ["fetch", "--sources", "sources.csv", "--source", "logs", "--output", str(SOURCE.receipt)])
    server.script["data/log1.json"] = [404]
    with pytest.raises(SystemExit):
        fetch.main()
    assert "error: cannot fetch" in capsys.readouterr().err and not SOURCE.receipt.exists()
    fetch.main()
    assert "5/5 files" not in capsys.readouterr().err.splitlines()[0] and SOURCE.receipt.read_text().count("MIT") == 5
    assert not SOURCE.forget_if_incomplete()
    SOURCE.files[3].local.unlink()
    assert SOURCE.forget_if_incomplete() and not SOURCE.receipt.exists()


def test_a_file_is_pinned_by_the_id_of_its_git_blob(server, monkeypatch, capsys, tmp_path):
    subprocess.run(["git", "init", "-q", "."], check=True)
    Path("known").write_bytes(CONTENT["data/log1.json"])
    blob = subprocess.run(["git", "hash-object", "known"], check=True, capture_output=True, text=True).stdout.strip()
    assert file_blob(Path("known")) == blob
    header = "source,reader,repository,commit,path,sha256,bytes,licence,blob,optional"
    Path("sources.csv").write_text(f"{header}\nlarge,norm_csv,someone/logs,{COMMIT},data/log1.json,,,MIT,{blob},yes\n")
    source = load_sources("sources.csv")["large"]
    assert source.optional and not source.wanted and source.files[0].pin == ("git blob", blob)
    before = source_digest(source, tmp_path / "cache")
    server.script["data/log1.json"] = [b"another"] * fetch.TRIES
    with pytest.raises(StepError, match=f"its git blob is not {blob}"):
        fetch.fetch_source(source, url(server))
    assert not source.files[0].local.exists() and not leftovers()
    monkeypatch.setenv(fetch.MIRROR, url(server))
    monkeypatch.setattr("sys.argv", ["fetch", "--sources", "sources.csv", "--source", "large", "--output", str(source.receipt)])
    fetch.main()
    assert f"{source.files[0].key},{hashlib.sha256(CONTENT['data/log1.json']).hexdigest()},5000,MIT" in source.receipt.read_text()
    assert source.wanted and source_digest(source, tmp_path / "cache") == before
    source.files[0].local.write_bytes(b"edited")
    assert source_digest(source, tmp_path / "cache") != before
    with pytest.raises(StepError, match=f"expected: git blob {blob}"):
        fetch.fetch_source(source, url(server))
