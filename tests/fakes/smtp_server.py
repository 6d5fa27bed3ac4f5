"""A mail server on loopback that keeps what it is given, or refuses it."""

import email
import email.policy
import socketserver
import threading
from email.message import EmailMessage
from types import TracebackType
from typing import Self


class SmtpServer:
    """Speaks as much SMTP as the standard library's client needs."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.messages: list[EmailMessage] = []
        outer = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.say("220 here")
                while line := self.rfile.readline().decode().strip():
                    command = line.upper().split()[0]
                    if command == "DATA":
                        self.say("354 go on")
                        outer.messages.append(self.message())
                        self.say("250 kept")
                    elif command == "RCPT" and refuses:
                        self.say("550 no such mailbox")
                    elif command == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 fine")

            def message(self) -> EmailMessage:
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line)
                parsed = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
                assert isinstance(parsed, EmailMessage)
                return parsed

            def say(self, text: str) -> None:
                self.wfile.write(text.encode() + b"\r\n")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
