"""Errors: stable codes, sentences, and the same thing on the other side of a process."""

import pickle
import re
from collections.abc import Iterator

import pytest

from sloth_agent import errors
from sloth_agent.errors import LimitReached, MissingExtra, SlothError, UnreadableFile

CODES = {
    "backend_unavailable", "configuration", "conflict", "database_unavailable", "disk_full",
    "embedder_unavailable", "error", "file_damaged", "file_empty", "file_encrypted",
    "file_too_large", "invalid_input", "limit_reached", "missing_extra", "model_unavailable",
    "no_text", "not_found", "parse_memory", "parse_timeout", "storage_unavailable",
    "too_many_pages", "unexpected", "unpacked_too_large", "unreadable_file", "unsupported_file",
}  # fmt: skip


def kinds(kind: type[SlothError] = SlothError) -> Iterator[type[SlothError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from kinds(child)


def test_codes_are_unique_and_none_is_lost() -> None:
    ours = [kind for kind in set(kinds()) if kind.__module__ == errors.__name__]
    found = [kind.code for kind in ours if "code" in vars(kind)]  # others are of a known kind
    assert len(found) == len(set(found))
    assert set(found) >= CODES, "scripts rely on these codes"
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in found)


@pytest.mark.parametrize("kind", dict.fromkeys(kinds()))
def test_errors_travel_between_processes(kind: type[SlothError]) -> None:
    error = kind("It is full.", hint="Empty it.", used=3, pages=[1, 2])
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is kind
    assert (str(arrived), arrived.message, arrived.hint) == (
        "It is full.",
        "It is full.",
        "Empty it.",
    )
    assert arrived.details == {"used": 3, "pages": [1, 2]}


def test_a_missing_extra_names_the_command() -> None:
    error = MissingExtra.named("onnx", needed_for="The ONNX embedder")
    assert error.hint == 'pip install "sloth-agent[onnx]"'
    assert error.details == {"extra": "onnx"}
    assert isinstance(error, ImportError)


def test_families() -> None:
    assert issubclass(errors.NoText, UnreadableFile)
    assert issubclass(errors.DiskFull, errors.StorageUnavailable)
    assert issubclass(LimitReached, SlothError)
