"""Files on their way out: to be saved, never to be shown by a browser."""

from urllib.parse import quote

from starlette.responses import Response


def download(name: str, content: bytes) -> Response:
    """As an attachment under its own name, whatever is in it."""
    spelled = quote(name.encode("utf-8", "replace"), safe="")
    return Response(
        content,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{spelled}"},
        media_type="application/octet-stream",
    )
