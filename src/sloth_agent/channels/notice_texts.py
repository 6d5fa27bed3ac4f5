"""What owners are told about customers who wait, in their languages: see notices.toml."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sloth_agent.language import Language


def person_wanted(language: Language, **values: object) -> tuple[str, str]:
    """The subject and the text."""
    words = _texts()["person_wanted"][language]
    return words["subject"].format(**values), words["text"].format(**values).lstrip()


@cache
def _texts() -> Mapping[str, Any]:
    return tomllib.loads(files(__package__).joinpath("notices.toml").read_text("utf-8"))
