"""`sloth documents`: what the assistant learned from."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.options import Json, Tenant
from sloth_agent.cli.output import note, show_fields, show_json, show_list
from sloth_agent.cli.session import opened
from sloth_agent.ids import DocumentId

if TYPE_CHECKING:
    from sloth_agent.app.blocking import Tenant as Assistant
    from sloth_agent.knowledge.models import Document

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth documents list")

COLUMNS = ("id", "title", "status", "pages", "chunks", "size")

Id = Annotated[UUID, typer.Argument(metavar="ID", help="As `sloth documents list` shows it.")]


@app.command("list", epilog="Example: sloth documents list --json")
def list_documents(tenant: Tenant = None, as_json: Json = False) -> None:
    """List all documents, oldest first; those of one title with their sources."""
    from sloth_agent.app.bodies.documents import document_body

    with opened() as sloth:
        items = [document_body(document) for document in _all(sloth.tenant(tenant))]
    if as_json:
        show_list(items, COLUMNS, as_json=True)
        return
    titles = Counter(item["title"] for item in items)
    twins = {item["id"]: item["source"] for item in items if titles[item["title"]] > 1}
    # A source may be no path, and then has no folder in common with others.
    start = os.path.commonprefix(list(twins.values())).rfind("/") + 1  # noqa: RUF071 - see above
    rows = [
        {
            **item,
            "status": "partly read" if _is_partly_read(item) else item["status"],
            "source": twins.get(item["id"], "")[start:],
        }
        for item in items
    ]
    show_list(rows, (*COLUMNS, "source") if twins else COLUMNS, as_json=False)


@app.command("show", epilog="Example: sloth documents show 0197c3a2-...")
def show_document(id: Id, tenant: Tenant = None, as_json: Json = False) -> None:
    """Show one document."""
    from sloth_agent.app.bodies.documents import document_body

    with opened() as sloth:
        body = document_body(sloth.tenant(tenant).document(DocumentId(id)))
    show_fields(body, as_json=as_json)


@app.command("delete", epilog="Example: sloth documents delete 0197c3a2-...")
def delete_document(id: Id, tenant: Tenant = None, as_json: Json = False) -> None:
    """Forget a document, its pieces and its file."""
    with opened() as sloth:
        sloth.tenant(tenant).delete_document(DocumentId(id), by=operator())
    if as_json:
        show_json({"id": str(id), "deleted": True})
    else:
        note(f"Deleted {id}.")


def _is_partly_read(item: dict[str, Any]) -> bool:
    return bool(item["unread"]) and item["status"] == "completed"


def _all(assistant: "Assistant") -> Iterator["Document"]:
    """Page by page: the library never hands over more at once."""
    page = assistant.documents()
    while page:
        yield from page
        page = assistant.documents(after=page[-1].id)
