"""Plain text: paragraphs parted by blank lines, their lines as the author set them."""

import re
from collections.abc import Iterator

from sloth_agent.adapters.parsers.cleaning import clean
from sloth_agent.knowledge.models import Block

_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")


def blocks(text: str) -> Iterator[Block]:
    for paragraph in _BLANK_LINES.split(clean(text)):
        body = "\n".join(line.rstrip() for line in paragraph.split("\n")).strip("\n")
        if body.strip():
            yield Block(text=body)
