"""One file in, one reading out: finds the kind and calls its parser. Runs inside the child."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

from sloth_agent.adapters.parsers import encodings, kinds
from sloth_agent.adapters.parsers.bounds import bounded
from sloth_agent.adapters.parsers.kinds import Kind
from sloth_agent.adapters.parsers.sharing import ALONE, Share
from sloth_agent.errors import FileDamaged, FileEmpty, NoText, UnreadableFile, UnsupportedFile
from sloth_agent.knowledge.models import Block, Reading, Unread

_DEEPEST = 3  # a message in an archive, with an attached message
_PARSERS = "sloth_agent.adapters.parsers."
_OFFICE = {Kind.DOCX: "docx", Kind.XLSX: "xlsx", Kind.PPTX: "pptx"}
_MARKS = {
    b"%PDF-": "pdf",
    b"word/document.xml": "docx",
    b"xl/workbook.xml": "xlsx",
    b"ppt/presentation.xml": "pptx",
    b"<html": "html",
}
_PLAIN = {
    Kind.TEXT: "text",
    Kind.MARKDOWN: "markdown",
    Kind.HTML: "html",
    Kind.CSV: "delimited",
}


def read(content: bytes, *, name: str, share: Share = ALONE) -> Reading:
    """Raises:
    UnreadableFile: one of its subclasses.
    """
    return _read(content, name, depth=0, in_archive=False, share=share)


def prepare(content: bytes) -> None:
    """Load the parser that the content will want. Looks for marks only, and parses nothing."""
    ends = content[:1024] + content[-65_536:]
    for mark, parser in _MARKS.items():
        if mark in ends:
            _parser(parser)


def _read(
    content: bytes, name: str, *, depth: int, in_archive: bool, share: Share = ALONE
) -> Reading:
    kind = kinds.binary_kind(content, name=name)
    if kind is None:
        return _text(content, name, depth=depth, in_archive=in_archive)
    if kind is Kind.ZIP:
        return _zipped(content, name, depth=depth, in_archive=in_archive)
    kinds.check_promise(kind, content, name=name)
    if kind is Kind.PICTURE:
        raise _parser("pictures").refusal(content)
    reading: Reading = _parser("pdf").read(content, share=share)
    return reading


def _parser(name: str) -> Any:
    """A parser's module, loaded when the first file of its kind comes: most runs need one."""
    return import_module(_PARSERS + name)


def _text(content: bytes, name: str, *, depth: int, in_archive: bool) -> Reading:
    decoded = encodings.decode(content, markup=kinds.promised(name) is Kind.HTML)
    kind = kinds.text_kind(decoded, name=name)
    kinds.check_promise(kind, content, name=name)
    if kind is Kind.EMAIL:
        return _email(content, depth=depth, in_archive=in_archive)
    found = bounded(_parser(_PLAIN[kind]).blocks(decoded))
    if not found:
        raise NoText("There is no text in this file, only white space.")
    return Reading(media_type=kind, blocks=found)


def _zipped(content: bytes, name: str, *, depth: int, in_archive: bool) -> Reading:
    package = _parser("packages").Package.opened(content)
    kind = package.kind()
    if not package.entries and kinds.promised(name) is not Kind.ZIP:
        raise FileDamaged("There is nothing inside the file.", hint="Export it again.")
    kinds.check_promise(kind, content, name=name)
    if kind in _OFFICE:
        reading: Reading = _parser(_OFFICE[kind]).read(package)
        return reading
    if in_archive or depth >= _DEEPEST:
        raise UnsupportedFile(
            "An archive inside an archive is not opened.", hint="Unpack it and add the files."
        )
    if not package.entries:
        raise FileEmpty("The archive is empty.")
    members = (
        (shown, lambda inner=inner: package.read(inner))
        for inner, shown in _parser("archive").members(package)
    )
    return _together(Kind.ZIP, [], members, depth=depth + 1, in_archive=True)


def _email(content: bytes, *, depth: int, in_archive: bool) -> Reading:
    if depth >= _DEEPEST:
        raise UnsupportedFile("A message this deep inside others is not opened.")
    parser = _parser("email_message")
    message = parser.opened(content)
    attached = ((name, lambda body=body: body) for name, body in parser.attachments(message))
    own = list(parser.blocks(message))
    return _together(Kind.EMAIL, own, attached, depth=depth + 1, in_archive=in_archive)


def _together(
    kind: Kind,
    own: list[Block],
    members: Iterable[tuple[str, Callable[[], bytes]]],
    *,
    depth: int,
    in_archive: bool,
) -> Reading:
    """Read what lies inside; what fails is named, and is the answer where all of it fails."""
    blocks = list(own)
    unread: list[Unread] = []
    first: UnreadableFile | None = None
    for name, content in members:
        try:
            reading = _read(content(), name, depth=depth, in_archive=in_archive)
        except UnreadableFile as error:
            first = first or error
            unread.append(Unread(part=name, code=error.code, message=error.message))
        else:
            blocks += _inside(name, reading.blocks)
            unread += [replace(each, part=f"{name}/{each.part}") for each in reading.unread]
    if first is not None and not blocks:
        raise first
    if not blocks:
        raise NoText("There is no text in this file.")
    return Reading(media_type=kind, blocks=bounded(blocks), unread=tuple(unread))


def _inside(name: str, blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        deeper = f"{name}/{block.place.member}" if block.place.member else name
        yield replace(block, place=replace(block.place, member=deeper))
