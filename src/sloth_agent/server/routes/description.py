"""The API's description, for programs and for people."""

import json
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from sloth_agent.server.description import described
from sloth_agent.server.docs_page import docs_page
from sloth_agent.server.routes import agent, widget
from sloth_agent.settings import Settings

EVENTS = (*agent.EVENTS, *widget.EVENTS)
"""What is streamed beside answers and problems."""

PAGE_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
"""The page needs its own style sheet, and no script at all."""


def describing(routers: Sequence[APIRouter], settings: Settings) -> APIRouter:
    """The routes that tell of all others; put together when they are first asked for."""
    router = APIRouter(prefix="/api", include_in_schema=False)
    document = cache(lambda: described(routers, settings, events=EVENTS))

    @lru_cache(maxsize=8)
    def schema_below(root_path: str) -> bytes:
        written = {**document(), "servers": [{"url": root_path or "/"}]}
        return json.dumps(written, ensure_ascii=False).encode()

    page = cache(lambda: docs_page(document()))
    style = (files("sloth_agent.server") / "docs_page.css").read_bytes()

    @router.get("/schema/")
    async def schema(request: Request) -> Response:
        """OpenAPI 3.1."""
        content = schema_below(request.scope.get("root_path", ""))
        return Response(content, media_type="application/json")

    @router.get("/docs/")
    async def docs() -> Response:
        """The same as a page."""
        headers = {"Content-Security-Policy": PAGE_POLICY}
        return Response(page(), headers=headers, media_type="text/html")

    @router.get("/docs/style.css")
    async def docs_style() -> Response:
        """How the page looks."""
        return Response(style, media_type="text/css")

    return router
