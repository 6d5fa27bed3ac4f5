"""`sloth_agent.server.asgi:app`, for uvicorn, gunicorn, hypercorn and other programs."""

from starlette.types import ASGIApp, Receive, Scope, Send

from sloth_agent.server.application import create_app


class Application:
    """Made when it is first asked for: to import it reads no settings."""

    def __init__(self) -> None:
        self._made: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made is None:
            self._made = create_app()
        await self._made(scope, receive, send)


app = Application()
