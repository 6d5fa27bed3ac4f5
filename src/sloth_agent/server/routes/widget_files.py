"""The script of the chat on firms' web sites, and a page to try it on."""

from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

DEMO_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""As strict as a firm's own page may be: no inline script or style, no text that becomes markup."""

FOR_ANY_PAGE = {
    "Cache-Control": "public, max-age=3600",
    "Cross-Origin-Resource-Policy": "cross-origin",
}

_TAG = Template('<script src="../../widget.js" data-key="$key" data-language="$language"></script>')

_TOLD = {
    True: "The assistant waits in the corner, as it will on your own pages. Ask it something.",
    False: "To see the assistant on it, add <code>?key=</code> and the data-key of your chat to the"
    " address: <code>sloth channels connect web</code> prints it.",
}
"""Whether a key came."""

router = APIRouter(include_in_schema=False)


@router.get("/widget.js")
async def script() -> Response:
    """What a firm's page loads."""
    return Response(_file("widget.js"), headers=FOR_ANY_PAGE, media_type="text/javascript")


@router.get("/widget/demo/")
async def demo(
    key: UUID | None = None, language: Annotated[str, Query(max_length=2)] = ""
) -> Response:
    """A firm's page as it might be."""
    tag = _TAG.substitute(key=key, language=escape(language)) if key else ""
    page = Template(_file("demo.html").decode()).substitute(script=tag, told=_TOLD[key is not None])
    headers = {"Content-Security-Policy": DEMO_POLICY}
    return Response(page, headers=headers, media_type="text/html")


@router.get("/widget/demo/style.css")
async def demo_style() -> Response:
    """How the page looks."""
    return Response(_file("demo.css"), media_type="text/css")


@cache
def _file(name: str) -> bytes:
    return (files("sloth_agent.server") / "widget" / name).read_bytes()
