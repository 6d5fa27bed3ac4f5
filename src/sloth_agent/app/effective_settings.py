"""What each setting is on this machine, and where it came from."""

import os
from dataclasses import dataclass
from typing import Any

from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_settings import DotEnvSettingsSource, TomlConfigSettingsSource

from sloth_agent.settings import Settings, toml_paths


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveSetting:
    name: str  # of the environment variable
    value: str | None  # secrets are masked; None: not set
    source: str  # "environment", ".env", a path of a `sloth.toml`, "default"


def effective_settings() -> list[EffectiveSetting]:
    """Every setting, in the order in which `Settings` declares them.

    Raises:
        ConfigurationError: the settings cannot be used.
    """
    settings = Settings.load()
    sources = _sources()
    return [
        EffectiveSetting(
            name=_variables(name, field)[-1],
            value=_shown(getattr(settings, name)),
            source=next(
                (
                    source
                    for source, names in sources.items()
                    if any(known in names for known in (name, *_variables(name, field)))
                ),
                "default",
            ),
        )
        for name, field in Settings.model_fields.items()
    ]


def _sources() -> dict[str, set[str]]:
    """The names that each source sets, the strongest source first."""
    nested = [name for name in os.environ if name.startswith("SLOTH_PLUGINS__")]
    environment = {name for name, value in os.environ.items() if value}
    files = {str(path): set(TomlConfigSettingsSource(Settings, path)()) for path in toml_paths()}
    return {
        "environment": environment | ({"SLOTH_PLUGINS"} if nested else set()),
        ".env": set(DotEnvSettingsSource(Settings)()),
        **files,
    }


def _variables(name: str, field: FieldInfo) -> list[str]:
    """The environment variables of a setting; the last is the one that people know."""
    if isinstance(field.validation_alias, AliasChoices):
        return [str(choice) for choice in field.validation_alias.choices if str(choice).isupper()]
    return [f"SLOTH_{name.upper()}"]


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dict):
        return ", ".join(_entry(name, entry) for name, entry in value.items()) or None
    if isinstance(value, tuple):
        return ", ".join(value) or None
    return str(value)


def _entry(name: str, entry: Any) -> str:
    """A plugin's options may be keys: only their names are shown."""
    return f"{name} ({', '.join(entry)})" if isinstance(entry, dict) else f"{name}={entry}"
