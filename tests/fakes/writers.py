"""Several processes that go on writing to the tenants of an install until they are told to stop."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import anyio
import anyio.to_thread

from fakes.installs import BY, QUESTION, hashing
from sloth_agent import AsyncSloth, Settings
from sloth_agent.tenants.users import Role


@dataclass(frozen=True)
class Writers:
    """What they were told to be kept stands in a file of each, a line for each thing."""

    folder: Path

    def acknowledged(self) -> set[tuple[str, str]]:
        """Tenants and documents that they have for good by now."""
        lines = "".join(path.read_text() for path in self.folder.glob("*.acknowledged"))
        return {(slug, name) for slug, name in map(str.split, lines.splitlines())}


@contextmanager
def writing(
    settings: Settings, slugs: Sequence[str], folder: Path, *, processes: int
) -> Iterator[Writers]:
    """All of them write before the body begins, and have stopped after it."""
    spawning = get_context("spawn")
    barrier, stop = spawning.Barrier(processes + 1), spawning.Event()
    writers = [
        spawning.Process(target=_write, args=(settings, slugs, folder, number, barrier, stop))
        for number in range(processes)
    ]
    for writer in writers:
        writer.start()
    barrier.wait(60)
    try:
        yield Writers(folder)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert {writer.exitcode for writer in writers} == {0}


def _write(
    settings: Settings,
    slugs: Sequence[str],
    folder: Path,
    number: int,
    all_have_begun: Barrier,
    stop: Event,
) -> None:
    kept = folder / f"{number}.acknowledged"
    anyio.run(_go_on, settings, slugs, kept, number, all_have_begun, stop)


async def _go_on(
    settings: Settings,
    slugs: Sequence[str],
    kept: Path,
    number: int,
    all_have_begun: Barrier,
    stop: Event,
) -> None:
    async with hashing(settings) as sloth:
        for turn in count():
            if turn == 1:
                await anyio.to_thread.run_sync(all_have_begun.wait)
            for slug in slugs:
                await _write_to(sloth, slug, f"{number}-{turn}")
                _note(kept, f"{slug} kept-{number}-{turn}.md")
            if stop.is_set():
                return


async def _write_to(sloth: AsyncSloth, slug: str, mark: str) -> None:
    tenant = await sloth.tenant(slug)
    going = await tenant.ingest_content(f"going-{mark}.md", f"Soon {mark} is gone.".encode())
    await tenant.ingest_content(
        f"kept-{mark}.md", f"A haircut costs 40 euro, says {mark}.".encode()
    )
    await tenant.chat(QUESTION)
    assert going.document_id
    await tenant.delete_document(going.document_id)
    await sloth.accounts.create(
        f"{mark}@{slug}.example", organization=tenant.organization.id, role=Role.OWNER, by=BY
    )


def _note(kept: Path, line: str) -> None:
    with kept.open("a") as file:
        file.write(f"{line}\n")
