"""Files on their way out: to be saved, never to be shown by a browser."""

from typing import Any
from urllib.parse import quote

from starlette.responses import Response

MEDIA_TYPE = "application/octet-stream"

A_FILE: dict[str, Any] = {
    "description": "The file, as an attachment under its own name.",
    "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
}
"""As the API's description has it."""


def download(name: str, content: bytes) -> Response:
    """As an attachment under its own name, whatever is in it."""
    spelled = quote(name.encode("utf-8", "replace"), safe="")
    return Response(
        content,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{spelled}"},
        media_type=MEDIA_TYPE,
    )
