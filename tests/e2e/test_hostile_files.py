"""What a parser cannot do to us, whatever a file makes it do."""

import asyncio
import os
import random
import re
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import anyio
import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest

from sloth_agent.adapters.parsers.limits import Limits
from sloth_agent.adapters.parsers.sandbox import SandboxReader
from sloth_agent.errors import (
    FileDamaged,
    FileTooLarge,
    ParseMemory,
    ParseTimeout,
    UnpackedTooLarge,
    UnreadableFile,
)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="limits of processes are POSIX"),
]
linux = pytest.mark.skipif(sys.platform != "linux", reason="the filter of system calls is Linux")
TIGHT = Limits(cpu_seconds=1, wall_seconds=3.0, answer_bytes=1_000_000)


def _harmful(*, workers: int) -> SandboxReader:
    return SandboxReader(
        workers=workers,
        max_file_bytes=1_000_000,
        limits=TIGHT,
        program="harmful_parser",
        paths=[str(Path(__file__).parent)],
    )


@pytest.fixture
async def harmful() -> AsyncIterator[SandboxReader]:
    reader = _harmful(workers=1)
    yield reader
    await reader.aclose()


async def deed(reader: SandboxReader, name: str, target: object = "") -> str:
    reading = await reader.read(str(target).encode(), name=name)
    return reading.blocks[0].text


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("spin", ParseTimeout),
        ("sleep", ParseTimeout),
        ("allocate", ParseMemory),
        ("abort", FileDamaged),
        ("dive", FileDamaged),
        ("stumble", FileDamaged),
        ("flood", UnpackedTooLarge),
    ],
)
async def test_harm_ends_as_an_error_and_the_next_file_is_read(
    harmful: SandboxReader, name: str, error: type[UnreadableFile]
) -> None:
    started = time.monotonic()
    with pytest.raises(error) as caught:
        await deed(harmful, name)
    assert type(caught.value) is error
    assert time.monotonic() - started < 8
    assert "secret" not in f"{caught.value.message}{caught.value.details}"
    assert await deed(harmful, "greet") == "hello"


@linux
async def test_memory_mapped_beside_the_heap_counts(harmful: SandboxReader) -> None:
    with pytest.raises(UnreadableFile):
        await deed(harmful, "map_memory")


async def test_what_a_parser_prints_goes_nowhere(harmful: SandboxReader) -> None:
    assert await deed(harmful, "print_much") == "printed"


async def test_nothing_is_written(harmful: SandboxReader, tmp_path: Path) -> None:
    target = tmp_path / "file"
    with pytest.raises(FileDamaged):
        await deed(harmful, "write", target)
    assert not target.exists() or target.stat().st_size == 0


@linux
async def test_nothing_is_removed(harmful: SandboxReader, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("kept")
    with pytest.raises(FileDamaged):
        await deed(harmful, "remove", target)
    assert target.read_text() == "kept"


@linux
async def test_no_connection_is_opened(harmful: SandboxReader) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        with pytest.raises(FileDamaged):
            await deed(harmful, "connect", server.getsockname()[1])
        with pytest.raises(TimeoutError):
            server.accept()


@linux
@pytest.mark.parametrize("name", ["run", "leave_a_child", "kill_the_parent"])
async def test_no_process_is_started_or_ended(harmful: SandboxReader, name: str) -> None:
    with pytest.raises(FileDamaged):
        await deed(harmful, name)
    assert await deed(harmful, "greet") == "hello"


async def test_secrets_do_not_come_along(
    harmful: SandboxReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    assert "canary" not in await deed(harmful, "environment")


async def test_a_file_above_the_limit_never_reaches_the_child(harmful: SandboxReader) -> None:
    with pytest.raises(FileTooLarge):
        await harmful.read(b"a" * 1_000_001, name="greet")


async def test_a_nursery_that_dies_is_replaced(harmful: SandboxReader) -> None:
    await deed(harmful, "greet")
    [nursery] = _family()
    nursery.kill()
    nursery.wait()
    assert await deed(harmful, "greet") == "hello"


@pytest.mark.parametrize("said", ["", "many", "-5", "9" * 100, "99999999999"])
async def test_an_answer_that_makes_no_sense_is_damage(harmful: SandboxReader, said: str) -> None:
    with pytest.raises(FileDamaged, match="makes no sense"):
        await deed(harmful, "greet", f"say {said}\n")
    assert await deed(harmful, "greet") == "hello"


async def test_a_process_that_does_not_start_costs_the_file_only(
    harmful: SandboxReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/no/such/python")
        with pytest.raises(UnreadableFile) as caught:
            await deed(harmful, "greet")
    assert caught.value.code == "unreadable_file"
    assert "no process can be started" in caught.value.message
    assert await deed(harmful, "greet") == "hello"


async def test_giving_up_waiting_ends_the_child(harmful: SandboxReader) -> None:
    with anyio.move_on_after(0.7):
        await deed(harmful, "sleep")
    await _gone()
    assert await deed(harmful, "greet") == "hello"


@pytest.fixture
async def harmful_by_two() -> AsyncIterator[SandboxReader]:
    reader = _harmful(workers=2)
    yield reader
    await reader.aclose()


def long_pdf(told: str = "") -> str:
    """Long enough for two; `told` is what the second process does before it reads."""
    return f"%PDF-{told}".ljust(200_000)


async def test_two_processes_share_a_long_pdf(harmful_by_two: SandboxReader) -> None:
    first, second, *others = (await deed(harmful_by_two, "long.pdf", long_pdf())).split()
    assert first != second
    assert others == [first, second, first]


async def test_one_process_reads_where_no_other_is_idle(harmful_by_two: SandboxReader) -> None:
    who: list[str] = []

    async def read() -> None:
        who.append(await deed(harmful_by_two, "long.pdf", long_pdf()))

    async with anyio.create_task_group() as group:
        group.start_soon(deed, harmful_by_two, "sleep_a_little")
        await anyio.sleep(0.3)
        group.start_soon(read)
    assert len(set(who[0].split())) == 1
    assert len(set((await deed(harmful_by_two, "long.pdf", long_pdf())).split())) == 2


@pytest.mark.parametrize("told", ["abort", "stumble", "allocate", "no number"])
async def test_what_the_second_process_leaves_the_first_one_does(
    harmful_by_two: SandboxReader, told: str
) -> None:
    pages = (await deed(harmful_by_two, "long.pdf", long_pdf(told))).split()
    assert len(pages) == 5
    assert len(set(pages)) == 1


async def test_a_second_process_that_sleeps_is_ended(harmful_by_two: SandboxReader) -> None:
    with pytest.raises(ParseTimeout):
        await deed(harmful_by_two, "long.pdf", long_pdf("sleep"))
    assert await deed(harmful_by_two, "greet") == "hello"
    await harmful_by_two.aclose()
    await _gone()


async def test_closing_leaves_no_process(harmful: SandboxReader) -> None:
    await deed(harmful, "greet")
    await harmful.aclose()
    await _gone()


def _family() -> list[psutil.Process]:
    """Our children, without what Python keeps for several processes, and tests for commands."""
    ours = psutil.Process().children(recursive=True)
    return [child for child in ours if not re.search(r"resource_tracker|incubator", _named(child))]


def _named(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


async def _gone() -> None:
    family = _family()
    _, alive = await anyio.to_thread.run_sync(psutil.wait_procs, family, 5)
    assert not alive


async def test_a_killed_client_leaves_no_process(tmp_path: Path) -> None:
    script = tmp_path / "client.py"
    script.write_text(
        "import anyio\n"
        "from sloth_agent.adapters.parsers.sandbox import SandboxReader\n"
        "async def main():\n"
        "    reader = SandboxReader(workers=1, max_file_bytes=9, program='harmful_parser',"
        f" paths=[{str(Path(__file__).parent)!r}])\n"
        "    await reader.read(b'', name='greet')\n"
        "    print('ready', flush=True)\n"
        "    await reader.read(b'', name='sleep')\n"
        "anyio.run(main)\n"
    )
    client = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdout=asyncio.subprocess.PIPE
    )
    assert client.stdout is not None
    assert await client.stdout.readline() == b"ready\n"
    family = psutil.Process(client.pid).children(recursive=True)
    client.kill()
    await client.wait()
    _, alive = await anyio.to_thread.run_sync(psutil.wait_procs, family, 5)
    assert not alive


SEEDS = 12


@pytest.fixture
def good_files(shared_data: Path) -> list[Path]:
    salon = [path for path in (shared_data / "salon").iterdir() if path.suffix != ".py"]
    slides = sorted((shared_data / "documents/files/unstructured").glob("*.pptx"))[:3]
    return sorted(salon) + slides


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_damaged_files_end_as_text_or_error(good_files: list[Path], seed: int) -> None:
    """Truncated, bit-flipped, spliced: a reading or an error of ours, and within the limits."""
    chance = random.Random(seed)
    reader = SandboxReader(workers=os.cpu_count() or 1, max_file_bytes=20 * 1024 * 1024)
    try:
        async with anyio.create_task_group() as tasks:
            for path in good_files:
                tasks.start_soon(_read_damaged, reader, path, chance.randrange(1 << 30))
    finally:
        await reader.aclose()


async def _read_damaged(reader: SandboxReader, path: Path, seed: int) -> None:
    content = damaged(await anyio.Path(path).read_bytes(), random.Random(seed))
    with suppress(UnreadableFile):
        reading = await reader.read(content, name=path.name)
        assert reading.blocks
        assert not any("\0" in block.text for block in reading.blocks)


def damaged(content: bytes, chance: random.Random) -> bytes:
    how = chance.choice(["cut", "flip", "drop", "splice"])
    at = chance.randrange(len(content))
    if how == "cut":
        return content[:at]
    if how == "drop":
        return content[:at] + content[at + chance.randrange(1, 200) :]
    if how == "splice":
        return content[:at] + content[chance.randrange(len(content)) :]
    spoilt = bytearray(content)
    for _ in range(chance.randrange(1, 40)):
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
    return bytes(spoilt)
