"""`sloth channels`: the firm's people in the assistant's place."""

import sys
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from sloth_agent.channels.chats import ChatState
from sloth_agent.cli.actor import operator
from sloth_agent.cli.options import Json, Limit, Tenant
from sloth_agent.cli.output import note, say, show_fields, show_json, show_list
from sloth_agent.cli.session import opened
from sloth_agent.ids import ChatId, IntegrationId

if TYPE_CHECKING:
    from sloth_agent.channels.desk import DeskChat

app = typer.Typer()

COLUMNS = ("id", "channel", "state", "name", "customer", "last_heard_at")

Chat = Annotated[UUID, typer.Argument(metavar="CHAT", help="As `sloth channels chats` shows it.")]
Integration = Annotated[
    UUID, typer.Argument(metavar="INTEGRATION", help="As `sloth channels list` shows it.")
]


@app.command("chats", epilog="Example: sloth channels chats --state waiting")
def chats(
    state: Annotated[ChatState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Limit = 50,
    before: Annotated[UUID | None, typer.Option(help="Go on after this chat.")] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """List chats with customers; those that were heard of last come first."""
    from sloth_agent.app.bodies.inbox import chat_body

    with opened() as sloth:
        found = sloth.tenant(tenant).chats(
            state=state, limit=limit, before=ChatId(before) if before else None
        )
    show_list(
        [chat_body(shown) for shown in found],
        COLUMNS,
        next_cursor=str(found[-1].chat.id) if len(found) == limit else None,
        next_option="--before",
        as_json=as_json,
    )


@app.command("show", epilog="Example: sloth channels show 5c9d2a1e-...")
def show(
    chat: Chat,
    last: Annotated[int, typer.Option(min=1, max=200, help="How many messages.")] = 50,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Show a chat, and what was said in it."""
    from sloth_agent.app.bodies.inbox import chat_body, told_chat_body

    with opened() as sloth:
        shown = sloth.tenant(tenant).show_chat(ChatId(chat), last=last)
    if as_json:
        show_json(told_chat_body(shown))
        return
    show_fields(chat_body(shown))
    for message in shown.messages:
        say(f"\n{message.created_at:%Y-%m-%d %H:%M} UTC  {message.speaker}\n{message.text}")


@app.command("answer", epilog='Example: sloth channels answer 5c9d2a1e-... "Friday at 10 is fine."')
def answer(
    chat: Chat,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say; - reads stdin.")],
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Say something to the customer; from then on the assistant is silent there."""
    words = sys.stdin.read() if text == "-" else text
    with opened() as sloth:
        shown = sloth.tenant(tenant).answer_chat(ChatId(chat), words, by=operator())
    _tell(shown, "is answered by a person from now on.", as_json=as_json)


@app.command("take", epilog="Example: sloth channels take 5c9d2a1e-...")
def take(chat: Chat, tenant: Tenant = None, as_json: Json = False) -> None:
    """Have the assistant be silent in a chat."""
    with opened() as sloth:
        shown = sloth.tenant(tenant).take_chat(ChatId(chat), by=operator())
    _tell(shown, "is answered by a person from now on.", as_json=as_json)


@app.command("give-back", epilog="Example: sloth channels give-back 5c9d2a1e-...")
def give_back(chat: Chat, tenant: Tenant = None, as_json: Json = False) -> None:
    """Have the assistant answer again; the customer is told."""
    with opened() as sloth:
        shown = sloth.tenant(tenant).give_back_chat(ChatId(chat), by=operator())
    _tell(shown, "is answered by the assistant again.", as_json=as_json)


@app.command("staff", epilog="Example: sloth channels staff 0197c3a2-...")
def staff(integration: Integration, tenant: Tenant = None, as_json: Json = False) -> None:
    """Print a code that makes a Telegram chat the one in which the firm's people answer."""
    from sloth_agent.app.bodies.inbox import staff_code_body

    with opened() as sloth:
        made = sloth.tenant(tenant).staff_code(IntegrationId(integration), by=operator())
    if as_json:
        show_json(staff_code_body(made))
        return
    say(f"/staff {made.code}")
    note("Send this to the bot within 15 minutes, alone or in the group of the firm's people.")


@app.command("words", epilog="Example: sloth channels words 0197c3a2-... complaint скарг")
def words(
    integration: Integration,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD]...", help="Words, or their beginnings.")
    ] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Name the words after which a person is to answer; none: no words."""
    with opened() as sloth:
        kept = sloth.tenant(tenant).set_hand_over_words(
            IntegrationId(integration), words or (), by=operator()
        )
    show_fields({"id": str(integration), "words": list(kept)}, as_json=as_json)


def _tell(shown: "DeskChat", what: str, *, as_json: bool) -> None:
    from sloth_agent.app.bodies.inbox import chat_body

    if as_json:
        show_json(chat_body(shown))
    else:
        note(f"{shown.chat.name or shown.chat.customer} {what}")
