"""What a reader sees of a stream, and what its citations point at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.agent.citing import LONGEST_QUOTE, Screen, quotes
from sloth_agent.ids import ChunkId, DocumentId, new_id
from sloth_agent.knowledge.models import Passage


def passage(text: str) -> Passage:
    return Passage(
        chunk_id=ChunkId(new_id()),
        document_id=DocumentId(new_id()),
        document="a.md",
        text=text,
        score=1.0,
    )


def shown(pieces: list[str], passages: int = 3) -> Screen:
    screen = Screen(passages)
    parts = [screen.feed(piece) for piece in pieces]
    parts.append(screen.finish())
    assert "".join(parts) == screen.text
    return screen


SAYINGS = {
    "Plain text.": "Plain text.",
    "A [1] and [2].": "A [1] and [2].",
    "A [1, 2; 9].": "A [1][2].",
    "A [4]. B [99] [1] [1][7].": "A. B [1].",
    "A [4][5] b.": "A b.",
    "A【1†source】.": "A[1].",
    "A [^3].": "A [3].",
    "In [2024] we moved.": "In [2024] we moved.",
    "A [link](https://a.example) and [x": "A [link](https://a.example) and [x",
    "No, NOT so.": "No, NOT so.",
    "<think>\nHm. NO_ANSWER? [7]\n</think>\n\nYes [1].": "Yes [1].",
    "<think> for ever": "",
    "<b> 1": "<b> 1",
    "  \n Spaces.  \n": "Spaces.",
}


@pytest.mark.parametrize("said", SAYINGS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_same_is_shown_however_the_stream_is_cut(said: str, size: int) -> None:
    pieces = [said[start : start + size] for start in range(0, len(said), size)]
    screen = shown(pieces)
    assert screen.text == SAYINGS[said]
    assert not screen.refused


@pytest.mark.parametrize("said", ["NO_ANSWER", "`NO_ANSWER`", " \n**NO_ANSWER** because [1]"])
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_no_answer_shows_nothing(said: str, size: int) -> None:
    screen = shown([said[start : start + size] for start in range(0, len(said), size)])
    assert screen.refused
    assert screen.text == ""


def test_a_late_sign_is_not_shown_either() -> None:
    screen = shown(list("I looked. NO_ANSWER and more"))
    assert screen.refused
    assert screen.text == "I looked."


@given(
    st.lists(st.sampled_from(["[", "]", "1", "9", "NO", "_", "ANSWER", " ", "word", "\n", "【"]))
)
def test_nothing_forbidden_ever_passes(pieces: list[str]) -> None:
    screen = shown(pieces, passages=1)
    assert "NO_ANSWER" not in screen.text
    assert "[9]" not in screen.text


def test_text_flows_before_the_end() -> None:
    screen = Screen(1)
    assert screen.feed("Haircut costs") == "Haircut costs"
    assert screen.feed(" 40 euro [") == " 40 euro"
    assert screen.feed("1]. A") == " [1]. A"


SALON = passage(
    "# Prices\nHaircut for adults costs 40 euro. Children pay 25 euro.\n\n"
    "Manicure | 30\nPedicure | 45"
)


@pytest.mark.parametrize(
    ("answer", "quote"),
    [
        ("Adults pay 40 euro [1].", "Haircut for adults costs 40 euro."),
        ("For children it is 25 euro. [1]", "Children pay 25 euro."),
        ("Eine Pediküre kostet 45 Euro [1].", "Pedicure | 45"),
        ("[1] Manicure is 30.", "Manicure | 30"),
        ("Adults pay 40. A manicure is 30 [1].", "Manicure | 30"),
    ],
)
def test_the_sentence_that_supports_the_claim_is_quoted(answer: str, quote: str) -> None:
    assert [found.text for found in quotes(answer, [SALON], question="price?")] == [quote]


def test_each_cited_passage_is_quoted_once_in_order_of_appearance() -> None:
    passages = [passage("One."), passage("Two."), passage("Three.")]
    found = quotes("B [2]. A [1][2]. Nobody [7].", passages, question="?")
    assert [quote.passage for quote in found] == [1, 0]


def test_no_citation_no_quote() -> None:
    assert quotes("Forty euro.", [SALON], question="?") == ()


@given(st.text(max_size=1500), st.text(max_size=100))
def test_a_quote_stands_word_for_word_in_its_passage(text: str, claim: str) -> None:
    for quote in quotes(f"{claim} [1]", [passage(text)], question=claim):
        assert quote.text in text
        assert 0 < len(quote.text) <= LONGEST_QUOTE
