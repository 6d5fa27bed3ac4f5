"""Rerankers need the `local` extra: tests/local runs them; here is what happens without it."""

from importlib import import_module
from importlib.util import find_spec

import pytest

from sloth_agent.errors import MissingExtra


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="the extra is installed")
@pytest.mark.parametrize("adapter", ["rerankers.cross_encoder", "embedders.sentence_transformers"])
def test_without_the_extra_the_error_names_it(adapter: str) -> None:
    with pytest.raises(MissingExtra) as raised:
        import_module(f"sloth_agent.adapters.{adapter}")
    assert raised.value.hint == 'pip install "sloth-agent[local]"'
