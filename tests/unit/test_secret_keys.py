"""The secrets of an install, given or its own."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from sloth_agent import Settings
from sloth_agent.adapters.secrets.keys import FILE, SecretKeys, from_settings
from sloth_agent.errors import ConfigurationError

LONG = "correct-horse-battery-staple-0123456789"


def given(secrets: str, home: Path) -> SecretKeys:
    return from_settings(Settings(home=home, secret_key=SecretStr(secrets)))


def test_several_secrets_stand_in_their_order(tmp_path: Path) -> None:
    keys = given(f"{LONG}-new, {LONG}-old", tmp_path)
    assert keys.secrets == [f"{LONG}-new".encode(), f"{LONG}-old".encode()]
    newest, oldest = keys.for_purpose("tests")
    assert newest == given(f"{LONG}-new", tmp_path).for_purpose("tests")[0]
    assert oldest == given(f"{LONG}-old", tmp_path).for_purpose("tests")[0]


def test_keys_for_other_purposes_are_others(tmp_path: Path) -> None:
    keys = given(LONG, tmp_path)
    [tokens], [replies] = keys.for_purpose("access tokens"), keys.for_purpose("replies")
    assert tokens.id != replies.id
    assert len({tokens.secret, replies.secret, LONG.encode()}) == 3
    assert LONG not in f"{keys} {tokens}"
    assert repr(tokens.secret) not in repr(tokens)


@pytest.mark.parametrize("secrets", ["short", "x" * 64, "abcabcabc" * 8, f"{LONG},", f"{LONG},x"])
def test_what_can_be_guessed_is_refused(secrets: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SECRET_KEY") as refused:
        given(secrets, tmp_path)
    assert secrets not in str(refused.value)


def test_without_one_the_machine_makes_its_own_once(tmp_path: Path) -> None:
    """Also where many processes begin at the same time."""
    settings = Settings(home=tmp_path / "home", secret_key=None)
    with ThreadPoolExecutor(20) as threads:
        made = list(threads.map(lambda _: from_settings(settings).secrets[0], range(50)))
    assert len(set(made)) == 1
    assert len(made[0]) >= 32
    path = tmp_path / "home" / FILE
    assert path.read_bytes() == made[0]
    assert [each.name for each in path.parent.iterdir()] == [FILE]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_home_that_cannot_be_written_to_says_so(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(ConfigurationError, match="cannot be kept"):
        from_settings(Settings(home=tmp_path / "home", secret_key=None))
