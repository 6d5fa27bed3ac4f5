"""What customers call their files, and say that they are."""

import pytest

from sloth_agent.channels.chat_files import LONGEST_NAME, checked_media_type, name_of_file
from sloth_agent.channels.texts import text
from sloth_agent.language import Language


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("договір.pdf", "договір.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\anna\\bill.pdf", "bill.pdf"),
        ('a"\r\nSet-Cookie: x=1; b=".html', 'a" Set-Cookie: x=1; b=".html'),
        ("bill\u202efdp.exe", "bill fdp.exe"),
        ("\x1b[31mred\x07.txt", "[31mred .txt"),
        (".bashrc", "bashrc"),
        ("", "document"),
        ("...", "document"),
        ("\u200b", "document"),
    ],
)
def test_a_name_is_one_line_and_no_path(given: str, shown: str) -> None:
    assert name_of_file(given) == shown


def test_a_long_name_keeps_its_ending() -> None:
    name = name_of_file("x" * 500 + ".pdf")
    assert (len(name), name[-5:]) == (LONGEST_NAME, "x.pdf")
    assert len(name_of_file("." + "x" * 500)) == LONGEST_NAME


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("application/pdf", "application/pdf"),
        ("Text/HTML; charset=utf-8", "text/html"),
        ("image/svg+xml", "image/svg+xml"),
        ("", "application/octet-stream"),
        ("text", "application/octet-stream"),
        ("text/html\r\nX: y", "application/octet-stream"),
        (f"a/{'b' * 300}", "application/octet-stream"),
    ],
)
def test_a_media_type_is_one_or_nothing_known(given: str, shown: str) -> None:
    assert checked_media_type(given) == shown


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("name", ["document", "document_kept", "document_refused"])
def test_customers_hear_of_it_in_their_language(name: str, language: Language) -> None:
    assert text(name, language, firm="Salon Anna")
