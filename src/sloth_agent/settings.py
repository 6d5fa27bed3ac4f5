"""All configuration, read once: environment, `.env`, `sloth.toml`, defaults."""

import re
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import platformdirs
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from sloth_agent.errors import ConfigurationError, InvalidInput
from sloth_agent.tenants.models import MAIN_DATABASE, checked_slug

Options = TypeVar("Options", bound=BaseModel)


DEFAULT_TENANT = "default"

_DATABASE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,48}[a-z0-9])?")
_BETWEEN_DATABASES = re.compile(r",(?=\s*[^,=/@]+=postgres)")
_DATABASE_ADDRESS = re.compile(r"postgres(?:ql)?://(?!.*://).*[^,=]|\s*[a-z_]+\s*=.+", re.DOTALL)
"""As a URL, or as libpq's words `host=... dbname=...`."""


def _vendor(name: str, default: object = None) -> Any:
    """The name that the world has given to a setting, and ours."""
    return Field(
        default=default, validation_alias=AliasChoices(f"SLOTH_{name}", name, name.lower())
    )


def _parts(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part for each in value.split(",") if (part := each.strip()))


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts)]


def _user_data() -> Path:
    return Path(platformdirs.user_data_dir("sloth-agent", appauthor=False))


class Settings(BaseSettings):
    """Each field is the environment variable `SLOTH_<FIELD>`, or the same in `sloth.toml`.

    Names that the world has already given (`DATABASE_URL`, `OPENAI_API_KEY`) are found as such.

    Raises:
        ConfigurationError: one for all that is wrong, naming the variables.
    """

    model_config = SettingsConfigDict(
        env_prefix="SLOTH_",
        env_nested_delimiter="__",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    home: Path = Field(default_factory=_user_data)
    tenant: str = DEFAULT_TENANT
    database_url: SecretStr | None = _vendor("DATABASE_URL")  # None: the embedded server
    databases: Annotated[dict[str, SecretStr], NoDecode] = Field(default_factory=dict)
    max_upload_mb: int = Field(default=20, ge=1)

    embedder: str = "auto"
    embedding_model: str | None = None  # None: the embedder's own choice
    embedding_dimensions: int | None = Field(default=None, ge=1, le=4000)  # None: the model's own
    reranker: str = "none"
    reranker_model: str | None = None

    chat: str = "auto"
    chat_model: str | None = None
    chat_prompt_tokens: int = Field(default=6000, ge=500)  # most that is sent with a question
    chat_timeout_seconds: float = Field(default=60, gt=0)  # until the answer begins

    jobs: str = "auto"  # who brings work to workers: Celery where there is a Redis
    redis_url: SecretStr | None = _vendor("REDIS_URL")
    job_lease_seconds: float = Field(default=30, ge=1)  # how long a silent worker keeps a job

    prices: Path | None = None  # None: those that are shipped

    openai_api_key: SecretStr | None = _vendor("OPENAI_API_KEY")
    openai_base_url: str | None = _vendor("OPENAI_BASE_URL")

    payments: str = "auto"  # who takes money: Stripe where there is a key, else nobody
    grace_days: int = Field(default=7, ge=0)  # how long a firm is served that has not paid
    stripe_secret_key: SecretStr | None = _vendor("STRIPE_SECRET_KEY")
    stripe_webhook_secret: SecretStr | None = _vendor("STRIPE_WEBHOOK_SECRET")  # several: commas
    stripe_api_base: str | None = _vendor("STRIPE_API_BASE")  # None: Stripe's own

    telegram_bot_token: SecretStr | None = _vendor("TELEGRAM_BOT_TOKEN")
    telegram_api_base: str | None = _vendor("TELEGRAM_API_BASE")  # None: Telegram's own
    twilio_api_base: str | None = _vendor("TWILIO_API_BASE")  # None: Twilio's own
    trusted_file_hosts: CommaSeparated = ()  # such as http://127.0.0.1:9000; others: public, TLS

    # What signs and seals; several, comma separated, newest first. None: one of this machine's own.
    secret_key: SecretStr | None = _vendor("SECRET_KEY")
    public_url: str | None = _vendor("PUBLIC_URL")  # as the outside reaches the server
    allowed_hosts: CommaSeparated = _vendor("ALLOWED_HOSTS", ())  # none: any
    cors_origins: CommaSeparated = _vendor("CORS_ORIGINS", ())
    trusted_proxies: CommaSeparated = _vendor("TRUSTED_PROXIES", ())  # addresses and networks
    sentry_dsn: SecretStr | None = _vendor("SENTRY_DSN")  # None: errors are only logged
    metrics_token: SecretStr | None = None  # None: only this machine may read them
    serve_jobs: bool = True  # whether the server also does background jobs
    signup_plan: str | None = None  # what new firms begin on; None: the smallest with a trial
    request_seconds: float = Field(default=60, gt=0)  # 20 MB are through with 3 Mbit/s
    requests_per_minute: int = Field(default=600, ge=1)  # of a user or an API key
    tenant_requests_per_minute: int = Field(default=3_000, ge=1)
    address_requests_per_minute: int = Field(default=300, ge=1)  # of who has not signed in
    chat_turns_per_minute: int = Field(default=20, ge=1)  # answered or passed on in one chat
    chat_turns_per_day: int = Field(default=300, ge=1)

    # The web console: where links in mails lead.
    frontend_url: str = _vendor("FRONTEND_URL", "http://localhost:8000")
    email_host: str | None = _vendor("EMAIL_HOST")  # None: no mail is sent
    email_port: int = _vendor("EMAIL_PORT", 587)
    email_host_user: str | None = _vendor("EMAIL_HOST_USER")
    email_host_password: SecretStr | None = _vendor("EMAIL_HOST_PASSWORD")
    email_from: str | None = _vendor("EMAIL_FROM")  # None: EMAIL_HOST_USER

    plugins: dict[str, dict[str, str]] = Field(default_factory=dict)

    @field_validator("tenant")
    @classmethod
    def _slug(cls, value: str) -> str:
        try:
            return checked_slug(value)
        except InvalidInput as error:  # pydantic knows no other errors than its own and these
            raise ValueError(error.message.rstrip(".")) from error

    @field_validator("databases", mode="before")
    @classmethod
    def _named_databases(cls, value: object) -> object:
        """`name=address,...`; a comma within an address, between two hosts, is left alone."""
        if not isinstance(value, str):
            return value
        parts = [part.strip().partition("=")[::2] for part in _BETWEEN_DATABASES.split(value)]
        named = dict(parts)
        if len(named) < len(parts):
            raise ValueError("one name stands there twice")
        return named

    @field_validator("databases")
    @classmethod
    def _usable_databases(cls, named: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, address in named.items():
            if not _DATABASE_NAME.fullmatch(name) or name == MAIN_DATABASE:
                # Without the name: it may be a whole address, password and all.
                raise ValueError("write name=postgresql://...,name=...; `main` is taken")
            if not _DATABASE_ADDRESS.fullmatch(address.get_secret_value()):
                raise ValueError(f"{name} needs one address, as in {name}=postgresql://...")
        return named

    @model_validator(mode="wrap")
    @classmethod
    def _in_words(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Whoever makes settings learns what is wrong with all of them, and nothing of pydantic."""
        try:
            return handler(values)
        except ValidationError as error:
            raise _unusable(error) from error

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * 1024 * 1024

    @classmethod
    def load(cls) -> Self:
        """Read all sources.

        Raises:
            ConfigurationError: one for all that is wrong, naming the variables.
        """
        try:
            return cls()
        except SettingsError as error:  # of the one field that is read as JSON
            raise ConfigurationError(
                "The settings cannot be read: SLOTH_PLUGINS is not JSON.",
                hint="Set SLOTH_PLUGINS__<NAME>__<OPTION> instead, a variable for each option.",
            ) from error
        except (ValueError, OSError) as error:
            raise ConfigurationError(
                f"The settings cannot be read: {error}.", hint="Check .env."
            ) from error

    def plugin(self, name: str, model: type[Options]) -> Options:
        """Settings of one plugin, checked by the plugin's own model.

        Raises:
            ConfigurationError: one for all that is wrong, naming the variables.
        """
        try:
            return model.model_validate(self.plugins.get(name, {}))
        except ValidationError as error:
            raise _unusable(error, "plugins", name) from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - none are kept in files
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        files = [_file(settings_cls, path) for path in toml_paths() if path.is_file()]
        return (init_settings, env_settings, dotenv_settings, *files)


def _unusable(error: ValidationError, *above: str) -> ConfigurationError:
    problems = "; ".join(
        f"{_variable((*above, *problem['loc']))} {wanted(problem)}" for problem in error.errors()
    )
    return ConfigurationError(
        f"The settings cannot be used: {problems}.",
        hint="Correct them in the environment, .env, sloth.toml or Settings(...).",
    )


def _variable(location: tuple[int | str, ...]) -> str:
    name = "__".join(map(str, location)) or "settings"
    return name if name.isupper() else f"SLOTH_{name.upper()}"


def wanted(problem: ErrorDetails) -> str:
    """What is allowed where pydantic finds something wrong, such as `must be 1 or more`."""
    sentence = _SAID.get(problem["type"])
    if sentence is None:
        message = problem["msg"].removeprefix("Value error, ").removesuffix(".")
        return f"cannot be used: {message}"
    said = sentence.format(**problem.get("ctx", {}))
    return _ONE.sub(r"\1", said)


_ONE = re.compile(r"\b(1 \w+?)s\b")

_A_MOMENT = "must be a moment with its time zone, such as 2026-09-01T09:30:00Z"
_AN_ID = "must be an id as it is shown elsewhere"

OURS = "ours"
"""The kind of error that a rule of our own finds; `message` is its sentence."""

_SAID = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "datetime_from_date_parsing": _A_MOMENT,
    "datetime_object_invalid": _A_MOMENT,
    "datetime_parsing": _A_MOMENT,
    "dict_type": "must be a table",
    "enum": "must be {expected}",
    "extra_forbidden": "is not known here",
    "finite_number": "must be a number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_type": "must be a whole number",
    "json_invalid": "is not JSON",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be {le:g} or less",
    "list_type": "must be a list",
    "missing": "must be set",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    OURS: "{message}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_type": "must be text",
    "string_unicode": "must be text of whole characters",
    "timezone_aware": _A_MOMENT,
    "too_long": "must have at most {max_length} entries",
    "uuid_parsing": _AN_ID,
    "uuid_type": _AN_ID,
}
"""By pydantic's kinds of errors, as far as our settings, options and arguments make them."""


def _file(settings: type[BaseSettings], path: Path) -> TomlConfigSettingsSource:
    try:
        return TomlConfigSettingsSource(settings, path)
    except (ValueError, OSError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error}.", hint="Mend the file, or remove it."
        ) from error


def toml_paths() -> tuple[Path, ...]:
    """Where `sloth.toml` may stand; the first one has the last word."""
    user = Path(platformdirs.user_config_dir("sloth-agent", appauthor=False))
    return Path("sloth.toml"), user / "sloth.toml"
