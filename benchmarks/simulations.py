"""The simulated services of the tests, each in a process of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.server import until_open

TESTS = Path(__file__).parents[1] / "tests"


@asynccontextmanager
async def simulation(module: str, *arguments: str) -> AsyncIterator[str]:
    """Yields the address of `tests/fakes/MODULE`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", f"fakes.{module}", f"--port={port}", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        try:
            await until_open(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
