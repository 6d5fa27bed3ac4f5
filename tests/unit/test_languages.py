"""The language of a question, and a refusal in it."""

import json
from pathlib import Path

import pytest

from sloth_agent.agent.languages import REFUSALS, decided, detect, is_cyrillic
from sloth_agent.language import Language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How long does it take?", Language.ENGLISH),
        ("Чи є у вас Wi-Fi?", Language.UKRAINIAN),
        ("Ile trwa lekcja?", Language.POLISH),
        ("Wie lange habe ich Garantie?", Language.GERMAN),
        ("Öffnungszeiten", Language.GERMAN),
        ("strzyżenie", Language.POLISH),
    ],
)
def test_tells_the_language_of_short_questions(text: str, language: Language) -> None:
    assert detect(text) is language


@pytest.mark.parametrize("text", ["", "123", "?!", "wifi"])
def test_what_tells_nothing_is_the_default(text: str) -> None:
    assert decided(text) is None
    assert detect(text, default=Language.POLISH) is Language.POLISH


def test_a_foreign_name_does_not_change_the_script() -> None:
    assert is_cyrillic("Скільки коштує Apple Pay?")
    assert not is_cyrillic("Where is Липова in the city centre?")


def test_every_language_has_a_refusal_of_its_own() -> None:
    assert set(REFUSALS) == set(Language)
    assert {detect(refusal) for refusal in REFUSALS.values()} == set(Language)


@pytest.mark.parametrize("language", ["en", "de", "pl", "uk"])
def test_is_hardly_ever_wrong_on_real_questions(shared_data: Path, language: str) -> None:
    lines = (shared_data / "qa" / f"{language}.questions.jsonl").read_text("utf-8").splitlines()
    right = [detect(json.loads(line)["question"]) == language for line in lines]
    assert sum(right) >= 0.99 * len(right)
