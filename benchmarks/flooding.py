"""Asks as fast as it is answered: `python -m benchmarks.flooding PORT < TOKENS`.

A program of its own, so that whoever is measured meanwhile does not wait for it. A line for each
client; on SIGTERM it tells how often which status came.
"""

import asyncio
import json
import signal
import sys
from collections import Counter
from contextlib import suppress

CHAT = json.dumps({"message": "How much is a haircut?"})
ASKED = (
    ("POST", "/api/agent/chat/", CHAT),
    ("GET", "/api/auth/me/", ""),
    ("GET", "/api/agent/history/", ""),
)


async def flood(port: int, tokens: list[str]) -> Counter[str]:
    ends: Counter[str] = Counter()
    clients = [asyncio.create_task(client(port, token, ends)) for token in tokens]
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop, clients)
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*clients)
    return ends


def stop(clients: list[asyncio.Task[None]]) -> None:
    for each in clients:
        each.cancel()


async def client(port: int, token: str, ends: Counter[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        for method, path, body in ASKED:
            head = (
                f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            )
            content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            writer.write((head + content).encode())
            answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            await reader.readexactly(int(answer.split("content-length: ")[1].split("\r\n")[0]))
            ends[answer.split()[1]] += 1


if __name__ == "__main__":
    print(json.dumps(asyncio.run(flood(int(sys.argv[1]), sys.stdin.read().split()))))
