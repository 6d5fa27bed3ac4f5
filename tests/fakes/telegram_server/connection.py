"""The wire: bytes of HTTP to calls, answers to bytes."""

import re
import socket
import struct
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import unquote, urlsplit

from fakes.telegram_server import parameters
from fakes.telegram_server.refusals import Refused
from fakes.telegram_server.service import Answer, Service, refusal

CALL = re.compile(r"/bot([^/]+)/(\w+)")
FILE = re.compile(r"/file/bot([^/]+)/(.+)")


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
        if not isinstance(sys.exception(), OSError):
            self.service.crashes.append(traceback.format_exc())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms between its head and its body
    wbufsize = -1  # head and body leave in one piece
    timeout = 60  # longer than a client asks for updates

    @property
    def service(self) -> Service:
        return cast("Http", self.server).service

    def log_message(self, *_: object) -> None:
        """Silent: the tests look at `requests`."""

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # whoever sent it died over it
            self.close_connection = True
        else:
            self._handle(body)

    def _handle(self, body: bytes) -> None:
        address = urlsplit(self.path)
        path = unquote(address.path)
        try:
            answer = self._answer(path, address.query, body)
        except Refused as error:
            answer = refusal(error)
        self._send(answer) if answer else self._reset()

    def _answer(self, path: str, query: str, body: bytes) -> Answer | None:
        if file := FILE.fullmatch(path):
            return self.service.download(file[1], file[2])
        if call := CALL.fullmatch(path):
            values = parameters.read(query, self.headers.get("Content-Type", ""), body)
            return self.service.answer(call[1], call[2], values)
        raise Refused("", status=404)

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
