"""Answers without a model: the sentences or table rows of the passages that answer a question.

Each piece of each passage is weighed by how much of the question it covers, itself and by what
stands around it, and by whether it holds the kind of thing that is asked for. The weights were
fitted on questions in four languages (`benchmarks/quality/answers.py` measures them).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from math import exp

from sloth_agent.agent.evidence import holds, names_contact, prices, ungrouped
from sloth_agent.agent.languages import detect, is_cyrillic
from sloth_agent.agent.matching import likeness, sound
from sloth_agent.agent.ports import Quote
from sloth_agent.agent.questions import PHONE, PRECISE, Asked, Question, Term, topics, understand
from sloth_agent.agent.sentences import Piece, PieceKind, is_question, pieces, refers_back
from sloth_agent.agent.weekdays import OPENING, WEEKDAYS, names_day, opens_with_day, spanned_days
from sloth_agent.knowledge.lexical import words
from sloth_agent.knowledge.models import CELL_SEPARATOR, Passage
from sloth_agent.language import Language

CONFIDENT = 0.5
"""An extract below this is a guess; one bound for all languages and collections."""

SAME_TOPIC = 0.8
"""How alike words of one everyday meaning are; a word of the same stem is more."""

ALIKE = 0.75
"""Two words that are this alike mostly name one thing."""

LEAST_CREDIT = 0.45
"""A term that a text has less than this is not in it."""

SUBJECT_REPLACED = 0.5
"""Of what a question is about a text may say one thing in other words, if it has more than this."""

LONG_NUMBER = 5
"""Digits; a number of so many is the same number however its digits are grouped."""

LEAST_NEWS = 0.1
"""A piece adds to another one what covers this much more of the question."""

Credits = tuple[float, ...]
"""For each term of the question, how well some text has it, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Extract:
    """What answers the question: `text` to be read, `quotes` word for word."""

    text: str
    quotes: tuple[Quote, ...]  # one or two, the best first; a time table is one
    confidence: float  # from 0 to 1, to be held against `CONFIDENT`


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A piece that may be quoted, and what speaks for it."""

    passage: int
    number: int  # of the piece in its passage
    piece: Piece
    shown: str
    own: Credits  # what of the question it has itself
    near: Credits  # what it has with its nearest context
    whole: float  # share that its whole passage covers
    names_missing: float  # share of the question that is names which the passage lacks
    holds: bool | None
    score: float = 0.0


def extract(
    question: str,
    passages: Sequence[Passage],
    term_weights: Mapping[str, float],
    *,
    language: Language | None = None,
    after: str = "",
) -> Extract | None:
    """Find the one or two pieces of `passages` (best first) that answer the question.

    `after` is the question before, where this one only adds to it. `term_weights` says how rare
    each of `knowledge.lexical.terms` of both is. Returns None where there is nothing to quote;
    whether the extract is good enough tells its confidence.
    """
    asked = understand(question, language or detect(question), term_weights, after=after)
    candidates = _candidates(asked, passages) if asked.terms else []
    if not candidates:
        return None
    best = max(candidates, key=_score)
    second = _second(asked, best, candidates)
    chosen = [best] if second is None else [best, second]
    week = _whole_week(asked, best, candidates)
    return Extract(
        text="\n".join(candidate.shown for candidate in week or _in_reading_order(chosen)),
        quotes=(_from_first_to_last(week, passages),) if week else _quotes(chosen),
        confidence=_confidence(asked, chosen, candidates),
    )


def _quotes(chosen: Sequence[_Candidate]) -> tuple[Quote, ...]:
    return tuple(Quote(passage=one.passage, text=one.piece.text) for one in chosen)


def _from_first_to_last(lines: Sequence[_Candidate], passages: Sequence[Passage]) -> Quote:
    first, last = lines[0], lines[-1]
    text = passages[first.passage].text[first.piece.start : last.piece.end]
    return Quote(passage=first.passage, text=text)


def _whole_week(
    question: Question, best: _Candidate, candidates: Sequence[_Candidate]
) -> list[_Candidate]:
    """All lines of the time table that answers "When are you open?"; empty for other questions."""
    hours = question.asked in (Asked.CLOCK, Asked.TIME) and not _asks_for_days(question)
    if not hours or not _is_day_line(best):
        return []
    near = {one.number: one for one in candidates if one.passage == best.passage}
    first = last = best.number
    while (above := near.get(first - 1)) and _is_day_line(above):
        first -= 1
    while (below := near.get(last + 1)) and _is_day_line(below):
        last += 1
    return [near[number] for number in range(first, last + 1)] if last > first else []


def _is_day_line(candidate: _Candidate) -> bool:
    return _is_listed(candidate.piece) and names_day(candidate.piece.text)


def _score(candidate: _Candidate) -> float:
    return candidate.score


def _candidates(question: Question, passages: Sequence[Passage]) -> list[_Candidate]:
    headers = {passage.header for passage in passages}
    return [
        candidate
        for index, passage in enumerate(passages)
        for candidate in _of_passage(question, index, passage)
        if candidate.piece.text not in headers
    ]


def _of_passage(question: Question, index: int, passage: Passage) -> list[_Candidate]:
    cut = pieces(passage.text)
    nothing: Credits = (0.0,) * len(question.terms)
    credited = lru_cache(maxsize=None)(lambda text: _credits(question, text) if text else nothing)
    own = [credited(piece.text) for piece in cut]
    above = credited(" ".join(filter(None, (passage.place.section, passage.header))))
    whole = question.share(_best(above, *own))
    heading = passage.place.headings[-1] if passage.place.headings else ""
    found = []
    for number, piece in enumerate(cut):
        if piece.kind is PieceKind.QUESTION:
            continue
        asked = piece.asked or (heading if is_question(heading) else "")
        header = passage.header if piece.kind is PieceKind.ROW else ""
        context = (
            credited(asked or header),
            credited(piece.title),
            above,
            own[number - 1] if number else nothing,
            own[number + 1] if number + 1 < len(cut) else nothing,
        )
        found.append(
            _Candidate(
                passage=index,
                number=number,
                piece=piece,
                shown=_shown(piece, header),
                own=own[number],
                near=_with_context(own[number], context),
                whole=whole,
                names_missing=question.names_missing(_best(above, *own)),
                holds=(held := holds(question, piece.text, header)),
                score=_weighed(question, own[number], context)
                + 3.0 * whole
                + 1.9 / (1 + index)
                + _kind_weight(piece)
                - 0.6 * (is_cyrillic(piece.text) != question.cyrillic)
                + _held_weight(question, held),
            )
        )
    return found


def _weighed(question: Question, own: Credits, context: Sequence[Credits]) -> float:
    """What a piece says itself counts most; each kind of context only by what it adds."""
    covered = question.share(own)
    total = 5.0 * covered + 3.0 * covered**2
    known = own
    # The question or the header that it answers, its title, headings and header, the sentence
    # before and the one after.
    for weight, credits in zip((6.0, 2.0, 2.0, 1.8, 1.3), context, strict=True):
        together = _best(known, credits)
        total += weight * (question.share(together) - question.share(known))
        known = together
    return total


def _with_context(own: Credits, context: Sequence[Credits]) -> Credits:
    nearness = (0.9, 0.7, 0.7, 0.6, 0.5)
    lessened = (
        tuple(near * credit for credit in credits)
        for near, credits in zip(nearness, context, strict=True)
    )
    return _best(own, *lessened)


def _kind_weight(piece: Piece) -> float:
    if piece.kind is PieceKind.TITLE:
        return -1.5
    if piece.kind in (PieceKind.ROW, PieceKind.LINE):
        return 0.4
    fragment = piece.kind is PieceKind.SENTENCE and len(words(piece.text)) < 4
    return -1.2 if fragment else 0.0


def _held_weight(question: Question, held: bool | None) -> float:
    if held is None:
        return 0.0
    weight = 1.8 if question.asked in PRECISE else 0.8
    return weight if held else -weight


def _second(
    question: Question, best: _Candidate, candidates: Sequence[_Candidate]
) -> _Candidate | None:
    """The piece that completes the best one: its neighbour, or nearly as good an answer."""
    others = [
        (one.score + _companionship(best, one), -one.passage, -one.number, one)
        for one in candidates
        if one.shown != best.shown
        and one.piece.kind is not PieceKind.TITLE
        and not _is_translation(question, best, one)
    ]
    if not others:
        return None
    score, *_, second = max(others, key=lambda other: other[:3])
    if score < best.score * _second_share(question, best):
        return None
    return second if _completes(question, best, second) else None


def _is_translation(question: Question, best: _Candidate, other: _Candidate) -> bool:
    """Firms write the same in several languages; the asker's script is enough."""
    if other.passage == best.passage:
        return False
    scripts = is_cyrillic(best.piece.text), is_cyrillic(other.piece.text)
    return scripts == (question.cyrillic, not question.cyrillic)


def _second_share(question: Question, best: _Candidate) -> float:
    """How near a second piece has to come: where the first says it all, it is only noise."""
    complete = best.holds is True and question.asked in PRECISE
    return 0.85 if complete or _is_listed(best.piece) else 0.45


def _completes(question: Question, best: _Candidate, second: _Candidate) -> bool:
    """Whether the second piece says something of the question that the best one does not.

    In running text nobody can tell; but a row or a line of a list stands for itself, so another
    one is news only if it is as much of an answer, or tells what the first lacks.
    """
    if question.adds and question.subject is not None:
        return second.own[question.subject] >= LEAST_CREDIT and second.holds is not False
    if not _is_listed(best.piece) and not _is_listed(second.piece):
        return True
    if best.holds is False and second.holds:
        return True
    covered = question.share(best.own)
    if question.share(_best(best.own, second.own)) > covered + LEAST_NEWS:
        return True
    if second.piece.kind is not best.piece.kind or _is_asked_by_name(question, best.piece):
        return False
    return question.share(second.own) > covered - LEAST_NEWS


def _is_asked_by_name(question: Question, piece: Piece) -> bool:
    """Whether a row's whole name is asked for: a haircut is no haircut with colouring."""
    name = {sound(word) for word in words(piece.text.split(CELL_SEPARATOR)[0])}
    return piece.kind is PieceKind.ROW and all(
        any(likeness(word, said) >= ALIKE for said in question.sounds) for word in name
    )


def _is_listed(piece: Piece) -> bool:
    return piece.kind in (PieceKind.ROW, PieceKind.LINE)


def _companionship(best: _Candidate, other: _Candidate) -> float:
    if other.passage != best.passage or abs(other.number - best.number) != 1:
        return 0.0
    if PieceKind.ROW in (best.piece.kind, other.piece.kind):
        return 0.0
    missing = best.holds is False and other.holds is True
    later = max(best, other, key=lambda one: one.number)
    return 0.5 + 1.0 * missing + 2.0 * refers_back(later.piece.text)


def _in_reading_order(chosen: Sequence[_Candidate]) -> Sequence[_Candidate]:
    if len({one.passage for one in chosen}) > 1:
        return chosen
    return sorted(chosen, key=lambda one: one.number)


def _confidence(
    question: Question, chosen: Sequence[_Candidate], candidates: Sequence[_Candidate]
) -> float:
    best = chosen[0]
    if question.adds and question.asked in PRECISE and not best.holds:
        return 0.0  # it has few words, and those of the question before are soon found
    rival = max((one.score for one in candidates if one is not best), default=best.score - 3)
    lacking = best.holds is False and not any(one.holds for one in chosen)
    doubt = lacking * (2 if question.asked in PRECISE else 1)
    evidence = (
        1.0 * question.share(best.near)
        + 0.3 * question.share(best.own)
        + 1.2 * best.whole
        - 1.25 * best.names_missing
        - 0.66 * doubt
        + 0.1 * best.score
        + 0.16 * min(3.0, best.score - rival)
        - 0.3 * _names_its_subject(best.piece)
        - 0.9 * _lacks_subject(question, chosen)
        - 1.2 * _has_only_the_person(question, chosen)
        # Of many words an answer repeats fewer, and so it does where nothing precise is asked.
        + 0.2 * (not question.brief)
        + 0.15 * (question.asked is None)
    )
    return 1 / (1 + exp(3 * (1.8 - evidence)))


def _lacks_subject(question: Question, chosen: Sequence[_Candidate]) -> bool:
    """Whether the text is about something else than the question.

    Prose may say the same in other words; it is held against it only where the question has few
    words. A row names what it is about, and a price belongs to what it is the price of.
    """
    if question.subject is None or not _missed(chosen)[question.subject]:
        return False
    if question.adds:
        return True
    strict = question.bare or question.asked is Asked.PRICE or _names_its_subject(chosen[0].piece)
    return strict and question.share(_near(chosen)) <= SUBJECT_REPLACED


def _has_only_the_person(question: Question, chosen: Sequence[_Candidate]) -> bool:
    """A person's name alone answers nothing that is asked about that person."""
    if not question.brief:
        return False
    missed = list(zip(question.terms, _missed(chosen), strict=True))
    others = [lost for term, lost in missed if not term.person and not term.frames]
    named = any(not lost for term, lost in missed if term.person)
    return named and bool(others) and all(others)


def _missed(chosen: Sequence[_Candidate]) -> list[bool]:
    """For each term of the question, whether it is missing from what is quoted."""
    return [credit < LEAST_CREDIT for credit in _near(chosen)]


def _near(chosen: Sequence[_Candidate]) -> Credits:
    return _best(*(one.near for one in chosen))


def _names_its_subject(piece: Piece) -> bool:
    """Rows and answers to frequent questions do: what they leave uncovered is another subject,
    while prose only says it in other words."""
    return piece.kind in (PieceKind.ROW, PieceKind.LINE) or piece.asked != ""


def _shown(piece: Piece, header: str) -> str:
    """The piece as one readable line; the cells of a row bear the names of their columns."""
    if piece.kind is not PieceKind.ROW:
        # Without marks; and what would show a picture from elsewhere is a link, which nobody loads.
        plain = piece.text.replace("**", "").replace("![", "[")
        return " ".join(plain.split()).lstrip("-*•–#> ")
    # The separator has a space before it; one that opens the row lost it to its empty first cell.
    first, *cells = (cell.strip() for cell in f" {piece.text}".split(CELL_SEPARATOR))
    columns = [column.strip() for column in header.split(CELL_SEPARATOR)][1:]
    columns += [""] * (len(cells) - len(columns))
    named = (
        f"{column}: {cell}" if column else cell
        for column, cell in zip(columns, cells, strict=False)
        if cell
    )
    return " — ".join(filter(None, (first, "; ".join(named))))


def _best(*credits: Credits) -> Credits:
    return tuple(map(max, zip(*credits, strict=True)))


def _credits(question: Question, text: str) -> Credits:
    seen = {sound(word) for word in words(text)}
    if question.numbers:
        seen = _numbers_as_meant(question, text, seen)
    days = spanned_days(text) if _asks_for_days(question) else set()
    told = OPENING if _is_time_table(question, text) else frozenset()
    if _asks_for(question, PHONE) and names_contact(text):
        told |= PHONE
    return tuple(
        1.0 if not term.topics.isdisjoint(days) else _credit(term, seen, told)
        for term in question.terms
    )


def _credit(term: Term, seen: set[str], told: frozenset[int]) -> float:
    if term.sound in seen:
        return 1.0
    best = max((likeness(term.sound, word) for word in seen), default=0.0)
    if best < SAME_TOPIC and term.topics:
        named = chain(told, *(_topics(word) for word in seen))
        if not term.topics.isdisjoint(named):
            return SAME_TOPIC
    return best


def _is_time_table(question: Question, text: str) -> bool:
    """Whether the text tells of a day what is asked: its hours, or whether one is open then."""
    if not opens_with_day(text):
        return False
    hours = question.asked is Asked.CLOCK and holds(question, text) is True
    return hours or _asks_for_days(question)


def _numbers_as_meant(question: Question, text: str, seen: set[str]) -> set[str]:
    """25 kg are not 25 euros, and a telephone number is the same however it is grouped."""
    if not question.money:
        seen -= {word for price in prices(text) for word in words(price)}
    digits = ungrouped(text)
    long = (number for number in question.numbers if len(number) >= LONG_NUMBER)
    return seen | {number for number in long if number in digits}


def _asks_for_days(question: Question) -> bool:
    return _asks_for(question, WEEKDAYS)


def _asks_for(question: Question, things: Iterable[int]) -> bool:
    return any(not term.topics.isdisjoint(things) for term in question.terms)


_topics = lru_cache(maxsize=20_000)(topics)
