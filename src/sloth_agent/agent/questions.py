"""What a question asks for: its telling words, and the kind of thing that would answer it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Final

from sloth_agent.agent.languages import is_cyrillic
from sloth_agent.agent.matching import other_script, sound
from sloth_agent.agent.vocabulary import (
    CURRENCY,
    EVERYDAY_THINGS,
    FOR,
    PREPOSITIONS,
    PRESENT,
    SMALL_WORDS,
)
from sloth_agent.knowledge.lexical import plain, terms, words
from sloth_agent.language import Language


class Asked(StrEnum):
    """The kind of thing that an answer has to hold."""

    PRICE = "price"
    DURATION = "duration"
    AGE = "age"
    CLOCK = "clock"  # an hour of the day
    TIME = "time"  # a date, a day, a year
    CONTACT = "contact"
    PERCENT = "percent"
    COUNT = "count"
    PERSON = "person"
    PLACE = "place"
    REASON = "reason"


PRECISE: Final = frozenset(
    {Asked.PRICE, Asked.DURATION, Asked.AGE, Asked.CLOCK, Asked.CONTACT, Asked.PERCENT}
)
"""Kinds of things that can be told from other text with certainty."""


@dataclass(frozen=True, slots=True)
class Term:
    """A telling word of the question."""

    sound: str
    weight: float  # how rare it is among the tenant's chunks
    topics: frozenset[int]  # everyday things that it names, in any of our languages
    name: bool  # a proper name or a number: an answer that lacks it is about something else
    frames: bool = False  # a verb or a title: not itself what the question is about
    person: bool = False  # of a person's whole name, or of one with a title


@dataclass(frozen=True, slots=True)
class Question:
    terms: tuple[Term, ...]
    asked: Asked | None  # None: the form of the question does not tell
    sounds: frozenset[str]  # of all its words: what repeats them is no news
    weight: float  # of all terms together
    cyrillic: bool  # the script that its asker reads with ease
    subject: int | None = None  # which of the terms it is about; None: its form does not tell
    numbers: frozenset[str] = frozenset()  # among its terms
    money: bool = False  # whether it names an amount itself
    adds: bool = False  # to the question before; what it adds is its subject

    @property
    def bare(self) -> bool:
        """Whether there is hardly more in it than the thing that it is about."""
        return self._things() <= 2

    @property
    def brief(self) -> bool:
        return self._things() <= 3

    def _things(self) -> int:
        return sum(not term.frames for term in self.terms)

    def share(self, credits: Sequence[float]) -> float:
        """How much of the question is covered where each term gets such a credit."""
        pairs = zip(self.terms, credits, strict=True)
        return sum(term.weight * credit for term, credit in pairs) / self.weight

    def names_missing(self, credits: Sequence[float]) -> float:
        """How much of the question is names and numbers without credit."""
        pairs = zip(self.terms, credits, strict=True)
        lost = sum(term.weight * (1 - credit) for term, credit in pairs if term.name)
        return lost / self.weight


# The form of a question that tells what is asked for; the first that fits is taken.
_FORMS: Final = {
    asked: re.compile(rf"\b(?:{plain(pattern)})\b")
    for asked, pattern in {
        Asked.PERCENT: (
            r"percent\w*|відсот\w*|procent\w*|prozent\w*|discount|знижк\w*|zniżk\w*|rabatt?\w*"
        ),
        Asked.CONTACT: (
            r"phone|e-?mail|(?:call|contact|reach) you|зв'яза\w+ з вами|skontaktować"
            r"|(?:erreiche|kontaktiere)n? (?:ich |wir )?(?:sie|euch)"
            r"|(?:where|whom?) (?:to|can i|do i|should i) call"
            r"|(?:куди|кому) (?:\w+ )?(?:по)?дзвон\w+"
            r"|(?:gdzie|dokąd|do kogo) (?:\w+ )?(?:za)?dzwoni\w+|(?:wo|wen) (?:\w+ )*anrufen"
            r"|телефон\w*|номер телефону|пошт[аиу]|telefon\w*|numer telefonu|telefonnummer"
        ),
        Asked.PRICE: (
            r"costs?|prices?|fees?|how much (?:is|are|does|do|for|to)|кошту\w*|цін[аиу]|варт\w*"
            r"|почім|у скільки обійд\w+|скільки (?:\w+ )?(?:за|заплат\w+|платити)"
            r"|kosztuj\w*|koszt\w*|cen[aęy]|opłat\w*|po ile|ile (?:\w+ )?(?:za|zapłac\w+|płac\w+)"
            r"|kostet|kosten|preise?|gebühr\w*|(?:wie )?teuer|wie ?viel (?:be)?zahl\w+"
            r"|what (?:do|will|would|must) (?:i|we) (?:have to )?pay|was (?:be)?zahlen? (?:ich|wir)"
            r"|deposit|передоплат\w*|zadat\w*|zaliczk\w*|anzahlung"
        ),
        Asked.AGE: (
            r"how (?:old|young)|(?:what|which) age|wie alt|welche[mns] alter"
            r"|w (?:jakim|którym) wieku|(?:od|do) (?:jakiego wieku|ilu lat)"
            r"|ile lat (?:ma|masz|musi|trzeba|powinn\w+)"
            r"|(?:з|до) (?:якого віку|скількох років)|[ув] якому віці"
            r"|скільки років (?:має|повинн\w+|виповнил\w+)"
        ),
        Asked.DURATION: (
            r"how long|how many (?:hours|minutes|days|weeks|months|years)|duration"
            r"|скільки (?:часу|трива\w*|ді[єю]\w*|годин|хвилин|днів|тижнів|місяців|років)"
            r"|як довго(?: трива\w*)?"
            r"|ile (?:czasu|trwa\w*|godzin|minut|dni|tygodni|miesięcy|lat)|jak długo(?: trwa\w*)?"
            r"|wie lange(?: dauer\w*)?|wie viele (?:stunden|minuten|tage|wochen|monate|jahre)"
            r"|dauert?"
        ),
        Asked.CLOCK: (
            r"what time|which hours?|opening (?:hours|times)|how late (?:are|is|do) "
            r"|when (?:are|is) (?:\w+ ){1,2}(?:open|closed)|when do you (?:open|close)"
            r"|коли ви (?:працюєте|відкрит\w+|відкрива\w+|відчин\w+|зачин\w+)"
            r"|kiedy (?:\w+ )?(?:otwart\w+|czynn\w+|pracujecie|otwieracie|zamykacie)"
            r"|wann (?:\w+ ){1,2}(?:geöffnet|offen|auf)"
            r"|(?:до|о|з|від|на) котр\w+(?: годин\w*)?|як\w+ годин\w*|котра година|годин[иі] роботи"
            r"|(?:do|o|od) której|(?:któr|jak)\w+ (?:jest )?godzin\w*|godziny otwarcia"
            r"|wie viel uhr|wie spät|welche\w* uhrzeit\w*|öffnungszeiten"
        ),
        Asked.TIME: (
            r"when|(?:what|which) (?:year|date|days?|month|century)"
            r"|коли|(?:по )?як\w+ (?:році|року|рік|день|дні|дня|днях|дату|місяц\w+|століт\w*)"
            r"|kiedy|(?:jak|któr)\w+ (?:roku|rok|dniu|dzień|dni|miesiąc\w*|wieku|latach)"
            r"|wann|welche\w* (?:jahr|tag|tagen|datum|jahrhundert|monat)"
        ),
        Asked.COUNT: (
            r"how many times|how often|як часто|скільки разів|ile razy|jak często|wie oft"
            r"|how many|how much|number of|скільки|кількість|ile|ilu|liczba|wie ?viele?|anzahl"
        ),
        Asked.PERSON: (
            r"who|whom|whose|хто|кого|ким|кому|чи[йяє]|kto|kogo|kim|komu|czyj\w?|wer|wen|wem"
            r"|wessen|name|named|called|ім'я|звати|називається|назва|nazywa|imię|heißt|heißen"
        ),
        Asked.PLACE: (
            r"where|address|city|country|де|куди|звідки|адрес\w*|міст[оіа]|країн\w+"
            r"|gdzie|dokąd|skąd|adres\w*|mie[śj]\w*|kraju?|wo|wohin|woher|adresse|stadt|land"
        ),
        Asked.REASON: r"why|чому|навіщо|dlaczego|czemu|warum|wieso|weshalb",
    }.items()
}

# "Where are you?", "How can I reach you?" have no other telling word.
_IMPLIED: Final[Mapping[Asked | None, Sequence[str]]] = {
    Asked.PLACE: ["address"],
    Asked.CONTACT: ["phone"],
}

_SMALL: Final = {
    language: small | {plain(word) for word in small} for language, small in SMALL_WORDS.items()
}
_NAMES: Final = tuple(tuple(line.split()) for line in EVERYDAY_THINGS.strip().splitlines())
_BY_FIRST_LETTERS: Final[dict[str, list[tuple[str, int]]]] = {}
for _number, _starts in enumerate(_NAMES):
    for _start in map(sound, _starts):
        _BY_FIRST_LETTERS.setdefault(_start[:2], []).append((_start, _number))
VERB_SHARE = 0.5
"""Of its weight keeps a verb that frames a question: what is asked about are the other words, and
documents say such verbs in many ways."""

KEPT_SHARE = 0.5
"""Of its weight keeps a word of the question before, where another one only adds to it."""

LEAST_WEIGHT = 0.05
"""Of a term that stands in every chunk; the share of the question stays defined."""

_CURRENCY: Final = re.compile(CURRENCY, re.IGNORECASE)
_PRESENT: Final = re.compile(rf"\b(?:{PRESENT})\b")

PHONE: Final = frozenset(number for number, names in enumerate(_NAMES) if names[0] == "phone")
"""The topic that a telephone number is about, without saying so."""

_PRICED: Final = frozenset(
    number for number, names in enumerate(_NAMES) if names[0] in ("price", "pay")
)
_FORM_TOPICS: Final = (0, 1)  # price and duration: a number with its unit stands for them

WHOLE_WORD_LETTERS = 3
"""Beginnings as short as this must be the whole word."""


def topics(sounded: str) -> frozenset[int]:
    """The everyday things that a word names; mostly none.

    The longest beginning decides: a bus is no car, though "autobus" begins like "auto".
    """
    named = [
        (len(start), number)
        for start, number in _BY_FIRST_LETTERS.get(sounded[:2], ())
        if sounded == start or (len(start) > WHOLE_WORD_LETTERS and sounded.startswith(start))
    ]
    longest = max((length for length, _ in named), default=0)
    return frozenset(number for length, number in named if length == longest)


def search_text(question: str, language: Language) -> str:
    """The telling words of a question; in a small collection every other word is rare too."""
    return " ".join(_telling(_said(question), language)) or question


def _said(question: str) -> list[str]:
    """The words of a question, without those that only say that it is asked now."""
    said = " ".join(words(question))
    return _PRESENT.sub(" ", said).split()


def _telling(said: Sequence[str], language: Language) -> list[str]:
    small = _SMALL[language]
    return [word for word in said if word not in small]


def bridged_text(question: str, language: Language) -> str:
    """What the question is about, its everyday things named in all our languages: a second search
    that finds documents in a language other than the asker's."""
    _, about = _about(_said(question), language)
    named = {topic for word in about for topic in topics(sound(word))}
    names = (name for topic in sorted(named) for name in _NAMES[topic])
    return " ".join([*about, *(other_script(word) for word in about), *names])


def is_about_nothing(question: str, language: Language) -> bool:
    """Whether it names nothing that it is about, such as "How long does it take?"."""
    asked, form = _asked(" ".join(_said(question)))
    telling = _telling(_said(question), language)
    return asked not in _IMPLIED and all(plain(word) in form for word in telling)


def understand(
    question: str, language: Language, term_weights: Mapping[str, float], *, after: str = ""
) -> Question:
    """Weigh the telling words; a term without a weight counts like the rarest.

    `after` is the question before, where this one only adds to it.
    """
    said = _said(question)
    asked, about = _about(said, language)
    found = _terms(question, said, about, term_weights)
    subject = None if asked in _VERB_FOLLOWS else _subject(said, found, language)
    if after:
        asked_before, kept = _kept(_said(after), said, language)
        asked = asked or asked_before
        known = {term.sound for term in found}
        added = _terms(after, _said(after), kept, term_weights)
        subject = 0 if found else _subject(_said(after), added, language)
        found += tuple(
            replace(term, weight=term.weight * KEPT_SHARE)
            for term in added
            if term.sound not in known
        )
    return Question(
        terms=found,
        asked=asked,
        sounds=frozenset(map(sound, said)),
        weight=sum(term.weight for term in found),
        cyrillic=is_cyrillic(question),
        subject=subject,
        numbers=frozenset(term.sound for term in found if term.sound.isdigit()),
        money=_CURRENCY.search(question) is not None,
        adds=after != "",
    )


def _terms(
    question: str, said: Sequence[str], about: Sequence[str], term_weights: Mapping[str, float]
) -> tuple[Term, ...]:
    rarest = max(term_weights.values(), default=1.0)
    capitals = _capitals(question)
    framing = _framed(plain(" ".join(said))) | {w for w in about if _TITLE.fullmatch(w)}
    persons = _persons(question)
    return tuple(
        Term(
            sound=sound(word),
            weight=max(term_weights.get(terms(word)[0], rarest), LEAST_WEIGHT)
            * (VERB_SHARE if plain(word) in framing else 1.0),
            topics=topics(sound(word)),
            name=word in capitals or word[0].isdigit(),
            frames=plain(word) in framing,
            person=word in persons,
        )
        for word in about
    )


def _kept(
    before: Sequence[str], said: Sequence[str], language: Language
) -> tuple[Asked | None, Sequence[str]]:
    """What a question asked for, and those of its telling words that still hold after what was
    `said` in addition: "for a cat" takes the place of "for a dog"."""
    asked, about = _about(before, language)
    places = (PREPOSITIONS[language] | FOR) & set(said)
    replaced: set[str] = set()
    opened = False
    for word in before:
        if word in places:
            opened = True
        elif opened and word in about:
            replaced.add(word)
            opened = False
    return asked, [word for word in about if word not in replaced]


def _subject(said: Sequence[str], found: Sequence[Term], language: Language) -> int | None:
    """Which of the terms a question is about: the first that is no verb, and that no preposition
    makes a place or a time."""
    places = {term.sound: place for place, term in enumerate(found) if not term.frames}
    aside = False
    for word in said:
        if word in PREPOSITIONS[language]:
            aside = True
        elif (place := places.get(sound(word))) is not None:
            if not aside:
                return place
            aside = False
    return None


_VERB_FOLLOWS: Final = frozenset({Asked.CLOCK, Asked.TIME, Asked.PLACE, Asked.CONTACT})
"""After these forms comes what somebody does, before the things that it is done with."""


def _about(said: Sequence[str], language: Language) -> tuple[Asked | None, Sequence[str]]:
    """What is asked for, and the telling words beside those that say so."""
    asked, form = _asked(" ".join(said))
    telling = dict.fromkeys(_telling(said, language))
    about = [word for word in telling if plain(word) not in form]
    if asked is Asked.PRICE:  # a price is paid; neither word tells which
        about = [word for word in about if topics(sound(word)).isdisjoint(_PRICED)] or about
    return asked, about or _IMPLIED.get(asked, [])


def _asked(lowered: str) -> tuple[Asked | None, set[str]]:
    """What is asked for, and the words that say so, without their marks."""
    lowered = plain(lowered)
    for asked, form in _FORMS.items():
        match = form.search(lowered)
        if match:
            return asked, {word for word in match.group().split() if not _is_thing(word)}
    return None, set()


# Robust against nouns: Polish ones end like this too, but seldom after these letters.
_FRAMED: Final = tuple(
    re.compile(plain(pattern))
    for pattern in (
        # The firm is addressed: do you sell, verkauft ihr, продаєте, sprzedajecie.
        r"\b(?:do|can|could|would|will) you (?:also |still |ever )?(\w+)",
        r"\b(\w+t) ihr\b",
        r"\b(\w+en) sie\b",
        r"\b(\w\w+(?:єте|ете|ите))\b",
        r"\b(\w+(?:[aiy]|[jz]e)cie)\b",
        # The asker wants to: can I bring, darf ich mitbringen, можна прийти, mogę przyjść.
        r"\b(?:can|could|may|do|should|must) (?:i|we) (?:also |still |have to |need to )?(\w+)",
        r"\b(?:kann|können|darf|dürfen|muss|müssen|soll) (?:ich|man|wir) .*?(\w+en)$",
        r"\b(?:можна|можу|можемо|треба) (?:\w+ )??(\w+ти(?:с[яь])?)\b",
        r"\b(?:można|mogę|możemy|trzeba|muszę) (?:\w+ )??(\w+[ćc])\b",
        r"\bto (\w+) (?:an?|the|my|our|your)\b",
        r"\b(?:what|which) (kinds?|types?|sorts?) of\b",
        # Somebody does: who teaches, when does he work.
        r"\b(?:do|does|did|is|are) (?:he|she|it|they) (\w+)",
        r"\b(?:who|хто|kto|wer) (\w+)",
    )
)


def _framed(lowered: str) -> set[str]:
    """The verbs that only frame what a question is about."""
    return {match.group(1) for frame in _FRAMED for match in frame.finditer(lowered)}


def _is_thing(word: str) -> bool:
    """Whether a word of the form is itself what the question is about: a deposit, a phone."""
    return any(topic not in _FORM_TOPICS for topic in topics(sound(word)))


_CAPITALISED = re.compile(r"(?<=[^.!?\s])\s+[\"'„“«(]*([^\W\d_a-z][^\W_]*)")


_TITLE: Final = re.compile(
    r"(?:dr|prof|mrs?|ms|frau|herrn?|pan[ią]?|pana|пан[аіиу]?)\.?", re.IGNORECASE
)


def _persons(question: str) -> set[str]:
    """The words of whole names, and of names with a title."""
    named: set[str] = set()
    said = question.split()
    for first, second in pairwise(said[1:]):
        ends = first[-1] in ",;:?!"
        if (second[0].isupper() and _TITLE.fullmatch(first)) or (
            first[0].isupper() and second[0].isupper() and not ends and not named
        ):
            named.update(words(f"{first} {second}"))
    return named


def _capitals(question: str) -> set[str]:
    """Words inside the question that begin with a capital."""
    found = (match.group(1) for match in _CAPITALISED.finditer(question))
    return {word.lower() for word in found if word[0].isupper()}
