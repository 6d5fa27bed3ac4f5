"""`sloth documents`: what the assistant learned from."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated
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

Id = Annotated[UUID, typer.Argument(metavar="ID", help="As `sloth documents list` shows it.")]


@app.command("list", epilog="Example: sloth documents list --json")
def list_documents(tenant: Tenant = None, as_json: Json = False) -> None:
    """List all documents, oldest first."""
    from sloth_agent.app.bodies import document_body

    with opened() as sloth:
        items = [document_body(document) for document in _all(sloth.tenant(tenant))]
    show_list(items, ("id", "title", "status", "pages", "chunks", "size"), as_json=as_json)


@app.command("show", epilog="Example: sloth documents show 0197c3a2-...")
def show_document(id: Id, tenant: Tenant = None, as_json: Json = False) -> None:
    """Show one document."""
    from sloth_agent.app.bodies import document_body

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


def _all(assistant: "Assistant") -> Iterator["Document"]:
    """Page by page: the library never hands over more at once."""
    page = assistant.documents()
    while page:
        yield from page
        page = assistant.documents(after=page[-1].id)
