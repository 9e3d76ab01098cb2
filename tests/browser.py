"""A headless Chromium for the tests, spoken to by its DevTools protocol over a pipe: no driver and no package is needed."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from importlib import resources
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OFFLINE = ("file:", "data:", "blob:", "about:")


def find_browser() -> str | None:
    """Path of a Chromium: $CHROMIUM, or the first of `NAMES` on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of a headless Chromium, and what happened in it: requests to the outside, console errors."""

    def __init__(self, executable: str, profile: Path):
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe"]
        # The protocol wants file descriptors 3 and 4; the shell moves them there.
        command = ["bash", "-c", f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}', executable, *options, f"--user-data-dir={profile}"]
        self.process = subprocess.Popen(command, pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self._buffer, self._count, self._session = b"", 0, None
        self.requests: list[str] = []  # URLs that are not local
        self.errors: list[str] = []
        self._loaded = False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, timeout: float = 120, **parameters) -> dict:
        """Send a command and return its result; events that arrive meanwhile are noted."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _receive(self, deadline: float) -> dict:
        while b"\0" not in self._buffer:
            if not select.select([self._in], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            chunk = os.read(self._in, 1 << 20)
            if not chunk:
                raise RuntimeError(f"the browser ended with status {self.process.wait()}")
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(line)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, event: str | None, parameters: dict) -> None:
        if event == "Network.requestWillBeSent" and not parameters["request"]["url"].startswith(OFFLINE):
            self.requests.append(parameters["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(parameters["exceptionDetails"])[:500])
        elif event == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "assert"):
            self.errors.append(json.dumps(parameters["args"])[:500])
        elif event == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(parameters["entry"]["text"])
        elif event == "Page.loadEventFired":
            self._loaded = True

    def open(self, path: Path, width: int = 1280, height: int = 900) -> None:
        """Open a local file in a window of this size, and wait until it has loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self._loaded = False
        self.call("Page.navigate", url=path.resolve().as_uri())
        deadline = time.monotonic() + 120
        while not self._loaded:
            self._receive(deadline)

    def evaluate(self, expression: str):
        """Value of a JavaScript expression (a promise is awaited)."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:1000])
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """Save what the window shows as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def prefer_dark(self, dark: bool = True) -> None:
        """What pages are told of the reader's preference, from now on."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def violations(self) -> list[str]:
        """What axe, the accessibility checker, finds in the page: rule and element, one line each."""
        if not self.evaluate("typeof axe === 'object'"):
            self.evaluate(resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + "; 0")
        found = "r.violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.target} ${n.html.slice(0, 120)}`))"
        return json.loads(self.evaluate(f"axe.run().then(r => JSON.stringify({found}))"))

    def close(self) -> None:
        """End the browser."""
        self._session = None
        self.call("Browser.close")
        self.process.wait(30)
        os.close(self._in)
        os.close(self._out)
