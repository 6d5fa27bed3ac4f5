"""`sloth search`: retrieval alone."""

import sys
from typing import Annotated

import typer

from sloth_agent.cli.chat import show_unread
from sloth_agent.cli.options import Json, Tenant
from sloth_agent.cli.output import note, say, show_json
from sloth_agent.cli.session import opened


def search(
    query: Annotated[str, typer.Argument(help="What to look for; - for stdin.")],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many passages.")] = 5,
    document: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only in these: *.pdf; repeatable.")
    ] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Show the passages that fit best, without an answer."""
    from sloth_agent.app.bodies.answers import passage_body, search_body

    with opened() as sloth:
        text = sys.stdin.read() if query == "-" else query
        found = sloth.tenant(tenant).search(text, limit=k, documents=document or ())
    if as_json:
        show_json(search_body(found))
        return
    if not found.passages:
        note("Nothing was found.")
    for passage in map(passage_body, found.passages):
        place = (passage["page"] and f"page {passage['page']}", passage["section"])
        say(", ".join(part for part in (passage["document"], *place) if part))
        say(f"  {' '.join(passage['text'].split())[:300]}")
    show_unread(found.not_read)
