"""Chromium without a window, driven over its DevTools protocol."""

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

WATCHING = """
  window.violations = [];
  window.hits = 0;
  window.hit = window.alert = () => { window.hits += 1; };
  document.addEventListener("securitypolicyviolation", (event) =>
    window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
"""Runs before a page's own scripts: what its policy stops, and how often a payload has run."""

KEYS: Mapping[str, tuple[int, str]] = {
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "Tab": (9, ""),
    " ": (32, " "),
}
SHIFT = 8


def found() -> str | None:
    """The browser's path; None: this machine has none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass(slots=True)
class Page:
    """One tab of a browser, with nothing of other tabs."""

    connection: ClientConnection
    session: str
    context: str
    troubles: list[str] = field(default_factory=list)  # errors of scripts, and of loading
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def reload(self) -> None:
        self.run("window.left = true")
        self.call("Page.reload")
        self.until("!window.left && document.readyState === 'complete'")

    def run(self, expression: str) -> Any:
        """The value of an expression; promises are waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str, *, seconds: float = 20) -> None:
        """Wait until it is something, such as an element that is there."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if self.run(f"!!({expression})"):
                    return
            except AssertionError:  # the page is between two documents
                pass
            assert time.monotonic() < deadline, f"never: {expression}; {self.troubles}"
            time.sleep(0.05)

    def press(self, key: str, *, shift: bool = False) -> None:
        code, text = KEYS[key]
        told = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        told["modifiers"] = SHIFT if shift else 0
        written = {"text": text} if text and not shift else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **told, **written)
        self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def looks(
        self, *, width: int = 1200, height: int = 800, mobile: bool = False, dark: bool = False
    ) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if mobile else 1,
            mobile=mobile,
        )
        wishes = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce",  # where something is does not depend on when
        }
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        self.call("Emulation.setEmulatedMedia", features=features)

    def offline(self, is_so: bool) -> None:
        self.call(
            "Network.emulateNetworkConditions",
            offline=is_so,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def picture(self, path: Path) -> None:
        shot = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the protocol, and its answer."""
        id = next(self._ids)
        command = {"id": id, "method": method, "params": parameters, "sessionId": self.session}
        self.connection.send(json.dumps(command))
        while True:
            message = json.loads(self.connection.recv(timeout=60))
            if message.get("id") == id:
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result
            self._hear(message)

    def _hear(self, message: Mapping[str, Any]) -> None:
        told = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                details = told["exceptionDetails"]
                thrown = details.get("exception", {}).get("description", "")
                self.troubles.append(f"{details['text']} {thrown}")
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                self.troubles.append(told["entry"]["text"])
            case "Runtime.consoleAPICalled" if told["type"] == "error":
                self.troubles.append(str(told["args"]))


@contextmanager
def browser(path: str) -> Iterator[ClientConnection]:
    """A browser of its own, which is gone in the end with all that it kept."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [
            path,
            "--headless=new",
            "--no-sandbox",  # tests may run as root, which has none
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--hide-scrollbars",
            "--lang=en-US",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            "about:blank",
        ]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                with connect(_address(process), max_size=None, compression=None) as connection:
                    yield connection
            finally:
                process.terminate()
                assert process.stderr is not None
                process.stderr.close()
                process.wait(timeout=20)


@contextmanager
def page(connection: ClientConnection) -> Iterator[Page]:
    """A tab that shares nothing with others: no storage, no cache."""
    context = _ask(connection, "Target.createBrowserContext")["browserContextId"]
    try:
        yield _opened(connection, context)
    finally:
        _ask(connection, "Target.disposeBrowserContext", browserContextId=context)


def beside(tab: Page) -> Page:
    """One more tab of the same visitor; it ends with the first."""
    return _opened(tab.connection, tab.context)


def _opened(connection: ClientConnection, context: str) -> Page:
    target = _ask(connection, "Target.createTarget", url="about:blank", browserContextId=context)[
        "targetId"
    ]
    session = _ask(connection, "Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    tab = Page(connection, session, context, _ids=count(1_000))
    for domain in ("Page", "Runtime", "Log", "Network"):
        tab.call(f"{domain}.enable")
    tab.call("Page.addScriptToEvaluateOnNewDocument", source=WATCHING)
    tab.looks()
    return tab


_outside_ids = count(1)


def _ask(connection: ClientConnection, method: str, **parameters: Any) -> dict[str, Any]:
    """A command to the browser, and not to one of its tabs."""
    id = next(_outside_ids)
    connection.send(json.dumps({"id": id, "method": method, "params": parameters}))
    while True:
        message = json.loads(connection.recv(timeout=60))
        if message.get("id") == id and "sessionId" not in message:
            assert "error" not in message, message["error"]
            result: dict[str, Any] = message["result"]
            return result


def _address(process: "subprocess.Popen[str]") -> str:
    """Where the browser listens, as it says itself."""
    assert process.stderr is not None
    for line in process.stderr:
        if "DevTools listening on " in line:
            return line.rpartition(" ")[2].strip()
    raise AssertionError("the browser did not start")
