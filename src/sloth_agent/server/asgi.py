"""`sloth_agent.server.asgi:app`, for uvicorn, gunicorn, hypercorn and other programs."""

from starlette.types import ASGIApp, Receive, Scope, Send

from sloth_agent.errors import SlothError
from sloth_agent.server.application import create_app
from sloth_agent.server.living import refuse_to_start


class Application:
    """Made when it is first asked for: to import it reads no settings."""

    def __init__(self) -> None:
        self._made: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made is None:
            try:
                self._made = create_app()
            except SlothError as error:
                if scope["type"] != "lifespan":
                    raise
                await receive()
                await refuse_to_start(error, send)
                return
        await self._made(scope, receive, send)


app = Application()
