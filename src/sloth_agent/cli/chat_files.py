"""`sloth channels`: documents that customers send."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.options import Json, Limit, Tenant
from sloth_agent.cli.output import note, show_fields, show_json, show_list
from sloth_agent.cli.saving import save_new
from sloth_agent.cli.session import opened
from sloth_agent.ids import ChatFileId, ChatId, IntegrationId

app = typer.Typer()

COLUMNS = ("id", "name", "type", "size", "customer", "created_at")

File = Annotated[UUID, typer.Argument(metavar="FILE", help="As `sloth channels files` shows it.")]


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


@app.command("files-kept", epilog="Example: sloth channels files-kept 0197c3a2-... on")
def files_kept(
    integration: Annotated[
        UUID, typer.Argument(metavar="INTEGRATION", help="As `sloth channels list` shows it.")
    ],
    switch: Annotated[Switch, typer.Argument(metavar="on|off", help="Off: they are declined.")],
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Keep documents that customers send for the firm's people; the assistant never reads them."""
    kept = switch is Switch.ON
    with opened() as sloth:
        sloth.tenant(tenant).set_files_kept(IntegrationId(integration), kept, by=operator())
    show_fields({"id": str(integration), "files_kept": kept}, as_json=as_json)


@app.command("files", epilog="Example: sloth channels files 5c9d2a1e-...")
def files(
    chat: Annotated[
        UUID | None,
        typer.Argument(metavar="[CHAT]", help="As `sloth channels chats` shows it. [default: all]"),
    ] = None,
    limit: Limit = 50,
    after: Annotated[UUID | None, typer.Option(help="Go on after this file.")] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """List documents that customers sent, oldest first."""
    from sloth_agent.app.bodies.inbox import chat_file_body

    with opened() as sloth:
        found = sloth.tenant(tenant).chat_files(
            ChatId(chat) if chat else None,
            limit=limit,
            after=ChatFileId(after) if after else None,
        )
    show_list(
        [chat_file_body(file) for file in found],
        COLUMNS,
        next_cursor=str(found[-1].id) if len(found) == limit else None,
        as_json=as_json,
    )


@app.command("file", epilog="Example: sloth channels file 0197c3a2-... --output contract.pdf")
def file(
    file: File,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PATH", help="Where to; must not exist yet.")
    ],
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Save a document that a customer sent. Nobody has looked into it: open it with care."""
    from sloth_agent.app.bodies.inbox import chat_file_body

    with opened() as sloth:
        assistant = sloth.tenant(tenant)
        found = assistant.chat_file(ChatFileId(file))
        content = assistant.chat_file_content(found.id)
    save_new(output, content)
    show_fields({**chat_file_body(found), "path": str(output)}, as_json=as_json)


@app.command("delete-file", epilog="Example: sloth channels delete-file 0197c3a2-...")
def delete_file(file: File, tenant: Tenant = None, as_json: Json = False) -> None:
    """Forget a document that a customer sent; its bytes are free again."""
    with opened() as sloth:
        sloth.tenant(tenant).delete_chat_file(ChatFileId(file), by=operator())
    if as_json:
        show_json({"id": str(file), "deleted": True})
    else:
        note(f"Deleted {file}.")
