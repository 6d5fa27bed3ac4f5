"""`python -m fakes.stripe_server`, with `tests` on the path: a Stripe to try things with by hand.

Lines on its input move the clock: an ISO date, or `+3` for days.
"""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fakes.stripe_server.account import START
from fakes.stripe_server.server import StripeServer


def main() -> None:
    asked = _arguments()
    server = StripeServer(
        asked.contracts,
        port=asked.port,
        start=asked.clock,
        key=asked.key,
        secrets=asked.secret,
        webhook_url=asked.webhook,
    )
    with server:
        _say(f"STRIPE_API_BASE={server.url}", f"key {asked.key}", _clock(server))
        for text in sys.stdin:
            server.advance(_moment(text.strip(), server.now))
            _say(_clock(server), *server.contract_problems)


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _clock(server: StripeServer) -> str:
    return f"clock {server.now.isoformat()}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fakes.stripe_server", description=__doc__)
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--clock", type=_aware, default=START, help="ISO date it starts at")
    parser.add_argument("--key", default="sk_test_loopback")
    parser.add_argument("--webhook", help="where events are posted to")
    parser.add_argument("--secret", action="append", help="of the webhook; several are all used")
    parser.add_argument("--contracts", type=Path, help="folder with stripe.openapi.json")
    asked = parser.parse_args()
    asked.secret = asked.secret or ["whsec_loopback"]
    return asked


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment(text: str, now: datetime) -> datetime:
    return now + timedelta(days=float(text)) if text.startswith("+") else _aware(text)


if __name__ == "__main__":
    main()
