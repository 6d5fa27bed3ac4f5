"""The wire: bytes of HTTP to requests, answers to bytes."""

import socket
import struct
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import urlsplit

from fakes.stripe_server import forms, pages
from fakes.stripe_server.idempotency import Answer
from fakes.stripe_server.refusals import Refused
from fakes.stripe_server.service import Request, Service


class Http(ThreadingHTTPServer):
    service: Service
    daemon_threads = True
    request_queue_size = 256
    # A client's idle connection would keep its thread, and so the end of the test, waiting.
    block_on_close = False

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, *_: object) -> None:
        """A client that went away is what the tests provoke, not news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms between its head and its body
    wbufsize = -1  # head and body leave in one piece
    timeout = 30

    @property
    def service(self) -> Service:
        return cast("Http", self.server).service

    def log_message(self, *_: object) -> None:
        """Silent: the tests look at `requests`."""

    def do_GET(self) -> None:
        self._handle("")

    def do_DELETE(self) -> None:
        self._handle(self._body())

    def do_POST(self) -> None:
        self._handle(self._body())

    def _body(self) -> str:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()

    def _handle(self, body: str) -> None:
        address = urlsplit(self.path)
        if not address.path.startswith("/v1/"):
            self._page(address.path, body)
            return
        try:
            query, form = forms.decoded(address.query), forms.decoded(body)
        except Refused as error:
            self._send(Answer(status=error.status, body=str(error).encode()))
            return
        answer = self.service.answer(
            Request(
                method=self.command,
                path=address.path,
                query=query,
                form=form,
                authorization=self.headers.get("Authorization", ""),
                idempotency_key=self.headers.get("Idempotency-Key"),
                stripe_version=self.headers.get("Stripe-Version"),
            )
        )
        self._send(answer) if answer else self._reset()

    def _page(self, path: str, body: str) -> None:
        try:
            with self.service.working() as book:
                if self.command == "POST":
                    place = pages.press(book, path, str(forms.decoded(body).get("press")))
                    self._send(Answer(status=303, body=b"", headers={"Location": place}))
                else:
                    self._html(200, pages.page(book, path))
        except Refused as error:
            self._html(error.status, escape(str(error)))

    def _html(self, status: int, text: str) -> None:
        headers = {"Content-Type": "text/html; charset=utf-8"}
        self._send(Answer(status=status, body=text.encode(), headers=headers))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in ({"Content-Type": "application/json"} | answer.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def _reset(self) -> None:
        """Close as a crashed server does: without an answer, without a goodbye."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
