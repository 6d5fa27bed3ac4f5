"""From what a model streams to what a person sees, and the sentences that its citations mean."""

import re
from collections.abc import Iterator, Sequence

from sloth_agent.agent.ports import Quote
from sloth_agent.agent.prompting import NO_ANSWER
from sloth_agent.agent.sentences import Piece, PieceKind, pieces
from sloth_agent.knowledge.lexical import terms
from sloth_agent.knowledge.models import Passage

LONGEST_QUOTE = 400

# [1], [1, 3], [^1] and the form some models were trained on: 【1†source】
_CITATION = re.compile(
    r"[\[【]\^?(?P<numbers>\d{1,3}(?:\s{0,2}[,;–-]\s{0,2}\d{1,3})*)(?:†[^\]】\n]{0,40})?[\]】]"
)
_ONE = _CITATION.pattern.replace("?P<numbers>", "?:")
_CITATIONS = re.compile(rf"[ \t]*{_ONE}(?:[ \t]*{_ONE})*")
_MAY_GROW = re.compile(rf"\s*(?:{_ONE}\s*)*(?:[\[【][^\]】\n]{{0,60}})?\Z")
_DECORATION = " \t\r\n*_`\"'([«„“"
_THOUGHT = "<think>"
_END_OF_THOUGHT = "</think>"
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")
_DIGIT = re.compile(r"\d")


class Screen:
    """Stands between the model's stream and the reader.

    The sign for "no answer", thoughts, and citations of passages that do not exist never pass it,
    not even in part. `text` is all that has passed.
    """

    def __init__(self, passages: int) -> None:
        self.refused = False
        self.text = ""
        self._passages = passages
        self._held = ""

    def feed(self, piece: str) -> str:
        """Take a piece of the stream; return what may be shown of it and of what was held back."""
        if self.refused:
            return ""
        self._held += piece
        if not self.text and self._undecided():
            return ""
        before, sign, _ = self._held.partition(NO_ANSWER)
        if sign:
            self.refused = True
            self._held = ""
            return self._pass(before.rstrip(_DECORATION)) if self.text else ""
        ready = len(self._held) - _undecided_end(self._held)
        passed, self._held = self._held[:ready], self._held[ready:]
        return self._pass(passed)

    def finish(self) -> str:
        """The rest, when the stream has ended."""
        rest, self._held = self._held.rstrip(), ""
        if not self.text and rest.lstrip().startswith(_THOUGHT):
            return ""
        return self._pass(rest)

    def _undecided(self) -> bool:
        """Whether what came so far may still turn out to be the sign, or is a thought."""
        start = self._held.lstrip()
        if start.startswith(_THOUGHT):
            _, ended, rest = start.partition(_END_OF_THOUGHT)
            if not ended:
                return True
            self._held = start = rest.lstrip()
        bare = start.lstrip(_DECORATION)
        return _THOUGHT.startswith(start) or (len(bare) < len(NO_ANSWER) and _begins_sign(bare))

    def _pass(self, text: str) -> str:
        clean = _CITATIONS.sub(self._existing, text)
        if not self.text:
            clean = clean.lstrip()
        self.text += clean
        return clean

    def _existing(self, match: re.Match[str]) -> str:
        citations = match.group().lstrip(" \t")
        space = match.group()[: len(match.group()) - len(citations)]
        numbers = dict.fromkeys(
            number for one in _CITATION.finditer(citations) for number in _numbers(one)
        )
        valid = "".join(f"[{number}]" for number in numbers if 1 <= number <= self._passages)
        return space + valid if valid else ""


def quotes(answer: str, passages: Sequence[Passage], *, question: str) -> tuple[Quote, ...]:
    """For each passage that the answer cites, its sentence that supports the answer best."""
    claims: dict[int, list[str]] = {}
    for claim, numbers in _claims(answer):
        for number in numbers:
            if 1 <= number <= len(passages):
                claims.setdefault(number - 1, []).append(claim)
    asked = set(terms(question))
    found = []
    for index, said in claims.items():
        text = _supporting(passages[index].text, set(terms(" ".join(said))), asked)
        if text:
            found.append(Quote(passage=index, text=text))
    return tuple(found)


def _claims(answer: str) -> Iterator[tuple[str, list[int]]]:
    """Each citation with the sentence that it stands in or after."""
    said_until = 0
    claim = ""
    for match in _CITATION.finditer(answer):
        between = answer[said_until : match.start()].strip()
        if re.search(r"\w", between):
            claim = _SENTENCE_END.split(between)[-1]
        elif not claim:  # a citation that stands before its statement
            claim = answer[match.end() :].split("\n", 1)[0]
        said_until = match.end()
        yield claim, _numbers(match)


def _numbers(match: re.Match[str]) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", match["numbers"])]


def _supporting(passage: str, claim: set[str], asked: set[str]) -> str:
    everything = pieces(passage)
    telling = [
        piece for piece in everything if piece.kind not in {PieceKind.TITLE, PieceKind.QUESTION}
    ]

    def support(piece: Piece) -> tuple[float, float, int]:
        own = set(terms(piece.text))
        around = set(terms(f"{piece.title} {piece.asked}"))
        told = _weight(claim & own) + _weight(claim & around - own) / 2
        return told, _weight(asked & (own | around)), -len(piece.text)

    best = max(telling or everything, key=support, default=None)
    return _cut_at_word(best.text) if best else ""


def _weight(shared: set[str]) -> float:
    """Numbers tell sentences apart best, and long words better than `is` and `the`."""
    return sum(2.0 if _DIGIT.search(term) else len(term) / 5 for term in shared)


def _cut_at_word(text: str) -> str:
    if len(text) <= LONGEST_QUOTE:
        return text
    start = text[:LONGEST_QUOTE]
    return start[: start.rfind(" ")] if " " in start else start


def _begins_sign(text: str) -> bool:
    return NO_ANSWER.startswith(text)


def _undecided_end(text: str) -> int:
    """How many characters at the end may still become a citation or the sign."""
    match = _MAY_GROW.search(text)
    longest = len(text) - match.start() if match else 0
    for length in range(1, len(NO_ANSWER)):
        if text.endswith(NO_ANSWER[:length]):
            longest = max(longest, len(text) - len(text[:-length].rstrip()))
    return longest
