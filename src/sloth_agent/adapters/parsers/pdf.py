"""PDF, page by page, with pdfium; what pdfium cannot open is tried with pypdf."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pypdfium2  # type: ignore[import-untyped]  # pypdfium2 ships no types
from pypdfium2 import raw

from sloth_agent.adapters.parsers import pdf_layer
from sloth_agent.adapters.parsers.cleaning import clean, is_clean
from sloth_agent.adapters.parsers.kinds import Kind
from sloth_agent.adapters.parsers.page_layout import Line, blocks
from sloth_agent.adapters.parsers.pdf_layer import Layer
from sloth_agent.adapters.parsers.sharing import ALONE, Share
from sloth_agent.errors import FileEncrypted, NoText, TooManyPages
from sloth_agent.knowledge.models import Reading, Unread

MAX_PAGES = 5_000
_FEW = 200
_TOO_LONG = 0.9  # of the longest line: as much larger type cannot hold
_BROKEN = frozenset("\x02\ufffe\u00ad")  # what pdfium ends a line with where it broke a word


def read(content: bytes, *, share: Share = ALONE) -> Reading:
    """Raises:
    FileEncrypted, FileDamaged, TooManyPages
    NoText: no page has a text layer.
    """
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise encrypted() from error
        pages = _second_try(content)
    else:
        check_number(len(document))
        pages = share.each(partial(_lines, document), range(len(document)), arrived=_arrived)
    return _reading(pages)


def _arrived(page: list[list[Any]]) -> list[Line]:
    return [Line(*line) for line in page]


def check_number(pages: int) -> None:
    if pages > MAX_PAGES:
        raise TooManyPages(
            f"The document has {pages:,} pages; up to {MAX_PAGES:,} can be read.",
            hint="Split it into several files.",
        )


def encrypted() -> FileEncrypted:
    return FileEncrypted(
        "The PDF is protected with a password.", hint="Save it without one and add it again."
    )


def _reading(pages: Sequence[list[Line]]) -> Reading:
    empty = [number for number, lines in enumerate(pages, 1) if not lines]
    if len(empty) == len(pages):
        raise NoText(
            f"There is no text in this PDF, only pictures or scans: {_named(empty)}.",
            hint="Text in pictures will be read in a later version; export it with its text.",
            pages=empty,
        )
    return Reading(
        media_type=Kind.PDF,
        blocks=tuple(blocks(pages)),
        pages=len(pages),
        unread=tuple(_unread(number) for number in empty),
    )


def _unread(number: int) -> Unread:
    message = f"Page {number} has no text in it: a scan, a picture or an empty page."
    return Unread(part=f"page {number}", code=NoText.code, message=message)


def _named(pages: list[int]) -> str:
    if not pages:
        return "no pages at all"
    shown = ", ".join(map(str, pages[:10])) + (", ..." if len(pages) > 10 else "")
    return f"page {shown}" if len(pages) == 1 else f"pages {shown}"


def _lines(document: Any, index: int) -> list[Line]:
    """Lines of one page in the order of the file; none where the page cannot be opened."""
    with pdf_layer.opened(document, index) as layer:
        if layer is None:
            return []
        if len(layer.text) < _FEW and pdf_layer.is_outside(document, index):
            return []  # some converters leave the name of a picture's layer there
        return _sized(layer, _found(layer.text))


def _found(text: str) -> list[tuple[str, int, bool]]:
    """What each line shows, where that begins, and whether its last word goes on."""
    tidy = _tidy if is_clean(text.replace("\r", "")) else clean_line
    found = []
    start = 0
    for line in text.split("\n"):
        if shown := tidy(line):
            indent = len(line) - len(line.lstrip())
            found.append((shown, start + indent, line.rstrip()[-1:] in _BROKEN))
        start += len(line) + 1
    return found


def _sized(layer: Layer, found: list[tuple[str, int, bool]]) -> list[Line]:
    """With the size of type, asked once for all lines too long to be a heading: it takes time."""
    longest = max((len(shown) for shown, _, _ in found), default=0)
    running = [at for shown, at, _ in found if len(shown) > longest * _TOO_LONG]
    known: dict[int, float] = {}
    if len(running) > 2:  # or the longest may be a heading itself
        known = dict.fromkeys(running, layer.size_of_type(running[0]))
    return [
        Line(shown, known.get(at) or layer.size_of_type(at), broken) for shown, at, broken in found
    ]


def _tidy(line: str) -> str:
    shown = line.strip()
    return shown if "  " not in shown and "\t" not in shown else " ".join(shown.split())


def clean_line(line: str) -> str:
    return " ".join(clean(line.strip()).split())


def _second_try(content: bytes) -> list[list[Line]]:
    from sloth_agent.adapters.parsers import pdf_second

    texts = pdf_second.pages(content)
    check_number(len(texts))
    return [
        [Line(shown) for line in text.split("\n") if (shown := clean_line(line))] for text in texts
    ]
