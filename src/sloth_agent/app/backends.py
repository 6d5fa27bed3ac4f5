"""Finds a backend by its configured name: ours, or another package's by its entry point."""

from collections.abc import Callable
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any

from sloth_agent.errors import ConfigurationError
from sloth_agent.settings import Settings

Factory = Callable[[Settings], Any]

_ADAPTERS = "sloth_agent.adapters"

BUILT_IN: dict[str, dict[str, str]] = {
    "channels": {
        "telegram": f"{_ADAPTERS}.channels.telegram:from_settings",
        "whatsapp": f"{_ADAPTERS}.channels.whatsapp:from_settings",
    },
    "embedders": {
        "langchain": f"{_ADAPTERS}.embedders.langchain:from_settings",
        "openai": f"{_ADAPTERS}.embedders.openai:from_settings",
        "onnx": f"{_ADAPTERS}.embedders.onnx:from_settings",
        "sentence-transformers": f"{_ADAPTERS}.embedders.sentence_transformers:from_settings",
    },
    "job_queues": {
        "celery": f"{_ADAPTERS}.jobs.celery:from_settings",
        "embedded": f"{_ADAPTERS}.jobs.embedded:from_settings",
    },
    "payments": {
        "stripe": f"{_ADAPTERS}.payments.stripe:from_settings",
    },
    "rerankers": {
        "cross-encoder": f"{_ADAPTERS}.rerankers.cross_encoder:from_settings",
    },
    "chat_models": {
        "langchain": f"{_ADAPTERS}.chat_models.langchain:from_settings",
        "openai": f"{_ADAPTERS}.chat_models.openai:from_settings",
        "extractive": f"{_ADAPTERS}.chat_models.extractive:from_settings",
    },
}


def factory(port: str, name: str) -> Factory:
    """Find a backend by its configured name; only the chosen adapter is imported.

    Ours win a clash of names.

    Raises:
        ConfigurationError: no such backend; the hint lists those that there are.
    """
    plugins = {entry.name: entry.value for entry in entry_points(group=f"sloth_agent.{port}")}
    known = plugins | BUILT_IN[port]
    if name in known:
        found: Factory = resolve_name(known[name])
        return found
    kind = port.removesuffix("s").replace("_", " ")
    raise ConfigurationError(
        f"There is no {kind} named {name!r}.", hint=f"Known: {', '.join(sorted(known))}."
    )
