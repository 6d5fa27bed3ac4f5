"""Starts and stops with the server that runs it."""

import logging
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from sloth_agent.errors import BackendUnavailable, SlothError
from sloth_agent.server.platform import Door

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Living:
    """What keeps it from starting is told in one line.

    What is only down for the moment does not keep it: the first request that finds it up opens the
    platform, and `/readyz` says no until then.
    """

    app: ASGIApp
    door: Door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return
        await receive()
        try:
            await self.door.platform()
        except BackendUnavailable as error:
            _log.warning("Started without all that is needed: %s", in_a_line(error))
        except SlothError as error:
            await refuse_to_start(error, send)
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            await self.door.close()
        except SlothError as error:
            await send({"type": "lifespan.shutdown.failed", "message": in_a_line(error)})
            return
        await send({"type": "lifespan.shutdown.complete"})


async def refuse_to_start(error: SlothError, send: Send) -> None:
    """Answer the first message of a lifespan."""
    await send({"type": "lifespan.startup.failed", "message": in_a_line(error)})


def in_a_line(error: SlothError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message
