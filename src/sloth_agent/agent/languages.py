"""Which of our four languages a question is in, and what to say in it instead of an answer."""

import re
from typing import Final

from sloth_agent.agent.vocabulary import listed
from sloth_agent.knowledge.lexical import words
from sloth_agent.language import Language

REFUSALS: Final = {
    Language.ENGLISH: "I could not find an answer to that in the documents I have.",
    Language.UKRAINIAN: "На жаль, у моїх документах немає відповіді на це запитання.",
    Language.POLISH: "Niestety nie ma odpowiedzi na to pytanie w dokumentach, które znam.",
    Language.GERMAN: "Darauf finde ich in meinen Unterlagen leider keine Antwort.",
}

AWAY: Final = {
    Language.ENGLISH: "I cannot answer right now. Please ask again in a few minutes.",
    Language.UKRAINIAN: "Зараз я не можу відповісти. Запитайте, будь ласка, за кілька хвилин.",
    Language.POLISH: "Nie mogę teraz odpowiedzieć. Proszę zapytać ponownie za kilka minut.",
    Language.GERMAN: "Ich kann gerade nicht antworten. Bitte fragen Sie in einigen Minuten.",
}

_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_LATIN = re.compile(r"[a-z\u00df-\u017f]")
_LETTERS: Final = {
    Language.POLISH: "ąćęłńśźż",
    Language.GERMAN: "äöüß",
}
_LETTER_WEIGHT = 2.0  # a letter of its own says more than a word that languages may share
_FRAGMENT_WEIGHT = 0.25

_WORDS: Final = {
    Language.ENGLISH: listed(
        "the a an is are was were do does did how what when where who which why can could i you"
        " he she it we they my your of in on to for with from at by and or not have has there"
        " any be will would should much many long open cost hello hi thanks please this that yes"
        " no book"
    ),
    Language.POLISH: listed(
        "czy jak jaki jaka jakie ile kiedy gdzie kto co w z na do po i o nie jest są się mogę"
        " można który która które którym dla od za przez ma mam macie pan pani to u dzień dobry"
        " proszę cześć godzin cena tak ja my wy kosztuje"
    ),
    Language.GERMAN: listed(
        "der die das den dem des ein eine einen einem einer ist sind war wie was wann wo wer"
        " wen welche welcher welches welchem welchen warum ich du sie wir ihr es und oder nicht"
        " kein haben hat gibt kann können mein ihre zu zum zur mit von für auf im am bei um nach"
        " viel viele kostet uhr hallo bitte danke ja nein guten tag"
    ),
}
_FRAGMENTS: Final = {
    Language.ENGLISH: ("th", "wh", "ing", "ght", "oo", "ly", "ed ", "sh"),
    Language.POLISH: ("cz", "sz", "rz", "dz", "owa", "nie", "ego", "ych", "aj", "yk", "ski", "wy"),
    Language.GERMAN: ("sch", "ei", "ch", "ung", "ck", "tz", "ier", "en ", "pf", "eu", "ge"),
}


def detect(text: str, *, default: Language = Language.ENGLISH) -> Language:
    """As `decided`; where nothing decides, the answer is `default`."""
    return decided(text) or default


def decided(text: str) -> Language | None:
    """Tell the language by alphabet, small words and typical letters; None: nothing decides.

    Any Cyrillic text counts as Ukrainian.
    """
    if is_cyrillic(text):
        return Language.UKRAINIAN
    lowered = text.lower()
    points = {language: _points(lowered, language) for language in _WORDS}
    ranked = sorted(points.values(), reverse=True)
    if ranked[0] == ranked[1]:
        return None
    return max(points, key=points.__getitem__)


def is_cyrillic(text: str) -> bool:
    """Whether the text is written in Cyrillic, a foreign name or two aside."""
    lowered = text.lower()
    return len(_CYRILLIC.findall(lowered)) > len(_LATIN.findall(lowered)) / 2


def _points(text: str, language: Language) -> float:
    own_letters = sum(text.count(letter) for letter in _LETTERS.get(language, ""))
    own_words = sum(word in _WORDS[language] for word in words(text))
    padded = f"{text} "
    fragments = sum(padded.count(fragment) for fragment in _FRAGMENTS[language])
    return own_words + _LETTER_WEIGHT * own_letters + _FRAGMENT_WEIGHT * fragments
