"""Which pages of other origins may call the API: the console's, as whoever runs the server says."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

CORS_SECONDS = 600

EXPOSED = ["X-Request-ID", "Retry-After", "RateLimit", "RateLimit-Policy", "Idempotency-Replayed"]
"""Headers of answers that a page of another origin may read."""

WIDGETS = "/api/widget/"


class ConsoleOrigins(CORSMiddleware):
    """Leaves the chats on firms' sites alone: each has a list of its own."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if path.removeprefix(scope.get("root_path", "")).startswith(WIDGETS):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
