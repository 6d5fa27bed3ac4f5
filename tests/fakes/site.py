"""A firm's own web site, at an origin of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

HTML = """<!doctype html><html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Salon</title>
{head}</head>
<body><h1>Salon</h1><button id="before">Book</button>{tag}</body></html>"""


@dataclass(slots=True)
class Site:
    """One page; change it, and load it again."""

    origin: str
    tag: str = ""
    head: str = ""
    policy: str = ""  # its Content-Security-Policy
    language: str = "en"
    asked: list[str] = field(default_factory=list)

    @property
    def page(self) -> bytes:
        return HTML.format(tag=self.tag, head=self.head, language=self.language).encode()


@contextmanager
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.asked.append(self.path)
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html")
            if shown.policy:
                self.send_header("Content-Security-Policy", shown.policy)
            self.end_headers()
            if self.path == "/":
                self.wfile.write(shown.page)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        shown = Site(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield shown
        server.shutdown()
