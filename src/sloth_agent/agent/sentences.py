"""Cuts a passage into the pieces that can be quoted: sentences, lines and table rows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sloth_agent.knowledge.models import CELL_SEPARATOR


class PieceKind(StrEnum):
    SENTENCE = "sentence"
    LINE = "line"  # of a list, an address, a time table in columns
    ROW = "row"  # of a table
    QUESTION = "question"  # of a list of questions and answers; what follows answers it
    TITLE = "title"  # a short line that says what the lines below are about


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """`text` is exactly `passage[start:end]`."""

    text: str
    start: int
    end: int
    kind: PieceKind
    title: str = ""  # the nearest title above, within the passage
    asked: str = ""  # the question that this piece answers, within the passage


LONGEST_TITLE = 60
SHORTEST_WRAPPED_LINE = 30
LONGEST_ASIDE = 120  # a bracket left open for longer was forgotten

_CLOSING = " \t\n*_\"'”»)"
_LINE = re.compile(r"[^\n]+")
_COLUMNS = re.compile(r"\S(?: {2,}|\t)\S")
_REFERS_BACK = re.compile(
    r"(?:it|they|this|these|those|he|she|then|after (?:that|this)|later than that|otherwise"
    r"|він|вона|воно|вони|це|цей|ця|ці|тоді|потім|після (?:цього|того)|якщо пізніше|інакше"
    r"|on|ona|ono|oni|one|to|ten|ta|te|wtedy|potem|później|po tym(?: czasie)?|inaczej"
    r"|er|sie|es|dies\w*|dann|danach|später|sonst)\b"
)
_BULLET = re.compile(r"(?:[-*•–—▪◦]|\d{1,2}[.)])\s+")
_HASHES = re.compile(r"#{1,6}\s+")
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”»)\]*]*\s+(?=[\"'„“«(\[*]*[^\W_])")
_BEFORE_NAME = re.compile(
    r"(?:^|[\s(„“«\"])(?:[^\W\d_]|mr|mrs|ms|dr|st|jr|prof|gen|hab|inż|mgr|lek|płk|kpt|mjr|por|ks"
    r"|e\.g|i\.e|u\.s|z\.b|d\.h|u\.a|m\.in|т\.зв|np|tj|tzn|tzw|im|św|pt|ul|al|pl|bzw|fr|sog|bspw|ggf"
    r"|вул|просп|пл|бул|буд|обл|ім|св|див|напр|ст|акад|проф|hiszp|ros|ang|niem|franc|łac|wł|gr|engl"
    r"|lat|franz|англ|лат|рос|нім|фр|укр)\.$",
    re.IGNORECASE,
)
_BEFORE_NUMBER = re.compile(
    r"\b(?:no|nos|nr|№|approx|min|max|mind|ca|ok|tel|тел|godz|ur|zm|geb|gest|str|стор|кв|р|w|vol"
    r"|mon|tue|wed|thu|fri|sat|sun|mo|di|fr|sa|пн|вт|ср|чт|пт|сб|нд"
    r"|pon|wt|śr|czw|pt|sob|nd|niedz)\.$",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(?:^|[^\d:.])\d{1,2}\.$")
_MONTH = re.compile(
    r"(?:jan|feb|mär|mar|apr|mai|jun|jul|aug|sep|okt|nov|dez|jahrhundert|stycz|lut|kwie|maj|czerw|lip"
    r"|sierp|wrze|paźd|list|grud)",
    re.IGNORECASE,
)


def pieces(text: str) -> list[Piece]:
    """All pieces in order. White space apart, every letter of the text is in exactly one."""
    found: list[Piece] = []
    title = asked = ""
    for start, end in _paragraphs(text):
        for begin, stop, kind in _cut(text, start, end):
            piece = Piece(
                text=text[begin:stop], start=begin, end=stop, kind=kind, title=title, asked=asked
            )
            found.append(piece)
            if kind is PieceKind.TITLE:
                title, asked = piece.text, ""
            elif kind is PieceKind.QUESTION:
                asked = piece.text
    return found


def is_question(text: str) -> bool:
    return text.rstrip(_CLOSING).endswith("?")


def refers_back(text: str) -> bool:
    """Whether a sentence cannot be understood without the one before it."""
    return _REFERS_BACK.match(text.lower()) is not None


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Spans of running text, with its wrapped lines put together."""
    lines = [match.span() for match in _LINE.finditer(text) if match.group().strip()]
    widest = max((end - start for start, end in lines), default=0)
    start = None
    for number, (begin, end) in enumerate(lines):
        start = begin if start is None else start
        following = lines[number + 1] if number + 1 < len(lines) else None
        if following and _continues(text, (begin, end), following, widest):
            continue
        yield start, end
        start = None


def _continues(text: str, line: tuple[int, int], following: tuple[int, int], widest: int) -> bool:
    """Whether a line was broken only because the page was not wider."""
    if text.count("\n", line[1], following[0]) > 1:
        return False
    here, below = text[slice(*line)].strip(), text[slice(*following)].strip()
    for part in (here, below):
        if CELL_SEPARATOR in part or _COLUMNS.search(part):
            return False
    if _BULLET.match(below) or _HASHES.match(below) or _HASHES.match(here) or is_question(here):
        return False
    if len(here) < SHORTEST_WRAPPED_LINE or here.isupper() != below.isupper():
        return False
    return below[0].islower() or len(here) > 0.6 * widest


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int, PieceKind]]:
    paragraph = text[start:end].strip()
    begin = text.index(paragraph, start)
    stop = begin + len(paragraph)
    if CELL_SEPARATOR in paragraph:
        yield begin, stop, PieceKind.ROW
    elif _is_title(text, begin, stop):
        yield begin, stop, PieceKind.TITLE
    elif _COLUMNS.search(paragraph):
        yield begin, stop, PieceKind.LINE
    else:
        yield from _sentences(text, begin, stop)


def _is_title(text: str, begin: int, stop: int) -> bool:
    paragraph = text[begin:stop]
    if is_question(paragraph):
        return False
    if _HASHES.match(paragraph):
        return True
    followed = stop < len(text.rstrip())
    plain = paragraph[-1] not in ".!…;," and not _COLUMNS.search(paragraph)
    short = len(paragraph) <= LONGEST_TITLE and "\n" not in paragraph
    return followed and plain and short and not _BULLET.match(paragraph)


def _sentences(text: str, begin: int, stop: int) -> Iterator[tuple[int, int, PieceKind]]:
    # A list may also hold whole sentences; they are no tables in columns.
    line = _BULLET.match(text, begin, stop) is not None and text[stop - 1] not in ".!…"
    at = begin
    for match in _SENTENCE_END.finditer(text, begin, stop):
        if _is_inner(text[at : match.end()].rstrip(), text[match.end() : match.end() + 12]):
            continue
        sentence_end = match.start() + len(match.group().rstrip())
        yield at, sentence_end, _kind(text[at:sentence_end], line=line)
        at = match.end()
    if at < stop:
        yield at, stop, _kind(text[at:stop], line=line)


def _kind(sentence: str, *, line: bool) -> PieceKind:
    if is_question(sentence):
        return PieceKind.QUESTION
    return PieceKind.LINE if line else PieceKind.SENTENCE


def _is_inner(before: str, after: str) -> bool:
    """Whether the point belongs to an abbreviation, an initial or a number."""
    if not before.endswith("."):
        return after[0].islower()
    if after[0].islower() or _BEFORE_NAME.search(before):
        return True
    if after[0].isdigit() and _BEFORE_NUMBER.search(before):
        return True
    if before.rfind("(") > before.rfind(")"):
        return len(before) - before.rfind("(") < LONGEST_ASIDE
    if _BULLET.fullmatch(before + " "):
        return True
    return bool(_ORDINAL.search(before) and _MONTH.match(after))
