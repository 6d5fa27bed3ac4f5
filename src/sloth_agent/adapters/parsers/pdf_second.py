"""Pages of a PDF by pypdf, which rebuilds some files that pdfium gives up."""

import logging
from io import BytesIO

import pypdf
from pypdf.errors import PyPdfError

from sloth_agent.adapters.parsers.damage import damaged


def pages(content: bytes) -> list[str]:
    """Return the text of every page.

    Raises:
        FileDamaged: pypdf cannot open it either.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(BytesIO(content))
        return [page.extract_text() for page in reader.pages]
    except (
        PyPdfError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        OSError,
        ArithmeticError,
    ) as error:
        raise damaged() from error
