"""Sentry's ingest endpoint on loopback: keeps every byte that arrives, unpacked."""

import gzip
import json
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast


class Sentry:
    """`dsn` is what SENTRY_DSN takes."""

    def __init__(self) -> None:
        self.received: list[bytes] = []  # line of request, headers and body of each
        self.events: list[dict[str, Any]] = []
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.sentry = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def dsn(self) -> str:
        return f"http://0123456789abcdef0123456789abcdef@127.0.0.1:{self._http.server_port}/7"

    def keep(self, head: bytes, body: bytes) -> None:
        self.received.append(head + body)
        _envelope, *items = body.split(b"\n")
        for header, payload in zip(items[::2], items[1::2], strict=False):
            if json.loads(header)["type"] == "event":
                self.events.append(json.loads(payload))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    sentry: Sentry
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Silent: the tests look at what was received."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        encoding = self.headers.get("Content-Encoding", "")
        if encoding == "gzip":
            body = gzip.decompress(body)
        elif encoding == "deflate":
            body = zlib.decompress(body)
        else:
            assert not encoding, encoding
        head = f"{self.requestline}\n{self.headers}\n".encode()
        cast("_Http", self.server).sentry.keep(head, body)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
