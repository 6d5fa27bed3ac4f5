"""What the assistant says by itself, in its four languages: see texts.toml."""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from sloth_agent.agent.models import Citation
from sloth_agent.language import Language

OWN_NAMES: Mapping[Language, str] = {
    Language.ENGLISH: "English",
    Language.UKRAINIAN: "Українська",
    Language.POLISH: "Polski",
    Language.GERMAN: "Deutsch",
}

MOST_SOURCES = 3


def text(name: str, language: Language, **values: object) -> str:
    return _texts()[name][language].format(**values)


def named(words: str) -> Language | None:
    """The language that somebody calls by its code, or as it calls itself."""
    called = words.strip().casefold()
    found = (each for each, name in OWN_NAMES.items() if called in (each, name.casefold()))
    return next(found, None)


def with_sources(answer: str, citations: Sequence[Citation], language: Language) -> str:
    """The answer, and under it the documents that it rests on, some of them, each once."""
    places = list(dict.fromkeys(_place(each, language) for each in citations))[:MOST_SOURCES]
    if not places:
        return answer
    return f"{answer}\n\n{text('sources', language, sources='; '.join(places))}"


def _place(citation: Citation, language: Language) -> str:
    if citation.page is not None:
        return f"{citation.document}, {text('page', language, number=citation.page)}"
    return citation.document


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(files(__package__).joinpath("texts.toml").read_text("utf-8"))
