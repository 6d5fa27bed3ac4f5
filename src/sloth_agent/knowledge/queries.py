"""What people type, made fit for a search."""

from sloth_agent.errors import InvalidInput
from sloth_agent.knowledge.characters import whole

LONGEST_QUERY = 20_000
"""Characters; a pasted letter fits, a pasted book does not."""


def cleaned(query: str) -> str:
    """The query without what no document holds: NUL, lone surrogates, outer white space.

    Raises:
        InvalidInput: nothing is left, or it is longer than `LONGEST_QUERY`.
    """
    text = whole(query.replace("\0", " ")).strip()
    if not text:
        raise InvalidInput("The question is empty.", hint="Type a question.", field="question")
    if len(text) > LONGEST_QUERY:
        raise InvalidInput(
            f"The question has {len(text):,} characters; at most {LONGEST_QUERY:,} are read.",
            hint="Shorten it, or ingest the text as a document.",
            field="question",
        )
    return text
