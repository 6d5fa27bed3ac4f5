"""The process that files are read in, one limited child each.

It loads the parser that a file wants before the fork, once for all children after it. Run as
a program it takes requests on stdin, one after another, and ends when stdin does. A request is a
line of JSON and the content; the answer a line of JSON and the message of `wire`.
"""

import gc
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from sloth_agent.adapters.parsers import confinement, limits, wire
from sloth_agent.adapters.parsers.limits import Limits
from sloth_agent.adapters.parsers.sharing import ALONE, First, Second, Share, send
from sloth_agent.errors import (
    FileDamaged,
    ParseMemory,
    ParseTimeout,
    UnpackedTooLarge,
    UnreadableFile,
)
from sloth_agent.knowledge.models import Reading

Parse = Callable[..., Reading]
Work = Callable[[Share], bytes]
_STEP = 1 << 20
_LENGTH = 8  # bytes in front of a child's message


def serve(parse: Parse, prepare: Callable[[bytes], None]) -> None:
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := requests.readline():
        request = json.loads(line)
        content = requests.read(request["size"])
        if len(content) < request["size"]:
            return  # the parent is gone
        prepare(content)
        message = _answer(parse, content, request)
        del content
        answers.write(b"%d\n" % len(message) + message)
        answers.flush()


def _answer(parse: Parse, content: bytes, request: dict[str, Any]) -> bytes:
    def work(share: Share) -> bytes:
        return _parsed(parse, content, name=request["name"], share=share)

    if not hasattr(os, "fork"):
        return work(ALONE)  # the parent ends this process after every file, and has the only clock
    try:
        allowed = Limits(**request["limits"])
        return _by_two(work, allowed) if request["by_two"] else _by_one(work, allowed)
    except UnreadableFile as error:
        return wire.pack_error(error)


def _parsed(parse: Parse, content: bytes, *, name: str, share: Share) -> bytes:
    try:
        return wire.pack(parse(content, name=name, share=share))
    except UnreadableFile as error:
        return wire.pack_error(error)
    except MemoryError:
        return wire.pack_error(too_much_memory())
    except RecursionError:
        return wire.pack_error(too_deep())
    except Exception as error:  # noqa: BLE001 - the outer edge: parsers trip over damage in any way
        return wire.pack_error(broken(at=_where(error)))


def _where(error: Exception) -> str:
    """Kind and place of a failure, without its text: that may hold the file's content."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"


def too_much_memory() -> ParseMemory:
    return ParseMemory(
        "Reading the file takes too much memory.", hint="Split it into smaller files."
    )


def too_deep() -> FileDamaged:
    return FileDamaged(
        "The file is nested too deeply to be a document.", hint="Save it under a new name."
    )


def too_slow() -> ParseTimeout:
    return ParseTimeout("Reading the file takes too long.", hint="Split it into smaller files.")


def broken(**details: object) -> FileDamaged:
    return FileDamaged(
        "The file is damaged: it could not be read to its end.",
        hint="Export or save it again.",
        **details,
    )


def _by_two(work: Work, allowed: Limits) -> bytes:
    """As `_by_one`, with a second child that takes over half of the pages."""
    second, deliveries = _forked(lambda end: work(Second(end)), allowed)
    try:
        return _by_one(work, allowed, First(deliveries))
    finally:
        os.close(deliveries)
        _end(second)
        os.waitpid(second, 0)


def _by_one(work: Work, allowed: Limits, share: Share = ALONE) -> bytes:
    """Run `work` in a forked child and return what it sent.

    Raises:
        ParseTimeout, ParseMemory, UnpackedTooLarge, FileDamaged: the child did not finish.
    """
    child, results = _forked(lambda end: _deliver(end, work(share)), allowed)
    status, usage = 0, None
    try:
        message = _received(results, allowed)
    finally:
        os.close(results)
        _end(child)
        _, status, usage = os.wait4(child, 0)
    if message is not None:
        return message
    raise _cause(status, limits.peak_bytes(usage), allowed)


def _forked(life: Callable[[int], object], allowed: Limits) -> tuple[int, int]:
    """A new child, which is given one end of a pipe, and the other end."""
    reading_end, writing_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading_end)
        _live(lambda: life(writing_end), allowed)
    os.close(writing_end)
    return child, reading_end


def _live(life: Callable[[], object], allowed: Limits) -> NoReturn:
    """From start to end: a child never returns into the code that it was forked from."""
    status = 1
    try:
        limits.detach()
        limits.apply(allowed)
        confinement.apply()
        gc.disable()  # it ends soon, and looking for circles costs a third of the time
        life()
        status = 0
    finally:
        os._exit(status)


def _deliver(results: int, message: bytes) -> None:
    send(results, len(message).to_bytes(_LENGTH, "big") + message)


def _received(results: int, allowed: Limits) -> bytes | None:
    """Return the child's message, None where it ended without a whole one."""
    deadline = time.monotonic() + allowed.wall_seconds
    poll = select.poll()
    poll.register(results, select.POLLIN)
    poll.register(sys.stdin.fileno(), 0)  # only the hang-up: a request is not taken here
    pieces: list[bytes] = []
    size = 0
    while (left := deadline - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(left * 1000):
            if descriptor != results:
                sys.exit()  # nobody waits for the answer any more
            piece = os.read(results, _STEP)
            if not piece:
                return _whole(b"".join(pieces))
            pieces.append(piece)
            size += len(piece)
            if size > allowed.answer_bytes + _LENGTH:
                raise UnpackedTooLarge(
                    "There is far more text in the file than can be kept.", hint="Split it."
                )
    raise too_slow()


def _whole(received: bytes) -> bytes | None:
    length, message = int.from_bytes(received[:_LENGTH], "big"), received[_LENGTH:]
    return message if message and len(message) == length else None


def _end(child: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    with suppress(ProcessLookupError):  # it may not have got as far as its own group
        os.kill(child, signal.SIGKILL)


def _cause(status: int, peak_bytes: int, allowed: Limits) -> UnreadableFile:
    """Why a child died. Libraries that cannot get memory abort, or trip over it."""
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return too_slow()
    if peak_bytes > allowed.memory_bytes * 0.6:
        return too_much_memory()
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return too_much_memory()  # the system's own last resort
    return broken()


if __name__ == "__main__":
    from sloth_agent.adapters.parsers import reading

    serve(reading.read, reading.prepare)
