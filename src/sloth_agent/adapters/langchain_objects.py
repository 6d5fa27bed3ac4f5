"""Finds the LangChain models that the settings name."""

from pkgutil import resolve_name
from typing import TypeVar

from pydantic import BaseModel

from sloth_agent.errors import ConfigurationError
from sloth_agent.settings import Settings

Kind = TypeVar("Kind")


class Options(BaseModel):
    """`SLOTH_PLUGINS__LANGCHAIN__EMBEDDINGS` and `..__CHAT_MODEL`.

    Each is `module:name` of a LangChain model, or of a class or function that makes one without
    arguments.
    """

    embeddings: str | None = None
    chat_model: str | None = None


def options(settings: Settings) -> Options:
    return settings.plugin("langchain", Options)


def named(path: str | None, kind: type[Kind], *, option: str) -> Kind:
    """The object behind `module:name`.

    Raises:
        ConfigurationError: nothing is named, it cannot be found or made, or it is something else.
    """
    variable = f"SLOTH_PLUGINS__LANGCHAIN__{option.upper()}"
    if path is None:
        raise ConfigurationError(
            f"No LangChain {option} is named.", hint=f"Set {variable} to module:name."
        )
    try:
        found = resolve_name(path)
    except (AttributeError, ImportError, ValueError) as error:
        raise ConfigurationError(
            f"{variable} names {path}, which cannot be found: {error}.",
            hint="Write module:name; the module's folder must be on PYTHONPATH.",
        ) from error
    if not isinstance(found, kind) and callable(found):
        found = _made(found, path)
    if isinstance(found, kind):
        return found
    raise ConfigurationError(f"{path} is no LangChain {kind.__name__}.", hint=f"See {variable}.")


def model_name(model: object) -> str:
    """Its class, and the model behind it where it tells."""
    for attribute in ("model", "model_name", "model_id"):
        if isinstance(value := getattr(model, attribute, None), str) and value:
            return f"{type(model).__name__}-{value}"
    return type(model).__name__


def _made(make: object, path: str) -> object:
    assert callable(make)
    try:
        return make()
    # Somebody else's code: a missing key, a wrong model, anything may be what stops it.
    except Exception as error:
        raise ConfigurationError(f"{path} could not be made: {error}.") from error
