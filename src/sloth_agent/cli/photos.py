"""`sloth photos`: pictures of the firm."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.exits import DONE, FAILED, SOME_FAILED
from sloth_agent.cli.options import Json, Tenant
from sloth_agent.cli.output import note, say, show_fields, show_json, show_list
from sloth_agent.cli.session import opened
from sloth_agent.ids import PhotoId

if TYPE_CHECKING:
    from sloth_agent.app.blocking import Tenant as Assistant
    from sloth_agent.errors import Problem
    from sloth_agent.knowledge.models import Photo

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth photos add salon.jpg")

COLUMNS = ("id", "title", "status", "type", "width", "height", "size")

Id = Annotated[UUID, typer.Argument(metavar="ID", help="As `sloth photos list` shows it.")]


@app.command("add", epilog="Example: sloth photos add salon.jpg door.png")
def add_photos(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="JPEG, PNG, WebP, GIF; - for stdin.")
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of what comes from stdin. [default: stdin]")
    ] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Keep photos; one bad file never stops the others."""
    from sloth_agent.app.bodies.photos import photo_file_body

    if "" in paths:
        raise typer.BadParameter("A path is empty. Is a variable unset?", param_hint="PATH")
    if name is not None and (not name.strip() or "-" not in paths):
        raise typer.BadParameter("It names what comes from stdin: -", param_hint="--name")
    with opened() as sloth:
        assistant = sloth.tenant(tenant)
        files = [photo_file_body(path, _added(assistant, path, name or "stdin")) for path in paths]
    failed = sum(file["photo"] is None for file in files)
    if as_json:
        show_json({"files": files, "added": len(files) - failed, "failed": failed})
    else:
        _show(files, failed=failed)
    raise typer.Exit(_exit_code(failed, of=len(files)))


@app.command("list", epilog="Example: sloth photos list --json")
def list_photos(tenant: Tenant = None, as_json: Json = False) -> None:
    """List all photos, oldest first."""
    from sloth_agent.app.bodies.photos import photo_body

    with opened() as sloth:
        items = [photo_body(photo) for photo in _all(sloth.tenant(tenant))]
    show_list(items, COLUMNS, as_json=as_json)


@app.command("show", epilog="Example: sloth photos show 0197c3a2-...")
def show_photo(id: Id, tenant: Tenant = None, as_json: Json = False) -> None:
    """Show one photo, and what was seen in it."""
    from sloth_agent.app.bodies.photos import photo_analysis_body, photo_body

    with opened() as sloth:
        photo = sloth.tenant(tenant).photo(PhotoId(id))
    show_fields({**photo_body(photo), **photo_analysis_body(photo)}, as_json=as_json)


@app.command("delete", epilog="Example: sloth photos delete 0197c3a2-...")
def delete_photo(id: Id, tenant: Tenant = None, as_json: Json = False) -> None:
    """Forget a photo and its file."""
    with opened() as sloth:
        sloth.tenant(tenant).delete_photo(PhotoId(id), by=operator())
    if as_json:
        show_json({"id": str(id), "deleted": True})
    else:
        note(f"Deleted {id}.")


def _added(assistant: "Assistant", path: str, name: str) -> "Photo | Problem":
    from sloth_agent.errors import Problem, SlothError
    from sloth_agent.knowledge.intake import STOPPING

    try:
        if path == "-":
            return assistant.add_photo(name, sys.stdin.buffer.read())
        return assistant.add_photo_file(path)
    except STOPPING:
        raise
    except SlothError as error:
        return Problem.of(error)


def _show(files: list[dict[str, Any]], *, failed: int) -> None:
    for file in files:
        if error := file["error"]:
            note(f"failed: {file['path']}: {error['message']} [{error['code']}]")
    say(f"{len(files) - failed} added, {failed} failed.")


def _exit_code(failed: int, *, of: int) -> int:
    if not failed:
        return DONE
    return FAILED if failed == of else SOME_FAILED


def _all(assistant: "Assistant") -> "Iterator[Photo]":
    """Page by page: the library never hands over more at once."""
    page = assistant.photos()
    while page:
        yield from page
        page = assistant.photos(after=page[-1].id)
