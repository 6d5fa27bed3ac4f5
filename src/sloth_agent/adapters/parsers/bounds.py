"""How much text one file may give."""

from collections.abc import Iterable
from itertools import islice

from sloth_agent.errors import UnpackedTooLarge
from sloth_agent.knowledge.models import Block

MAX_BLOCKS = 250_000


def bounded(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Raises:
    UnpackedTooLarge: there are more blocks than one document may have.
    """
    found = tuple(islice(blocks, MAX_BLOCKS + 1))
    if len(found) > MAX_BLOCKS:
        raise UnpackedTooLarge(
            f"The file has more than {MAX_BLOCKS:,} rows or paragraphs.",
            hint="Split it into several files.",
        )
    return found
