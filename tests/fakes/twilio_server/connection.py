"""The wire: bytes of HTTP to requests, answers to bytes."""

import socket
import struct
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import urlsplit

from fakes.twilio_server.exchange import Answer, Request, decoded

Respond = Callable[[Request], Answer | None]


class Http(ThreadingHTTPServer):
    respond: Respond
    daemon_threads = True
    request_queue_size = 256
    # A client's idle connection would keep its thread, and so the end of the test, waiting.
    block_on_close = False

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """A client that went away is what the tests provoke, not news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms between its head and its body
    wbufsize = -1  # head and body leave in one piece
    timeout = 30

    def log_message(self, *_: object) -> None:
        """Silent: the tests look at `requests`."""

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # whoever sent it died over it
            self.close_connection = True
            return
        address = urlsplit(self.path)
        answer = cast("Http", self.server).respond(
            Request(
                method=self.command,
                path=address.path,
                query=decoded(address.query),
                form=decoded(body.decode(errors="replace")),
                authorization=self.headers.get("Authorization", ""),
            )
        )
        self._send(answer) if answer else self._reset()

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def _reset(self) -> None:
        """Close as a crashed server does: without an answer, without a goodbye."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
