"""`python -m fakes.telegram_server`, with `tests` on the path: a Telegram to try by hand.

Lines on its input are messages of a user to the bot; `!text` presses the button with that text.
What the bot sends is printed.
"""

import argparse
import sys
import threading
from pathlib import Path

from fakes.telegram_server.people import Telegram
from fakes.telegram_server.records import Bot, Chat, Sent, User
from fakes.telegram_server.server import TelegramServer


def main() -> None:
    asked = _arguments()
    with TelegramServer(asked.contracts, port=asked.port) as server:
        bot = server.add_bot(asked.username, token=asked.token)
        for number in range(asked.more_bots):
            server.add_bot(f"bot_{number}_bot", token=f"{7_000_000 + number}:secret")
        user = server.add_user(asked.name, language_code=asked.language)
        chat = server.chat(user, bot)
        _say(f"base_url {server.base_url}", f"base_file_url {server.base_file_url}")
        _say(f"token {bot.token}", f"chat {chat.id}")
        threading.Thread(target=_print_sent, args=(server, chat), daemon=True).start()
        for line in sys.stdin:
            _act(server, user, bot, line.rstrip("\n"))
            _say(*server.contract_problems)
        server.wait_for_webhooks(timeout=2)


def _act(server: Telegram, user: User, bot: Bot, text: str) -> None:
    if text.startswith("!"):
        try:
            server.press(user, bot, text[1:])
        except LookupError as error:
            _say(str(error))
    elif text:
        server.write(user, bot, text)


def _print_sent(server: Telegram, chat: Chat) -> None:
    told = 0
    while not server.stopping.wait(0.1):
        new = server.sent(chat)[told:]
        told += len(new)
        _say(*map(_shown, new))


def _shown(sent: Sent) -> str:
    buttons = " ".join(f"[{each}]" for each in sent.buttons)
    return f"{sent.bot}: {sent.text or sent.method} {buttons}".rstrip()


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fakes.telegram_server", description=__doc__)
    parser.add_argument("--port", type=int, default=12112)
    parser.add_argument("--username", default="salon_bot", help="of the bot")
    parser.add_argument("--token", help="of the bot; one is made if none is given")
    parser.add_argument("--more-bots", type=int, default=0, help="7000000:secret and following")
    parser.add_argument("--name", default="Anna", help="first name of the user")
    parser.add_argument("--language", default="uk", help="of the user's app")
    parser.add_argument("--contracts", type=Path, help="folder with telegram.bot-api.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
