"""Addresses, domains, phone numbers and passwords as people type them."""

import pytest

from sloth_agent.errors import InvalidInput
from sloth_agent.tenants.tokens import Token
from sloth_agent.tenants.users import (
    checked_password,
    checked_phone,
    checked_picture,
    normalised_domain,
    normalised_email,
)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Anna@Example.COM ", "anna@example.com"),
        ("o'neil+sales@a.example", "o'neil+sales@a.example"),
        ("anna@żaba.pl", "anna@xn--aba-22a.pl"),
        ("a.b.c@sub.example.co.uk", "a.b.c@sub.example.co.uk"),
    ],
)
def test_one_spelling_for_each_mailbox(typed: str, kept: str) -> None:
    assert normalised_email(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "@",
        "anna",
        "anna@",
        "@example.com",
        "anna@example",
        "a..b@example.com",
        ".a@example.com",
        "anna@-example.com",
        "anna@exam ple.com",
        "аnna@example.com",  # a Cyrillic letter that looks like a Latin one
        'anna"; drop table users; --@example.com',
        "anna@example.com\nbcc: all@example.com",
        "anna\0@example.com",
        "a" * 65 + "@example.com",
        "anna@" + "a" * 64 + ".com",
        "anna@" + "a.bcd" * 60 + ".com",
        "anna@127.0.0.1",
        "\udcff@example.com",
    ],
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        normalised_email(typed)
    assert caught.value.details["field"] == "email"


def test_domains_that_look_alike_are_two() -> None:
    assert normalised_domain("Example.com.") == "example.com"
    assert normalised_domain("еxample.com") == "xn--xample-2of.com"
    with pytest.raises(InvalidInput):
        normalised_domain("exa/mple.com")


def test_phone_numbers() -> None:
    assert checked_phone("+48 (123) 456-789") == "+48123456789"
    for typed in ("123456789", "+0123456", "+48", "+4812345678901234", "+48 12x 456"):
        with pytest.raises(InvalidInput):
            checked_phone(typed)


def test_pictures() -> None:
    for address in ("https://example.com/", "https://a.example:8443/b/c.png?size=64&v=2#x"):
        assert checked_picture(address) == address
    for typed in (
        "",
        "javascript:alert(1)",
        "http://example.com/a.png",
        "https://",
        "https:///a.png",
        "https://anna@example.com/a.png",
        "https://example.com/a b.png",
        "https://example.com/a.png\n",
        "https://example.com/'onerror='alert(1)",
        'https://example.com/"><script>',
        "https://example.com/\0",
        "https://exаmple.com/a.png",  # a Cyrillic letter
        "https://example.com/" + "a" * 2000,
    ):
        with pytest.raises(InvalidInput) as caught:
            checked_picture(typed)
        assert caught.value.details == {"field": "avatar"}


def test_passwords() -> None:
    assert checked_password("пароль із слів") == "пароль із слів"
    for typed in ("", "too short", "x" * 257):
        with pytest.raises(InvalidInput):
            checked_password(typed)


def test_a_token_shows_nothing_of_itself() -> None:
    token = Token.new()
    assert token.text not in repr(token)
    assert len(token.text) >= 43
    assert Token(token.text).digest == token.digest != Token.new().digest
    assert Token("\udcff").digest
