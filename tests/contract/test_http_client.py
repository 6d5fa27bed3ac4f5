"""What `Sloth(base_url=...)` does where the network or the server fails, and what it refuses."""

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any
from uuid import uuid4

import anyio
import httpx
import pytest

from fakes.remote import Losing, Saying, over_http
from sloth_agent import AsyncSloth, Settings, Sloth, errors
from sloth_agent.agent.models import Answer, ConversationSource
from sloth_agent.app.remote import RemoteTenant
from sloth_agent.app.tenant import AsyncTenant
from sloth_agent.billing.allowance import Resource
from sloth_agent.client.address import Address
from sloth_agent.client.events import Event, events_of
from sloth_agent.client.problems import KINDS, error_of
from sloth_agent.client.server import Patience, Server, connected
from sloth_agent.errors import (
    BackendUnavailable,
    ConfigurationError,
    DatabaseUnavailable,
    MessageLimitExceeded,
    NotOffered,
    RateLimited,
    SlothError,
    TokenInvalid,
)
from sloth_agent.tenants.audit import Actor

pytestmark = pytest.mark.anyio

PRICES = b"service,price\nHaircut,40 euro\n"
QUESTION = "How much is a haircut?"
PROBLEM = {"code": "database_unavailable", "detail": "PostgreSQL does not answer.", "status": 503}
SOMEBODY = Actor(name="anna@example.com")


@pytest.fixture
async def firm(sloth: AsyncSloth, slug: str) -> str:
    await sloth.create_tenant(slug, plan="professional")
    return slug


@asynccontextmanager
async def losing(
    sloth: AsyncSloth, settings: Settings, firm: str
) -> AsyncIterator[tuple[RemoteTenant, Losing]]:
    networks: list[Losing] = []

    def carrier(transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        networks.append(Losing(transport))
        return networks[0]

    async with over_http(sloth, settings, firm, carrier=carrier) as tenant:
        yield tenant, networks[0]


@asynccontextmanager
async def saying(said: Saying, *, patience: Patience | None = None) -> AsyncIterator[Server]:
    address = Address(base_url="https://assistant.example.com", api_key="sloth_key")
    patience = patience or Patience(pause_seconds=0.01)
    async with connected(address, patience=patience, transport=said) as server:
        yield server


async def test_a_change_whose_answer_is_lost_is_made_once(
    sloth: AsyncSloth, settings: Settings, firm: str
) -> None:
    """Without the key each of these is done twice, and the deletion fails."""
    async with losing(sloth, settings, firm) as (tenant, network):
        network.lost = 1
        kept = await tenant.keep_document("prices.csv", PRICES)
        assert [document.id for document in await tenant.documents()] == [kept.id]
        network.lost = 2
        answer = await tenant.chat(QUESTION)
        assert [one.id for one in await tenant.conversations()] == [answer.conversation_id]
        network.lost = 1
        assert (await tenant.set_prompt(role="You are a pirate.")).version == 1
        network.lost = 1
        assert (await tenant.rollback_prompt(0)).version == 2
        network.lost = 1
        await tenant.delete_document(kept.id)
        assert await tenant.documents() == []
        meters = {meter.room.resource: meter.used for meter in (await tenant.usage()).meters}
        assert (meters[Resource.MESSAGES], meters[Resource.DOCUMENTS]) == (1, 0)
        assert len(await tenant.prompt_history()) == 2
        assert network.changes.count("POST /api/agent/chat/") == 3


async def test_a_stream_whose_beginning_is_lost_is_asked_for_once(
    sloth: AsyncSloth, settings: Settings, firm: str
) -> None:
    async with losing(sloth, settings, firm) as (tenant, network):
        network.lost = 1
        parts = [part async for part in tenant.chat_stream(QUESTION)]
        assert isinstance(parts[-1], Answer)
        [conversation] = await tenant.conversations()
        assert conversation.id == parts[-1].conversation_id
        messages = next(m for m in (await tenant.usage()).meters if m.room.limit == 10_000)
        assert messages.used == 1


async def test_what_is_still_being_answered_is_waited_for() -> None:
    busy = {"code": "in_progress", "detail": "The same request is being answered."}
    said = Saying(409, {"Retry-After": "0"}, busy, until=7, then={"answer": 42})
    async with saying(said) as server:
        assert await server.post("/api/agent/chat/", {}) == {"answer": 42}
    assert said.asked == 8


async def test_a_server_that_is_down_is_tried_three_times() -> None:
    said = Saying(503, {"Retry-After": "0"}, PROBLEM)
    async with saying(said) as server:
        with pytest.raises(DatabaseUnavailable, match="PostgreSQL does not answer"):
            await server.get("/api/documents/")
        assert said.asked == 3
        with pytest.raises(DatabaseUnavailable):
            await anext(server.stream("/api/agent/chat/", {}))
    assert said.asked == 6


async def test_a_proxy_whose_server_is_away_is_tried_three_times() -> None:
    said = Saying(502)
    async with saying(said) as server:
        with pytest.raises(BackendUnavailable, match="502 Bad Gateway"):
            await server.get("/api/documents/")
    assert said.asked == 3


async def test_who_asks_too_often_waits_as_long_as_told() -> None:
    problem = {"code": "rate_limited", "detail": "Too many requests.", "retry_after_seconds": 1}
    said = Saying(429, {"Retry-After": "1"}, problem, until=1, then={"items": []})
    async with saying(said) as server:
        with anyio.move_on_after(0.9):
            await server.get("/api/documents/")
            raise AssertionError("it did not wait")
        said.asked = 0
        assert await server.get("/api/documents/") == {"items": []}
    assert said.asked == 2


async def test_a_date_to_wait_for_is_understood() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    said = Saying(503, {"Retry-After": later}, PROBLEM, until=1)
    async with saying(said) as server:
        with anyio.move_on_after(0.5):
            await server.get("/api/documents/")
            raise AssertionError("it did not wait")


async def test_nobody_waits_beyond_the_deadline() -> None:
    problem = {"code": "rate_limited", "detail": "Too many requests.", "retry_after_seconds": 9}
    said = Saying(429, {"Retry-After": "9"}, problem)
    async with saying(said, patience=Patience(call_seconds=5)) as server:
        with anyio.fail_after(2), pytest.raises(RateLimited) as refused:
            await server.get("/api/documents/")
    assert (said.asked, refused.value.details["retry_after_seconds"]) == (1, 9)


async def test_a_limit_of_the_plan_is_not_tried_again() -> None:
    said = Saying(429, {}, {"code": "message_limit_exceeded", "detail": "All are used."})
    async with saying(said) as server:
        with pytest.raises(MessageLimitExceeded):
            await server.post("/api/agent/chat/", {})
    assert said.asked == 1


async def test_a_server_that_is_not_there_is_named(unused_port: int) -> None:
    address = Address(base_url=f"http://127.0.0.1:{unused_port}", api_key="sloth_key")
    async with connected(address, patience=Patience(pause_seconds=0.01)) as server:
        with pytest.raises(BackendUnavailable, match=r"127\.0\.0\.1 does not answer"):
            await server.get("/api/auth/key/")


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


async def test_a_page_is_no_answer() -> None:
    def page(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="<html>Sign in to the Wi-Fi</html>", request=request)

    address = Address(base_url="https://assistant.example.com", api_key="sloth_key")
    async with connected(address, transport=httpx.MockTransport(page)) as server:
        with pytest.raises(SlothError, match="200 OK"):
            await server.get("/api/auth/key/")


async def test_what_is_no_sloth_server_is_said_to_be_none() -> None:
    async with saying(Saying(404, {}, {"error": "nothing here"})) as server:
        with pytest.raises(SlothError, match="404 Not Found") as refused:
            await server.get("/api/auth/key/")
    assert refused.value.hint == "Is that the address of a sloth-agent server?"


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.code)
def test_every_code_is_its_exception_again(kind: type[SlothError]) -> None:
    error = error_of(
        {
            "code": kind.code,
            "detail": "It is full.",
            "hint": "Empty it.",
            "used": 3,
            "resets_at": "2026-01-31T00:00:00+00:00",
        }
    )
    assert type(error) is kind
    assert (error.message, error.hint) == ("It is full.", "Empty it.")
    assert error.details == {"used": 3, "resets_at": datetime(2026, 1, 31, tzinfo=UTC)}


def test_no_code_of_ours_is_without_an_exception() -> None:
    ours = [kind for kind in vars(errors).values() if inspect.isclass(kind)]
    codes = {kind.code for kind in ours if issubclass(kind, SlothError)}
    assert set(KINDS) == codes
    assert KINDS["token_invalid"] is TokenInvalid  # and not what else bears its code


def test_wrong_fields_are_told() -> None:
    fields = [{"field": "message", "message": "must be set"}, {"field": "limit", "message": "low"}]
    error = error_of({"code": "invalid_input", "detail": "See `errors`.", "errors": fields})
    assert error.hint == "message: must be set; limit: low"
    assert error.details == {"field": "message"}


def test_an_unknown_code_is_still_an_error() -> None:
    assert type(error_of({"code": "of_next_year", "detail": "No."})) is SlothError


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_events_are_read_however_they_are_cut(size: int) -> None:
    token = 'event: token\ndata: {"text": "a\u2028b\x85 €"}\n\n'
    sent = f"{token}: ping\n\nevent: done\ndata: {{}}\n\nevent: x".encode()

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(sent), size):
            yield sent[start : start + size]

    events = [event async for event in events_of(parts())]
    assert events == [Event("token", {"text": "a\u2028b\x85 €"}), Event("done", {})]


async def test_an_answer_that_breaks_off_is_no_answer() -> None:
    class Cut(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            async def body() -> AsyncIterator[bytes]:
                yield b'event: token\ndata: {"text": "40"}\n\n'
                raise httpx.ReadError("the connection was cut", request=request)

            return httpx.Response(200, content=body(), request=request)

    address = Address(base_url="https://assistant.example.com", api_key="sloth_key")
    async with connected(address, transport=Cut()) as server:
        stream = server.stream("/api/agent/chat/", {})
        assert (await anext(stream)).name == "token"
        with pytest.raises(BackendUnavailable, match="broke off"):
            await anext(stream)


REFUSED: dict[str, Callable[[AsyncTenant], Any]] = {
    "passages": lambda tenant: tenant.passages([]),
    "reading_of": lambda tenant: tenant.reading_of(uuid4()),  # type: ignore[arg-type]
    "evaluate": lambda tenant: tenant.evaluate([]),
    "advice": lambda tenant: tenant.advice(),
    "rebuild": lambda tenant: tenant.rebuild(),
    "ask_for_rebuild": lambda tenant: tenant.ask_for_rebuild(),
    "index": lambda tenant: tenant.index(),
    "add_photo": lambda tenant: tenant.add_photo("a.png", b""),
    "add_photo_file": lambda tenant: tenant.add_photo_file("a.png"),
    "photos": lambda tenant: tenant.photos(),
    "photo": lambda tenant: tenant.photo(uuid4()),  # type: ignore[arg-type]
    "delete_photo": lambda tenant: tenant.delete_photo(uuid4()),  # type: ignore[arg-type]
    "chat_file": lambda tenant: tenant.chat_file(uuid4()),  # type: ignore[arg-type]
    "chat_file_content": lambda tenant: tenant.chat_file_content(uuid4()),  # type: ignore[arg-type]
    "delete_chat_file": lambda tenant: tenant.delete_chat_file(uuid4()),  # type: ignore[arg-type]
    "check_integration": lambda tenant: tenant.check_integration(uuid4()),  # type: ignore[arg-type]
    "channel_events": lambda tenant: tenant.channel_events(),
    "replay": lambda tenant: tenant.replay(uuid4()),  # type: ignore[arg-type]
    "profile": lambda tenant: tenant.profile(),
    "change_profile": lambda tenant: tenant.change_profile(business_name="Anna"),
    "change_hours": lambda tenant: tenant.change_hours(away_text="Later."),
    "limit_notices": lambda tenant: tenant.limit_notices(),
    "export_customer": lambda tenant: tenant.export_customer("telegram:1"),
    "delete_customer": lambda tenant: tenant.delete_customer("telegram:1"),
}


async def test_what_the_api_does_not_have_says_so(
    sloth: AsyncSloth, settings: Settings, firm: str
) -> None:
    """All that is not written anew for HTTP, and parameters that only the library understands."""
    methods = {name for name, _ in inspect.getmembers(AsyncTenant, inspect.isfunction)}
    public = {name for name in methods if not name.startswith("_")}
    assert set(REFUSED) == public - set(vars(RemoteTenant))
    async with over_http(sloth, settings, firm) as tenant:
        for call in REFUSED.values():
            with pytest.raises(NotOffered):
                await call(tenant)
        with pytest.raises(NotOffered):
            await tenant.chat(QUESTION, source=ConversationSource.TELEGRAM)
        with pytest.raises(NotOffered):
            await tenant.chat(QUESTION, external_id="49123")
        with pytest.raises(NotOffered):
            await tenant.chat_files()
        with pytest.raises(NotOffered):
            await tenant.set_prompt(role="You are a pirate.", by=SOMEBODY)
        assert "RemoteTenant" in repr(tenant)


async def test_a_server_has_no_operator(unused_port: int) -> None:
    address = f"http://127.0.0.1:{unused_port}"
    async with AsyncSloth(base_url=address, api_key="sloth_key") as sloth:
        operations: list[Callable[[], Any]] = [
            sloth.tenants,
            partial(sloth.create_tenant, "anna"),
            partial(sloth.delete_tenant, "anna"),
        ]
        for operation in operations:
            with pytest.raises(NotOffered):
                await operation()
        for name in ("settings", "codes", "accounts", "jobs", "services", "tasks"):
            with pytest.raises(NotOffered):
                getattr(sloth, name)
    with pytest.raises(RuntimeError, match="closed"):
        await sloth.tenant()


@pytest.mark.parametrize(
    ("base_url", "api_key"),
    [
        ("https://assistant.example.com", None),
        (None, "sloth_key"),
        ("https://assistant.example.com", ""),
        ("", "sloth_key"),
        ("assistant.example.com", "sloth_key"),
        ("ftp://assistant.example.com", "sloth_key"),
        ("https://assistant.example.com:port", "sloth_key"),
        ("https://assistant.example.com", "sloth_key\r\nX-Evil: 1"),
        ("https://assistant.example.com", "ключ"),
    ],
)
def test_an_address_is_one_or_is_refused(base_url: str | None, api_key: str | None) -> None:
    for kind in (AsyncSloth, Sloth):
        with pytest.raises(ConfigurationError):
            kind(base_url=base_url, api_key=api_key)


def test_settings_are_those_of_an_install_here(settings: Settings) -> None:
    with pytest.raises(ConfigurationError):
        AsyncSloth(settings, base_url="https://assistant.example.com", api_key="sloth_key")


def test_a_key_is_never_shown() -> None:
    assert "sloth_key" not in repr(Address(base_url="https://a.example", api_key="sloth_key"))
