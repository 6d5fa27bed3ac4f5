"""Processes that use one tenant without a pause, and remember what was acknowledged to them."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from typing import Any

import anyio

from fakes.hashing_embedder import HashingEmbedder
from sloth_agent import AsyncSloth, Settings
from sloth_agent.app.sloth import AsyncTenant


@dataclass(slots=True)
class Acknowledged:
    """What whoever asked was told to be done."""

    documents: dict[str, str] = field(default_factory=dict)  # digests by title
    answers: int = 0
    longest_wait: float = 0  # seconds
    problems: list[str] = field(default_factory=list)

    async def timed(self, call: Awaitable[Any]) -> Any:
        started = time.monotonic()
        result = await call
        self.longest_wait = max(self.longest_wait, time.monotonic() - started)
        return result


@contextmanager
def traffic(settings: Settings, slug: str, history: Acknowledged) -> Iterator[None]:
    """One process that learns, changes and forgets documents, and one that asks."""
    spawning = get_context("spawn")
    stop, begun, results = spawning.Event(), spawning.Semaphore(0), spawning.SimpleQueue()
    processes = [
        spawning.Process(target=_run, args=(work, settings, slug, stop, begun, results.put))
        for work in (_learn, _ask)
    ]
    for process in processes:
        process.start()
    try:
        for _ in processes:
            assert begun.acquire(timeout=60)
        yield
    finally:
        stop.set()
        for _ in processes:
            _add(history, results.get())
        for process in processes:
            process.join()


def _add(history: Acknowledged, one: Acknowledged) -> None:
    history.documents |= one.documents
    history.answers += one.answers
    history.longest_wait = max(history.longest_wait, one.longest_wait)
    history.problems += one.problems


def _run(
    work: Callable[[AsyncTenant, Event, Acknowledged], Awaitable[None]],
    settings: Settings,
    slug: str,
    stop: Event,
    begun: Any,
    tell: Callable[[Acknowledged], None],
) -> None:
    history = Acknowledged()

    async def main() -> None:
        async with AsyncSloth(settings) as sloth:
            sloth.services.backends.__dict__["embedder"] = HashingEmbedder()
            tenant = await sloth.tenant(slug)
            begun.release()
            await work(tenant, stop, history)

    try:
        anyio.run(main)
    except BaseException as error:  # noqa: BLE001 - the test says what it was
        history.problems.append(repr(error))
        begun.release()
    tell(history)


async def _learn(tenant: AsyncTenant, stop: Event, history: Acknowledged) -> None:
    number = 0
    while not stop.is_set():
        number += 1
        title = f"note-{number - 1 if number % 3 == 0 else number}.md"
        lines = [f"Paragraph {n} of edition {number}: word{number} word{n}.\n" for n in range(8)]
        content = "\n".join(lines).encode()
        outcome = await history.timed(tenant.ingest_content(title, content))
        if outcome.problem is not None:
            history.problems.append(outcome.problem.message)
        history.documents[title] = sha256(content).hexdigest()
        if number % 5 == 0:
            oldest = next(iter(history.documents))
            for document in await tenant.documents():
                if document.title == oldest:
                    await history.timed(tenant.delete_document(document.id))
                    del history.documents[oldest]


async def _ask(tenant: AsyncTenant, stop: Event, history: Acknowledged) -> None:
    conversation = None
    while not stop.is_set():
        asked = tenant.chat("How much is a haircut?", conversation=conversation)
        reply = await history.timed(asked)
        conversation = reply.conversation_id
        history.answers += 1
        if "40 euro" not in reply.text:
            history.problems.append(f"no answer: {reply.text}")
