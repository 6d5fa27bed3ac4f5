"""`Sloth(base_url=...)` against `sloth serve`, over a real network."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.api import serving
from fakes.remote import key_of
from sloth_agent import AsyncSloth, Settings, Sloth
from sloth_agent.agent.models import Answer
from sloth_agent.errors import FileTooLarge, Forbidden, TokenInvalid
from sloth_agent.knowledge.intake import Outcome

EXAMPLE = Path(__file__).parents[2] / "examples" / "over_http.py"
PRICES = "service,price\nHaircut,40 euro\nManicure,25 euro\n"
QUESTION = "How much is a haircut?"


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    variables = {"SLOTH_HOME": str(settings.home), "SLOTH_EMBEDDER": "none"}
    with serving({**variables, "SLOTH_MAX_UPLOAD_MB": "1"}) as served:
        yield served


@pytest.fixture
def key(settings: Settings, slug: str) -> str:
    with Sloth(settings) as sloth:
        sloth.create_tenant(slug, plan="professional")
        return sloth.run(lambda there: key_of(there, slug))


def test_a_program_without_an_event_loop(address: str, key: str, slug: str, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(PRICES)
    (tmp_path / "too large.txt").write_text("Many words. " * 500_000)
    with Sloth(base_url=address, api_key=key) as sloth:
        assistant = sloth.tenant()
        assert assistant.organization.slug == slug
        report = assistant.ingest(tmp_path)
        assert [file.status for file in report.files] == [Outcome.COMPLETED, Outcome.FAILED]
        too_large = report.files[1].problem
        assert too_large
        assert too_large.code == FileTooLarge.code
        *_, answer = assistant.chat_stream(QUESTION)
        assert isinstance(answer, Answer)
        assert "40 euro" in answer.text
        again = assistant.chat(QUESTION, conversation=answer.conversation_id)
        assert again.text == answer.text
        assert len(assistant.messages(answer.conversation_id)) == 4
        assert sloth.tenant(slug).organization == assistant.organization
        with pytest.raises(Forbidden, match=slug):
            sloth.tenant("somebody-else")


def test_the_example(address: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(PRICES)
    said = subprocess.run(
        [sys.executable, EXAMPLE, address, tmp_path, QUESTION],
        env={**os.environ, "ASSISTANT_KEY": key},
        check=True,
        capture_output=True,
        encoding="utf-8",
    ).stdout
    assert "prices.csv completed" in said
    assert "40 euro" in said
    assert "— prices.csv" in said


@pytest.mark.anyio
async def test_a_program_with_an_event_loop(address: str, key: str) -> None:
    async with AsyncSloth(base_url=address, api_key=key) as sloth:
        assistant = await sloth.tenant()
        await assistant.ingest_content("prices.csv", PRICES.encode())
        parts = [part async for part in assistant.chat_stream(QUESTION)]
        assert len(parts) > 1
        async for _ in assistant.chat_stream(QUESTION):
            break  # and the connection is given back
        assert (await assistant.chat(QUESTION)).grounded
    async with AsyncSloth(base_url=address, api_key="sloth_forged") as sloth:
        with pytest.raises(TokenInvalid):
            await sloth.tenant()
