"""Text of unknown encoding, in the languages that the product speaks."""

import pytest

from sloth_agent.adapters.parsers.encodings import decode
from sloth_agent.errors import UnsupportedFile

UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be")
TEXTS = {
    "uk": "Салон краси «Лаванда» працює щодня з дев'ятої до вісімнадцятої. Стрижка коштує "
    "650 грн, фарбування - від 1200 грн. Їжачок, ґанок і щирі вітання чекають на вас.",
    "pl": "Salon piękności „Lawenda” jest czynny codziennie od dziewiątej. Strzyżenie kosztuje "
    "65 zł, a koloryzacja od 120 zł. Zażółć gęślą jaźń, prosimy o wcześniejszą rezerwację.",
    "de": "Der Schönheitssalon öffnet täglich um neun. Für die Färbung wählen Sie bitte früh einen "
    "Termin; größere Änderungen kosten 20 € mehr. Viele Grüße von Frau Süß.",
    "en": "The salon’s doors open at nine; a “wash and cut” costs £40, tea is free.",
}


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        *((language, encoding) for language in TEXTS for encoding in UNICODE),
        ("uk", "cp1251"),
        ("pl", "cp1250"),
        ("de", "cp1252"),
        ("en", "cp1252"),
    ],
)
def test_the_encoding_is_found(language: str, encoding: str) -> None:
    text = "\n".join([TEXTS[language]] * 3)
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        ("uk", "koi8-u"),
        ("pl", "iso8859-2"),
        ("de", "iso8859-15"),
        ("de", "latin-1"),
    ],
)
def test_an_encoding_without_typographic_marks_is_found(language: str, encoding: str) -> None:
    plain = str.maketrans({**dict.fromkeys("„”«»", '"'), "€": "EUR"})
    text = "\n".join([TEXTS[language].translate(plain)] * 3)
    assert decode(text.encode(encoding)) == text


def test_one_broken_spot_does_not_cost_the_rest() -> None:
    content = TEXTS["uk"].encode()
    found = decode(content[:40] + b"\xff" + content[40:])
    assert found.count("\ufffd") == 1
    assert found.replace("\ufffd", "") == TEXTS["uk"]


def test_what_a_page_says_of_itself_goes_before_a_guess() -> None:
    page = '<meta charset="windows-1251"><p>Так'.encode("cp1251")
    assert decode(page, markup=True).endswith("Так")


@pytest.mark.parametrize("charset", ["no-such-thing", "base64", "rot13", "utf-8"])
def test_a_charset_that_lies_is_passed_over(charset: str) -> None:
    page = f'<meta charset="{charset}"><p>{TEXTS["uk"]}'.encode("cp1251")
    assert TEXTS["uk"] in decode(page, markup=True)


@pytest.mark.parametrize("content", [bytes(range(256)) * 8, b"\0\1\2\3" * 500])
def test_noise_is_no_text(content: bytes) -> None:
    with pytest.raises(UnsupportedFile):
        decode(content)


def test_a_stray_zero_is_still_text() -> None:
    assert decode(b"opens at nine\0") == "opens at nine\0"
