"""The languages that sloth-agent speaks by itself."""

from enum import StrEnum


class Language(StrEnum):
    """Others are answered too, by a model that knows them."""

    ENGLISH = "en"
    UKRAINIAN = "uk"
    POLISH = "pl"
    GERMAN = "de"
