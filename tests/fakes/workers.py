"""Workers in processes of their own, what they are to do, and what became of it."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from fakes.command import Sloth
from fakes.incubator import Child
from sloth_agent import Settings
from sloth_agent import Sloth as Library


@contextmanager
def working(
    sloth: Sloth, *options: str, told: IO[bytes] | None = None
) -> Iterator[Child | subprocess.Popen[bytes]]:
    """A worker; in the end it is killed with all its children. `told`: where it logs to."""
    with _begun(sloth, "worker", *options, told=told) as process, keeping_schedule(sloth):
        yield process


@contextmanager
def keeping_schedule(sloth: Sloth) -> Iterator[None]:
    """What Celery's workers need beside them."""
    if "REDIS_URL" not in sloth.variables:
        yield
        return
    with _begun(sloth, "beat"):
        yield


@contextmanager
def _begun(
    sloth: Sloth, *command: str, told: IO[bytes] | None = None
) -> Iterator[Child | subprocess.Popen[bytes]]:
    with Path(os.devnull).open("r+b") as nothing:
        streams = (nothing, nothing, told or nothing)
        process = sloth.begin(*command, streams=streams, new_session=True)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def write_notes(folder: Path, count: int, *, edition: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        lines = [f"Paragraph {n} of note {number}.{edition} costs {n} euro.\n" for n in range(60)]
        (folder / f"{number}.md").write_text("\n".join([f"# Note {number}\n", *lines]))


def unfinished(sloth: Sloth) -> list[dict[str, object]]:
    listed = sloth("jobs", "list", "--tenant", sloth.tenant, "--limit", "1000", "--json").json
    return [job for job in listed["items"] if job["kind"] == "ingest"]


def wait_until_done(sloth: Sloth, *, seconds: float) -> float:
    started = time.monotonic()
    while unfinished(sloth):
        assert time.monotonic() < started + seconds, unfinished(sloth)
        time.sleep(0.2)
    return time.monotonic() - started


def pieces(settings: Settings, slug: str) -> list[tuple[object, ...]]:
    """What the assistant knows, without ids."""
    with Library(settings) as sloth:
        tenant = sloth.tenant(slug)
        services, schema = tenant._tenant.services, tenant.organization.schema_name

        async def read(_: object) -> list[tuple[object, ...]]:
            async with services.home.inside(schema) as connection:
                found = await connection.execute(
                    "select title, digest, status, position, chunks.text, terms::text"
                    " from documents left join chunks on document_id = documents.id"
                    " order by title, position"
                )
                return await found.fetchall()

        return sloth.run(read)
