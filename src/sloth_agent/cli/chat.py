"""`sloth chat`: ask, once or in a conversation."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from sloth_agent.cli.options import Json, Tenant
from sloth_agent.cli.output import harmless, note, say, show_json
from sloth_agent.cli.session import opened

if TYPE_CHECKING:
    from sloth_agent.agent.models import Answer, Citation
    from sloth_agent.agent.ports import Delta
    from sloth_agent.ids import ConversationId
    from sloth_agent.language import Language


LEAVING = ("exit", "quit", "/exit", "/quit")
"""Typed instead of a question, they end a conversation."""


def chat(
    question: Annotated[
        str | None, typer.Argument(help="The question; - for stdin; none: a conversation.")
    ] = None,
    tenant: Tenant = None,
    conversation: Annotated[
        UUID | None, typer.Option(metavar="ID", help="Go on with a conversation.")
    ] = None,
    customer: Annotated[
        str | None, typer.Option(metavar="ID", help="Who asks; see `sloth customers`.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="en, uk, pl or de. [default: the question's]")
    ] = None,
    no_stream: Annotated[
        bool, typer.Option("--no-stream", help="Print the answer when it is whole.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask the assistant; it answers from its documents and names the sources."""
    from sloth_agent.agent.models import ConversationSource
    from sloth_agent.ids import ConversationId

    wanted = _language(language)
    known = ConversationId(conversation) if conversation else None
    if question is None and as_json:
        raise typer.BadParameter("--json needs a question.", param_hint="QUESTION")
    with opened() as sloth:
        stream = partial(
            sloth.tenant(tenant).chat_stream,
            language=wanted,
            source=ConversationSource.CLI,
            external_id=customer,
        )
        if question is None:
            _converse(stream, known)
            return
        asked = sys.stdin.read() if question == "-" else question
        parts = stream(asked, conversation=known)
        if as_json or no_stream:
            answer = _whole(parts)
            if not as_json:
                say(answer.text)
        else:
            answer = _whole(_shown(parts))
        if as_json:
            from sloth_agent.app.bodies.answers import answer_body

            show_json(answer_body(answer))
        else:
            _show_whence(answer)


def _converse(
    stream: Callable[..., "Iterator[Delta | Answer]"], conversation: "ConversationId | None"
) -> None:
    """Questions and answers until the end of input, or a word that ends it."""
    with suppress(ImportError):  # Windows has none, and edits lines by itself
        import readline  # noqa: F401 - makes input() editable, with a history

    from sloth_agent.errors import SlothError

    if sys.stdin.isatty():
        note("Ask away; Ctrl-D or `exit` leaves.")
    while True:
        try:
            question = input("> " if sys.stdin.isatty() else "")
        except EOFError:
            return
        if question.strip().lower() in LEAVING:
            return
        if not question.strip():
            continue
        try:
            answer = _whole(_shown(stream(question, conversation=conversation)))
        except SlothError as error:
            note(f"error: {error.message}" + (f" ({error.hint})" if error.hint else ""))
            continue
        conversation = answer.conversation_id
        _show_whence(answer)
        say()


def _shown(parts: "Iterator[Delta | Answer]") -> "Iterator[Delta | Answer]":
    """The same; the text is shown as it comes."""
    from sloth_agent.agent.models import Answer

    for part in parts:
        if isinstance(part, Answer):
            say()
        else:
            say(part.text, end="")
        yield part


def _whole(parts: "Iterator[Delta | Answer]") -> "Answer":
    from sloth_agent.agent.models import Answer

    for part in parts:
        if isinstance(part, Answer):
            return part
    raise AssertionError("an answer ends with an Answer")


def _show_whence(answer: "Answer") -> None:
    show_sources(answer.citations)
    show_unread(answer.not_read)


def show_unread(titles: Sequence[str]) -> None:
    """What an answer or a search could not know yet."""
    if titles:
        note(f"Not read yet: {', '.join(titles)}.")


def show_sources(citations: Iterable["Citation"]) -> None:
    sources = dict.fromkeys(_source(citation) for citation in citations)
    for source in sources:
        say(f"  — {harmless(source)}")


def _source(citation: "Citation") -> str:
    """Such as `price-list.xlsx, Hair, row 5` or `brochure.pdf, page 2`."""
    parts = [citation.document]
    if citation.page is not None:
        parts.append(f"page {citation.page}")
    if citation.section:
        parts.append(citation.section)
    if citation.row is not None:
        parts.append(f"row {citation.row}")
    return ", ".join(parts)


def _language(name: str | None) -> "Language | None":
    from sloth_agent.language import Language

    if name is None:
        return None
    try:
        return Language(name.lower())
    except ValueError as error:
        raise typer.BadParameter("Known: en, uk, pl, de.", param_hint="--language") from error
