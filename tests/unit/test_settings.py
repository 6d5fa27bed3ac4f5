"""Where settings come from, and which source has the last word."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from sloth_agent.app.effective_settings import effective_settings
from sloth_agent.errors import ConfigurationError
from sloth_agent.settings import Settings

NAMES = ("DATABASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL")


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, no user's own files, no variables from outside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for field in Settings.model_fields:
        monkeypatch.delenv(f"SLOTH_{field.upper()}", raising=False)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def source_of(name: str) -> tuple[str | None, str]:
    [found] = [setting for setting in effective_settings() if setting.name == name]
    return found.value, found.source


def test_nothing_has_to_be_set() -> None:
    settings = Settings.load()
    assert settings.database_url is None
    assert settings.openai_api_key is None
    assert (settings.tenant, settings.embedder, settings.chat) == ("default", "auto", "auto")
    assert settings.max_upload_bytes == 20 * 1024 * 1024
    assert source_of("SLOTH_TENANT") == ("default", "default")


def test_the_nearest_source_has_the_last_word(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = alone / "config" / "sloth-agent" / "sloth.toml"
    user.parent.mkdir(parents=True)
    user.write_text('tenant = "user"\nmax_upload_mb = 7\n')
    assert source_of("SLOTH_TENANT") == ("user", str(user))
    (alone / "sloth.toml").write_text('tenant = "folder"\n')
    assert source_of("SLOTH_TENANT") == ("folder", "sloth.toml")
    assert Settings.load().max_upload_mb == 7
    (alone / ".env").write_text("SLOTH_TENANT=dotenv\n")
    assert source_of("SLOTH_TENANT") == ("dotenv", ".env")
    monkeypatch.setenv("SLOTH_TENANT", "variable")
    assert source_of("SLOTH_TENANT") == ("variable", "environment")
    assert Settings.load().tenant == "variable"
    assert Settings(tenant="given").tenant == "given"


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert Settings.load().database_url is None
    assert Settings.load().openai_api_key is None


def test_secrets_show_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    monkeypatch.setenv("DATABASE_URL", "postgresql://anna:canary@localhost/x")
    settings = Settings.load()
    assert settings.openai_api_key
    assert settings.openai_api_key.get_secret_value() == "sk-canary"
    assert "canary" not in repr(settings) + str(settings)
    assert "canary" not in str(effective_settings())


def test_what_a_server_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "SENTRY_DSN", "SLOTH_METRICS_TOKEN"):
        monkeypatch.setenv(name, "c4n4ry")
    monkeypatch.setenv("ALLOWED_HOSTS", "api.example.com, .example.org")
    monkeypatch.setenv("CORS_ORIGINS", "https://console.example.com")
    monkeypatch.setenv("TRUSTED_PROXIES", "")
    monkeypatch.setenv("PUBLIC_URL", "https://api.example.com")
    assert "c4n4ry" not in str(effective_settings())
    assert source_of("SECRET_KEY") == ("**********", "environment")
    assert source_of("ALLOWED_HOSTS") == ("api.example.com, .example.org", "environment")
    assert source_of("CORS_ORIGINS") == ("https://console.example.com", "environment")
    assert source_of("TRUSTED_PROXIES") == (None, "default")
    assert source_of("PUBLIC_URL") == ("https://api.example.com", "environment")
    assert source_of("SLOTH_REQUESTS_PER_MINUTE") == ("600", "default")


def test_all_that_is_wrong_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOTH_MAX_UPLOAD_MB", "many")
    monkeypatch.setenv("SLOTH_CHAT_TIMEOUT_SECONDS", "-1")
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    assert "SLOTH_MAX_UPLOAD_MB" in caught.value.message
    assert "SLOTH_CHAT_TIMEOUT_SECONDS" in caught.value.message


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("SLOTH_MAX_UPLOAD_MB", "0", "SLOTH_MAX_UPLOAD_MB must be 1 or more."),
        ("SLOTH_MAX_UPLOAD_MB", "many", "SLOTH_MAX_UPLOAD_MB must be a whole number."),
        ("SLOTH_MAX_UPLOAD_MB", "1.5", "SLOTH_MAX_UPLOAD_MB must be a whole number."),
        ("SLOTH_EMBEDDING_DIMENSIONS", "5000", "SLOTH_EMBEDDING_DIMENSIONS must be 4000 or less."),
        ("SLOTH_CHAT_TIMEOUT_SECONDS", "0", "SLOTH_CHAT_TIMEOUT_SECONDS must be more than 0."),
        ("SLOTH_CHAT_TIMEOUT_SECONDS", "x", "SLOTH_CHAT_TIMEOUT_SECONDS must be a number."),
        ("SLOTH_PLUGINS__A__B__C", "1", "SLOTH_PLUGINS__A__B must be text."),
        ("SLOTH_PLUGINS", "[]", "SLOTH_PLUGINS must be a table."),
        ("SLOTH_PLUGINS", "x", "SLOTH_PLUGINS is not JSON."),
    ],
)
def test_what_is_wrong_is_said_as_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, wanted: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    assert caught.value.message.partition(": ")[2] == wanted


def test_what_a_program_says_is_checked_alike() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings(max_upload_mb=0, chat_timeout_seconds=-1)
    assert caught.value.message.partition(": ")[2] == (
        "SLOTH_MAX_UPLOAD_MB must be 1 or more; SLOTH_CHAT_TIMEOUT_SECONDS must be more than 0."
    )


@pytest.mark.parametrize("text", ["tenant = ", "\xff", "tenant = 7"])
def test_a_file_that_cannot_be_read_is_named(alone: Path, text: str) -> None:
    (alone / "sloth.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"sloth\.toml|SLOTH_TENANT"):
        Settings.load()
    with pytest.raises(ConfigurationError):
        effective_settings()


@pytest.mark.parametrize("content", [b"SLOTH_TENANT=\xff\n", b"SLOTH_PLUGINS={\n"])
def test_an_env_file_that_cannot_be_read(alone: Path, content: bytes) -> None:
    (alone / ".env").write_bytes(content)
    with pytest.raises(ConfigurationError):
        Settings.load()


def test_a_plugin_has_settings_of_its_own(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Options(BaseModel):
        model: str = "small"
        size: int = 1

    (alone / "sloth.toml").write_text('[plugins.ngrams]\nmodel = "large"\n')
    monkeypatch.setenv("SLOTH_PLUGINS__NGRAMS__SIZE", "3")
    settings = Settings.load()
    assert settings.plugin("ngrams", Options) == Options(model="large", size=3)
    assert settings.plugin("other", Options) == Options()


def test_databases_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "SLOTH_DATABASES",
        "eu=postgresql://a:b=c,d@one,two/sloth?options=-c%20x=y, us-2=postgres://three/sloth",
    )
    databases = Settings.load().databases
    assert {name: url.get_secret_value() for name, url in databases.items()} == {
        "eu": "postgresql://a:b=c,d@one,two/sloth?options=-c%20x=y",
        "us-2": "postgres://three/sloth",
    }
    assert "a:b" not in repr(databases)


@pytest.mark.parametrize(
    "value",
    ["main=postgresql://x", "postgresql://x", "a b=postgresql://x", "=postgresql://x", "E=x"],
)
def test_names_that_no_database_can_have(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOTH_DATABASES", value)
    with pytest.raises(ConfigurationError, match="SLOTH_DATABASES"):
        Settings.load()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("eu", "eu needs one address"),
        ("eu=", "eu needs one address"),
        ("eu=mysql://x/y", "eu needs one address"),
        ("eu=mysql://x/y?a=b", "eu needs one address"),
        ("eu=postgresql://", "eu needs one address"),
        ("eu=postgresql://x/y,us=mysql://x/y", "eu needs one address"),
        ("eu=postgresql://x/y,us=", "eu needs one address"),
        ("eu=postgresql://x/y,eu=postgresql://x/z", "one name stands there twice"),
    ],
)
def test_databases_that_cannot_be_used(
    value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOTH_DATABASES", value)
    with pytest.raises(ConfigurationError, match=f"SLOTH_DATABASES .*{says}"):
        Settings.load()


def test_databases_of_a_file_are_checked_alike(alone: Path) -> None:
    file = alone / "sloth.toml"
    file.write_text('[databases]\neu = "host=eu.example dbname=sloth"\n')
    assert list(Settings.load().databases) == ["eu"]
    for wrong in ('eu = "mysql://x/y"', 'eu = ""', 'main = "postgresql://x/y"'):
        file.write_text(f"[databases]\n{wrong}\n")
        with pytest.raises(ConfigurationError, match="SLOTH_DATABASES"):
            Settings.load()


def test_databases_are_shown_without_their_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOTH_DATABASES", "eu=postgresql://a:canary@x/y,us=postgresql://x/z")
    assert source_of("SLOTH_DATABASES") == ("eu=**********, us=**********", "environment")
    monkeypatch.setenv("SLOTH_PLUGINS__NGRAMS__KEY", "canary")
    assert source_of("SLOTH_PLUGINS") == ("ngrams (key)", "environment")
    assert "canary" not in str(effective_settings())


def test_a_plugin_names_the_variable_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    class Options(BaseModel):
        url: str
        size: int = 1

    monkeypatch.setenv("SLOTH_PLUGINS__NGRAMS__SIZE", "big")
    with pytest.raises(ConfigurationError) as caught:
        Settings.load().plugin("ngrams", Options)
    assert "SLOTH_PLUGINS__NGRAMS__URL must be set" in caught.value.message
    assert "SLOTH_PLUGINS__NGRAMS__SIZE must be a whole number" in caught.value.message
