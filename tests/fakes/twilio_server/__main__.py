"""`python -m fakes.twilio_server`, with `tests` on the path: a WhatsApp to try things by hand.

Lines on its input are what a customer writes; what reaches the customer is printed. `/photo`,
`/voice`, `/document` and `/location` send those, `/read` reads, `+25` lets so many hours pass.
"""

import argparse
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from fakes.twilio_server.account import ACCOUNT, ANNA, AUTH_TOKEN, NUMBER
from fakes.twilio_server.records import Message, Notice, Status, address
from fakes.twilio_server.server import TwilioServer


class _Shown(TwilioServer):
    """Prints what becomes of each message."""

    def happened(self, notices: list[Notice]) -> None:
        for notice in notices:
            if notice.kind == "status" and notice.status is not Status.QUEUED:
                _say(*_lines(self.book.messages[notice.message], notice.status))
        super().happened(notices)


def main() -> None:
    asked = _arguments()
    server = _Shown(
        asked.contracts,
        port=asked.port,
        sid=asked.sid,
        auth_token=asked.token,
        webhook_url=asked.webhook,
        status_url=asked.status,
        via=asked.via,
    )
    with server:
        _say(f"base_url {server.url}", f"account {server.sid}", f"token {server.auth_token}")
        _say(f"{NUMBER} is asked by {asked.customer}; webhook {asked.webhook or 'none: --webhook'}")
        for line in sys.stdin:
            _do(server, asked.customer, line.strip())
            server.wait_for_webhooks()
            _say(*server.contract_problems)
            server.contract_problems.clear()


def _do(server: TwilioServer, customer: str, line: str) -> None:
    commands: dict[str, Callable[[str], object]] = {
        "/photo": server.send_photo,
        "/voice": server.send_voice,
        "/document": server.send_document,
        "/location": lambda phone: server.send_location(phone, 50.45, 30.52, label="Kyiv"),
        "/read": server.read,
        "/block": server.block,
    }
    if line.startswith("+") and line[1:].isdecimal():
        server.advance(server.now + timedelta(hours=int(line[1:])))
    elif line in commands:
        commands[line](customer)
    elif line:
        server.write(customer, line)


def _lines(message: Message, status: Status) -> list[str]:
    if status is Status.SENT:
        files = [f"  file: {each.source}" for each in message.media]
        return [f"{message.recipient.removeprefix(address(''))} < {message.body}", *files]
    error = f" {message.error}" if message.error else ""
    return [f"  {status}{error}"]


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fakes.twilio_server", description=__doc__)
    parser.add_argument("--port", type=int, default=12112)
    parser.add_argument("--sid", default=ACCOUNT, help="of the account")
    parser.add_argument("--token", default=AUTH_TOKEN)
    parser.add_argument("--customer", default=ANNA, help="the number of who writes")
    parser.add_argument("--webhook", help="where messages are posted to")
    parser.add_argument("--status", help="where the status of what was sent is posted to")
    parser.add_argument("--via", help="where these addresses, if they are public, are in truth")
    parser.add_argument("--contracts", type=Path, help="folder with twilio.openapi.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
