"""A client that was generated from the description, at work."""

import importlib
import json
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from fakes.api import PASSWORD, serving
from sloth_agent import Settings

GENERATOR = Path(sys.executable).with_name("openapi-python-client")

PRICES = b"service,price\nHaircut,40 euro\nManicure,25 euro\n"


@pytest.mark.slow
@pytest.mark.skipif(
    not GENERATOR.exists(),
    reason="needs openapi-python-client, which nox installs (it asks for an older Typer than ours)",
)
def test_it_signs_in_uploads_asks_and_lists(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving({"SLOTH_HOME": str(settings.home), "SLOTH_EMBEDDER": "none"}) as address:
        _generate(address, tmp_path)
        monkeypatch.syspath_prepend(tmp_path)
        with _part("client").Client(base_url=address) as stranger:
            access = _signed_up(stranger)
            refused = _call("auth", "me", stranger)
        assert (type(refused).__name__, refused.code) == ("Problem", "not_signed_in")
        with _part("client").AuthenticatedClient(base_url=address, token=access) as client:
            _teach_and_ask(client)


def _signed_up(stranger: Any) -> str:
    """An access token of somebody new."""
    models = _part("models")
    email = f"{uuid4().hex}@example.com"
    register = models.Register(email=email, password=PASSWORD, organization="Salon Lavanda")
    assert _call("auth", "register", stranger, body=register).user.email == email
    login = models.Login(email=email, password=PASSWORD)
    access: str = _call("auth", "login", stranger, body=login).access
    return access


def _teach_and_ask(client: Any) -> None:
    models = _part("models")
    file = _part("types").File(payload=BytesIO(PRICES), file_name="prices.csv")
    form = models.DocumentsUploadBody(file=file)
    kept = _call("documents", "upload", client, body=form, idempotency_key=uuid4().hex)
    _until_read(client, kept.id)
    assert [each.title for each in _call("documents", "list", client).items] == ["prices.csv"]

    answer = _call("agent", "chat", client, body=models.Chat(message="How much is a haircut?"))
    assert answer.grounded
    assert "40" in answer.answer
    assert answer.citations[0].document == "prices.csv"
    told = _call("agent", "conversation", client, id=answer.conversation_id)
    assert [each.role for each in told.items] == ["user", "assistant"]


def _generate(address: str, folder: Path) -> None:
    schema = folder / "schema.json"
    document = httpx.get(f"{address}/api/schema/").raise_for_status().json()
    schema.write_text(json.dumps(document))
    config = folder / "config.json"
    config.write_text(json.dumps({"post_hooks": []}))  # nobody reads it: it need not be pretty
    command = [str(GENERATOR), "generate", "--path", str(schema), "--meta", "none"]
    command += ["--config", str(config)]
    command += ["--output-path", str(folder / "sloth_client"), "--fail-on-warning"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _call(tag: str, name: str, client: Any, **arguments: Any) -> Any:
    operation = importlib.import_module(f"sloth_client.api.{tag}.{tag}_{name}")
    return operation.sync_detailed(client=client, **arguments).parsed


def _part(name: str) -> Any:
    return importlib.import_module(f"sloth_client.{name}")


def _until_read(client: Any, id: str) -> None:
    deadline = time.monotonic() + 30
    while _call("documents", "status", client, id=id).status != "completed":
        assert time.monotonic() < deadline
        time.sleep(0.1)
