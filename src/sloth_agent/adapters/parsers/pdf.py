"""PDF, page by page, with pdfium."""

from collections.abc import Iterator

import pypdfium2  # type: ignore[import-untyped]  # pypdfium2 ships no types
from pypdfium2 import raw

from sloth_agent.adapters.parsers.cleaning import lines
from sloth_agent.adapters.parsers.damage import damaged
from sloth_agent.adapters.parsers.kinds import Kind
from sloth_agent.errors import FileEncrypted, NoText, TooManyPages
from sloth_agent.knowledge.models import Block, BlockKind, Place, Reading, Unread

MAX_PAGES = 5_000
_OCR_HINT = "Reading scans (OCR) comes in a later version; export the document with its text."


def read(content: bytes) -> Reading:
    """Raises:
    FileEncrypted, FileDamaged, TooManyPages
    NoText: no page has a text layer.
    """
    document = _opened(content)
    count = len(document)
    if count > MAX_PAGES:
        raise TooManyPages(
            f"The document has {count:,} pages; {MAX_PAGES:,} can be read.", hint="Split it."
        )
    blocks: list[Block] = []
    unread: list[Unread] = []
    for number in range(1, count + 1):
        found = list(_page(document, number))
        blocks += found
        if not found:
            unread.append(_no_text(number))
    if not blocks:
        raise NoText(
            "No page of this PDF has text in it: it is a scan or a drawing.",
            hint=_OCR_HINT,
            pages=count,
        )
    return Reading(media_type=Kind.PDF, blocks=tuple(blocks), pages=count, unread=tuple(unread))


def _opened(content: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise FileEncrypted(
                "The PDF is protected with a password.",
                hint="Save it without a password and add it again.",
            ) from error
        raise damaged() from error


def _page(document: pypdfium2.PdfDocument, number: int) -> Iterator[Block]:
    try:
        page = document[number - 1]
        text = page.get_textpage().get_text_range()
    except pypdfium2.PdfiumError:
        return
    for paragraph in paragraphs(lines(text).split("\n")):
        yield Block(text=paragraph, kind=BlockKind.PARAGRAPH, place=Place(page=number))


def _no_text(number: int) -> Unread:
    return Unread(
        part=f"page {number}",
        code=NoText.code,
        message=f"Page {number} has no text: a picture or a scan.",
    )


def paragraphs(rows: list[str]) -> Iterator[str]:
    yield "\n".join(rows)
