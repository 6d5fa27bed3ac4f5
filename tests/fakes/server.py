"""`sloth serve` as a process, and what it says."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx

from fakes.api import PASSWORD
from fakes.command import Sloth

SECRET = "4f1c9a7e2b8d6035c1e7f9a2b4d60813"


@dataclass(frozen=True, slots=True)
class Server:
    process: subprocess.Popen[bytes]
    client: httpx.Client
    log: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Of the log; each is JSON but for the greeting."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if not line.startswith("Serving at ")]

    @property
    def children(self) -> list[int]:
        """Of its processes those that serve."""
        told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(id) for id in told.split() if b"spawn_main" in _command_line(id)]

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=40)

    def signed_up(self) -> dict[str, str]:
        """A new firm: the headers of its owner's requests."""
        email = f"{uuid4().hex}@example.com"
        body = {"email": email, "password": PASSWORD, "organization": "Salon"}
        made = self.client.post("/api/auth/register/", json=body)
        assert made.status_code == 201, made.text
        return {"Authorization": f"Bearer {made.json()['access']}"}

    def uploaded(self, headers: dict[str, str], text: str) -> Callable[[], str]:
        """Keep a document; returns how to ask how far it is."""
        files = {"file": ("notes.txt", text.encode())}
        kept = self.client.post("/api/documents/upload/", headers=headers, files=files)
        assert kept.status_code == 202, kept.text
        path = f"/api/documents/{kept.json()['id']}/status/"
        return lambda: str(self.client.get(path, headers=headers).json()["status"])

    def taught(self, headers: dict[str, str], text: str) -> None:
        status = self.uploaded(headers, text)
        until(lambda: status() == "completed")


@contextmanager
def serving(sloth: Sloth, *arguments: str) -> Iterator[Server]:
    """Ready for requests; in the end it is killed with all its children."""
    with TemporaryDirectory() as folder:
        port = free_port()
        with (
            running(sloth, Path(folder), f"--port={port}", *arguments) as (process, log),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
        ):
            server = Server(process, client, log)
            until(lambda: _is_ready(server), seconds=60)
            yield server


@contextmanager
def running(
    sloth: Sloth, folder: Path, *arguments: str
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    log = folder / "log"
    with log.open("wb") as told:
        process = sloth.start("serve", *arguments, stderr=told, start_new_session=True)
        try:
            yield process, log
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def until(reached: Callable[[], object], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def _is_ready(server: Server) -> bool:
    assert server.process.poll() is None, server.log.read_text()
    with suppress(httpx.TransportError):
        return server.client.get("/readyz").status_code == 200
    return False


def _command_line(process: str) -> bytes:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""
