"""What the installed command costs from a cold start, with no server running."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.material import Material

_SLOTH = str(Path(sys.executable).with_name("sloth"))
_WATCHING = str(Path(__file__).with_name("watching.py"))
_ROUNDS = 15
_TEXT = "Lavanda opens on Monday to Friday from 9:00 to 19:00.\n\nA haircut costs 40 euro.\n"
_QUESTION = "How much is a haircut?"


@dataclass(frozen=True, slots=True)
class Cost:
    cpu_seconds: float  # of the command and its children
    left_behind_cpu_seconds: float  # of the database server, which is nobody's child
    peak_mb: float  # of the largest of the command and its children
    exit_code: int


async def measure(_: Material) -> AsyncIterator[Figure]:
    if not sys.platform.startswith("linux"):
        yield Figure(part="cli", name="cost of commands", value=None, note="measured on Linux only")
        return
    python = [sys.executable, "-c"]
    help, floor, ours, bare = typical(
        [_SLOTH, "--help"],
        [*python, "import typer"],
        [*python, "import sloth_agent"],
        [*python, "pass"],
    )
    yield Figure(
        part="cli",
        name="sloth --help",
        value=help,
        unit="cpu s",
        wanted="<= 1.3x",
        baseline=floor,
        baseline_name="import typer",
    )
    yield Figure(
        part="cli",
        name="import sloth_agent, beyond Python's own start",
        value=ours - bare,
        unit="cpu s",
        wanted="<= 0.1",
    )
    learned, answered = cold_ingest_and_chat()
    for name, of in (("ingest", learned), ("chat", answered)):
        yield Figure(part="cli", name=f"cold {name}", value=of.cpu_seconds, unit="cpu s")
    yield Figure(
        part="cli",
        name="cold ingest and chat together",
        value=learned.cpu_seconds + answered.cpu_seconds,
        unit="cpu s",
        wanted="<= 3",
    )
    yield Figure(
        part="cli",
        name="the server beside them, two starts and stops",
        value=learned.left_behind_cpu_seconds + answered.left_behind_cpu_seconds,
        unit="cpu s",
    )
    yield Figure(
        part="cli",
        name="largest process of ingest and chat",
        value=max(learned.peak_mb, answered.peak_mb),
        unit="MB",
        wanted="<= 200",
    )


def cold_ingest_and_chat() -> tuple[Cost, Cost]:
    with tempfile.TemporaryDirectory(prefix="sloth-bench-") as folder:
        file = Path(folder, "hours.txt")
        file.write_text(_TEXT, encoding="utf-8")
        variables = {"SLOTH_HOME": str(Path(folder, "home")), "SLOTH_EMBEDDER": "none"}
        cost([_SLOTH, "documents", "list"], variables)  # makes the data directory
        learned = cost([_SLOTH, "ingest", str(file)], variables)
        return learned, cost([_SLOTH, "chat", _QUESTION], variables)


def typical(*commands: list[str]) -> list[float]:
    """The median of each; taken in turn, so that a busy machine is as slow for all of them."""
    rounds = [[cost(command).cpu_seconds for command in commands] for _ in range(_ROUNDS)]
    return [statistics.median(seconds) for seconds in zip(*rounds, strict=True)]


def cost(command: list[str], variables: Mapping[str, str] | None = None) -> Cost:
    done = subprocess.run(
        [sys.executable, "-S", "-E", _WATCHING, *command],
        # Bytecode is kept, as on anybody's machine: compiling at each start would be measured.
        env=os.environ
        | {"DATABASE_URL": "", "PYTHONDONTWRITEBYTECODE": ""}
        | dict(variables or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    found = Cost(**json.loads(done.stderr.splitlines()[-1]))
    if found.exit_code:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return found
