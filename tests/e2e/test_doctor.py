"""`sloth doctor` checks everything, whatever fails."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from fakes.command import Sloth
from fakes.server import SECRET
from sloth_agent import Settings
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.app.chosen_backends import Backends
from sloth_agent.app.diagnosis import Finding, Health, examine

pytestmark = pytest.mark.anyio

CHECKS = [
    "machine", "disk", "database", "secret key", "server", "error reports", "prices",
    "payments", "file store", "reading files", "background work", "vectors", "reranker", "answers",
]  # fmt: skip


async def findings(settings: Settings) -> dict[str, Finding]:
    return {finding.name: finding for finding in await examine(settings)}


def failed(found: dict[str, Finding]) -> set[str]:
    return {name for name, finding in found.items() if finding.health is Health.FAILED}


async def test_all_is_well(settings: Settings) -> None:
    found = await findings(settings)
    assert list(found) == CHECKS
    assert failed(found) == set()


async def test_all_that_fails_is_named_with_what_to_do(tmp_path: Path) -> None:
    """The database first of all, and none of the others is left out for that."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "files").write_text("in the way")
    found = await findings(
        Settings(
            home=home,
            database_url=SecretStr("postgresql://nobody@127.0.0.1:1/sloth"),
            embedder="openai",
            openai_api_key=None,
            reranker="nonsense",
            chat="nonsense",
            prices=tmp_path / "nothing.toml",
        )
    )
    assert list(found) == CHECKS
    assert failed(found) == {"database", "prices", "file store", "vectors", "reranker", "answers"}
    assert all(found[name].message and found[name].hint for name in failed(found))


async def test_what_a_server_needs(settings: Settings, server: Attachment) -> None:
    own = await findings(settings)
    assert own["secret key"].message.startswith("one of this machine's own")
    assert own["server"].message == (
        "answers to any name; lets in pages of no other origin; believes no proxy"
    )
    cluster = settings.model_copy(
        update={
            "database_url": SecretStr(server.conninfo),
            "public_url": "https://api.example.com",
            "trusted_proxies": ("10.0.0.0/8",),
        }
    )
    found = await findings(cluster)
    assert {name for name in found if found[name].health is Health.WARNING} == {
        "secret key",
        "server",
        "vectors",
    }
    assert "SECRET_KEY" in (found["secret key"].hint or "")
    assert "ALLOWED_HOSTS" in (found["server"].hint or "")
    ready = cluster.model_copy(
        update={
            "secret_key": SecretStr(f"{SECRET},{SECRET[::-1]}"),
            "allowed_hosts": ("api.example.com",),
            "sentry_dsn": SecretStr("http://key@127.0.0.1:1/1"),
        }
    )
    found = await findings(ready)
    assert found["secret key"].message == "2 in SECRET_KEY; the first is used, all are known"
    assert found["server"].health is found["error reports"].health is Health.OK
    bad = ready.model_copy(
        update={"secret_key": SecretStr("short"), "sentry_dsn": SecretStr("nonsense")}
    )
    assert failed(await findings(bad)) == {"secret key", "error reports"}


async def test_a_backend_that_breaks(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package may raise anything; that is a finding too."""

    class Broken:
        async def scores(self, *_: object) -> list[float]:
            raise ZeroDivisionError("by zero")

    monkeypatch.setattr(Backends, "reranker", Broken())
    found = await findings(settings)
    assert failed(found) == {"reranker"}
    assert "ZeroDivisionError: by zero" in found["reranker"].message


async def test_a_disk_that_cannot_be_looked_at(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file" / "home", tmp_path / ("long" * 100)):
        found = await findings(settings.model_copy(update={"home": home}))
        assert {"disk", "database", "file store"} <= failed(found)
        assert str(home) in found["disk"].message


def test_as_a_command(sloth_cli: Sloth) -> None:
    sloth = sloth_cli.using(DATABASE_URL="postgresql://nobody@127.0.0.1:1/x", SLOTH_CHAT="nonsense")
    shown = sloth("doctor", "--json")
    checks = {check["name"]: check for check in shown.json["checks"]}
    assert (shown.rc, list(checks)) == (1, CHECKS)
    assert {name for name in checks if checks[name]["status"] == "failed"} == {
        "database",
        "answers",
    }
    told = sloth("doctor")
    assert (told.rc, told.stderr) == (1, "")
    assert sum(line.startswith("✗") for line in told.stdout.splitlines()) == 2
