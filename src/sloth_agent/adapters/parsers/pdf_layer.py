"""The text layer of one page, by pdfium's own calls.

The objects that `pypdfium2` wraps each page in cost nearly a tenth of the time that reading takes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, c_ushort, cast, create_string_buffer
from typing import Any

from pypdfium2 import PdfDocument, raw  # type: ignore[import-untyped]  # pypdfium2 ships no types

_SHORT = POINTER(c_ushort)


class Layer:
    def __init__(self, handle: Any) -> None:
        self._handle = handle
        count: int = raw.FPDFText_CountChars(handle)
        buffer = create_string_buffer(2 * (count + 1))
        written: int = raw.FPDFText_GetText(handle, 0, count, cast(buffer, _SHORT))
        self.text = buffer.raw[: 2 * max(written - 1, 0)].decode("utf-16-le", "ignore")
        # Where it is not, a character's index is its place in the text.
        self._shifted = count != len(self.text)

    def size_of_type(self, at: int) -> float:
        """Of the character at a place in the text."""
        if self._shifted:
            at = raw.FPDFText_GetCharIndexFromTextIndex(self._handle, at)
        size: float = raw.FPDFText_GetFontSize(self._handle, at)
        return round(size, 1)


@contextmanager
def opened(document: PdfDocument, index: int) -> Iterator[Layer | None]:
    """The layer of a page; None where the page cannot be opened."""
    page = raw.FPDF_LoadPage(document, index)
    handle = page and raw.FPDFText_LoadPage(page)
    try:
        yield Layer(handle) if handle else None
    finally:
        if handle:
            raw.FPDFText_ClosePage(handle)
        if page:
            raw.FPDF_ClosePage(page)


def is_outside(document: PdfDocument, index: int) -> bool:
    """Whether nothing of the text lies on the page itself."""
    return not document[index].get_textpage().get_text_bounded().strip()
