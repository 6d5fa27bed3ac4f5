"""No request of one firm shows or changes anything of another, whatever ids it carries."""

import ipaddress
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import anyio
import httpx
import pytest

from fakes.api import Api, Firm, api, serving, sign_up
from fakes.channels import chat_with, connected, sent_file
from fakes.firms import teach
from fakes.telegram_server.server import TelegramServer
from sloth_agent import Settings
from sloth_agent.ids import new_id
from sloth_agent.server.application import create_app

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SEED = random.randrange(10**6)
CANARY = "Quetzalcoatl"
HERE = "~here~"
JSON_TYPES = {"string": "text", "integer": 1, "number": 1, "boolean": True, "object": {}}
SAYS_SO_ITSELF = {
    ("/api/auth/register/", "email"),
    ("/api/users/invitations/", "email"),
    ("/api/auth/password-reset/", "email"),
}
"""Whoever signs up, or asks somebody in, has to learn that an address is taken; and a link for a
new password may be asked for by anybody."""

ANY_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


@pytest.fixture
async def served(settings: Settings, telegram_server: TelegramServer) -> AsyncIterator[Api]:
    plenty = dict.fromkeys(
        ("requests_per_minute", "tenant_requests_per_minute", "address_requests_per_minute"), 10**6
    )
    changes = {
        **plenty,
        "serve_jobs": False,
        "trusted_proxies": ["127.0.0.1"],
        "telegram_api_base": telegram_server.url,
    }
    async with api(settings.model_copy(update=changes)) as served:
        yield served


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """Something that names what is another firm's, and the like that names nothing."""

    theirs: str
    unknown: str


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A request with one foreign name in one place: where `HERE` stands."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    form: bool = False
    is_a_place: bool = False  # the operation has it there

    def naming(self, name: str) -> dict[str, Any]:
        """What the client sends."""
        written = json.loads(json.dumps(self.body).replace(HERE, name))
        content = (
            {"files": {"file": ("note.txt", b"A note.")}, "data": written}
            if self.form
            else {"json": written}
        )
        return {
            "method": self.method,
            "url": self.path.replace(HERE, name),
            "params": {key: value.replace(HERE, name) for key, value in self.query.items()},
            "headers": {key: value.replace(HERE, name) for key, value in self.headers.items()},
            **({} if self.body is None else content),
        }


async def test_another_firms_ids_name_nothing(
    served: Api, settings: Settings, pytestconfig: pytest.Config
) -> None:
    """Where an operation has no place for names it is told three of them; by `nox -s fuzz` all."""
    print(f"seed {SEED}")  # noqa: T201 - pytest shows it where the test fails
    chance, is_long = random.Random(SEED), pytestconfig.getoption("--requests") > 100
    anna, ben = await served.signed_up("Anna"), await served.signed_up(CANARY)
    foreign = await furnished(served, ben)
    before = await rows_of(served, ben)
    told: list[str] = []
    differ: list[str] = []
    sent = 0
    for attempt in attempts(create_app(settings).openapi()):
        await send(anna, attempt, str(uuid4()))  # what it does once, such as to cancel, is done
        for named in foreign if is_long or attempt.is_a_place else chance.sample(foreign, 3):
            answers = []
            for name in (named.unknown, named.theirs):
                answer = await send(anna, attempt, name)
                assert answer.status_code < 500, (attempt, name, answer.text)
                sent += 1
                received = f"{answer.headers.multi_items()} {answer.text}"
                if name == named.theirs and any(
                    other.theirs in received for other in foreign if other != named
                ):
                    told.append(f"{attempt} {received}")
                if CANARY in received:
                    told.append(f"{attempt} {received}")
                answers.append((answer.status_code, without_names(answer.text, named)))
            asked_to_wait = 429 in (status for status, _ in answers)  # tries are counted, and end
            if answers[0] != answers[1] and not asked_to_wait:
                differ.append(f"{attempt} {answers}")
    print(f"{sent} requests")  # noqa: T201 - pytest shows it where the test fails
    assert sent >= 1_500
    assert told == []
    assert differ == []
    assert await rows_of(served, ben) == before


async def send(firm: Firm, attempt: Attempt, name: str) -> httpx.Response:
    """From an address of its own, so that none has signed in too often."""
    request = attempt.naming(name)
    address = ipaddress.ip_address(random.randrange(2**32))
    headers = {**firm.headers, "X-Forwarded-For": str(address), **request.pop("headers")}
    return await firm.client.request(headers=headers, **request)


async def furnished(served: Api, firm: Firm) -> list[Foreign]:
    """Give the firm something of everything; all that names it."""
    kept = await firm.client.post(
        "/api/documents/upload/",
        headers=firm.headers,
        files={"file": (f"{CANARY}.csv", f"service,price\n{CANARY},40 euro\n".encode())},
    )
    asked = (await firm.post("/api/agent/chat/", {"message": f"What does {CANARY} cost?"})).json()
    await firm.client.put(
        "/api/agent/prompt/", headers=firm.headers, json={"role": f"You are {CANARY}."}
    )
    organization = await served.platform.services.organizations.show(
        firm.registered["user"]["organization"]["slug"]
    )
    tenant = await served.platform.sloth.tenant(organization.slug)
    bot = await connected(tenant, token=CANARY, settings={"username": CANARY})
    chat = await chat_with(tenant, bot, CANARY, name=CANARY)
    file = await sent_file(tenant, chat, CANARY.encode(), name=CANARY)
    ids = [
        str(bot.id),
        str(file.id),
        kept.json()["id"],
        asked["conversation_id"],
        asked["message_id"],
        firm.registered["user"]["id"],
        str(organization.id),
    ]
    return [
        # As old as theirs, since pages go by age.
        *(Foreign(theirs=id, unknown=str(new_id())) for id in ids),
        # Chats have no age: the one beside it has the same place on pages.
        Foreign(theirs=str(chat.id), unknown=str(UUID(int=chat.id.int ^ 1))),
        Foreign(theirs=organization.slug, unknown="quetzal-unknown"),
        Foreign(theirs=firm.email, unknown=f"{uuid4().hex}@example.com"),
    ]


def attempts(schema: Mapping[str, Any]) -> Iterator[Attempt]:
    """Every operation with a foreign name in each place where it may stand, and where not."""
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            body, form = sample(operation, schema)
            plain = re.sub(r"\{\w+\}", str(uuid4()), path)
            request = {"method": method.upper(), "path": plain, "body": body, "form": form}
            if plain != path:
                named = re.sub(r"\{\w+\}", HERE, path)
                yield Attempt(**{**request, "path": named}, is_a_place=True)
            declared = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
            for name in {*declared, "tenant", "organization", "user"}:
                yield Attempt(**request, query={name: HERE}, is_a_place=name in declared)
            for name in ("X-Tenant", "X-Organization-ID", "X-Forwarded-Host", "Cookie"):
                yield Attempt(**request, headers={name: HERE})
            for name in {*(body or {}), "tenant", "organization_id", "user_id"}:
                if body is not None and (path, name) not in SAYS_SO_ITSELF:
                    changed = {**request, "body": {**body, name: HERE}}
                    yield Attempt(**changed, is_a_place=name in body)


def sample(operation: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[Any, bool]:
    """A body that the operation takes, and whether it is a form; None: it takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        return {}, True
    if "application/json" not in content:
        return None, False
    body = value_of(content["application/json"]["schema"], schema)
    return {**body, "password": "nobody's own"} if "password" in body else body, False


def value_of(described: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    if "$ref" in described:
        return value_of(schema["components"]["schemas"][described["$ref"].split("/")[-1]], schema)
    given = [described.get("default"), described.get("const")]
    given += [*described.get("examples", ()), *described.get("enum", ())]
    if known := [value for value in given if value is not None]:
        return known[0]
    if "anyOf" in described:
        return value_of(described["anyOf"][0], schema)
    if "properties" in described:
        wanted = set(described.get("required", ())) | {
            name for name in described["properties"] if name.endswith("_id")
        }
        return {name: value_of(described["properties"][name], schema) for name in sorted(wanted)}
    if described.get("type") == "array":
        return [value_of(described["items"], schema)]
    return str(uuid4()) if described.get("format") == "uuid" else JSON_TYPES[described["type"]]


def without_names(text: str, named: Foreign) -> str:
    """What differs from one request to the next is taken out, and what was asked for."""
    for name in (named.theirs, named.unknown):
        text = text.replace(name, "NAME")
    text = re.sub(r'"(access|refresh)":"[^"]+"', "TOKEN", ANY_ID.sub("ID", text))
    return re.sub(r"\d+(\.\d+)?(e-?\d+)?", "0", text)


async def rows_of(served: Api, firm: Firm) -> dict[str, list[str]]:
    """All that is kept of a firm but the audit log, which notes who tried to sign in."""
    slug = firm.registered["user"]["organization"]["slug"]
    organization = await served.platform.services.organizations.show(slug)
    user = firm.registered["user"]["id"]
    rows: dict[str, list[str]] = {}
    services = await served.platform.tenants.of(organization)
    async with services.database.owning() as connection:
        tables = await connection.execute(
            "select schemaname, tablename from pg_tables where schemaname in ('public', %s)"
            " and tablename <> 'audit_log'",
            (organization.schema_name,),
        )
        for schema, table in await tables.fetchall():
            found = await connection.execute(
                f'select kept::text from "{schema}"."{table}" as kept where'
                " %s or kept::text like any(%s) order by 1".encode(),
                (schema != "public", [f"%{organization.id}%", f"%{user}%"]),
            )
            rows[f"{schema}.{table}"] = [row for (row,) in await found.fetchall()]
    return rows


QUESTION = "How much is a haircut?"
FIRMS, CLIENTS = 20, 64


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    """A process of its own, where nobody is asked to slow down."""
    plenty = {f"SLOTH_{name}REQUESTS_PER_MINUTE": "1000000" for name in ("", "TENANT_", "ADDRESS_")}
    home = {"SLOTH_HOME": str(settings.home), "SLOTH_EMBEDDER": "none", "SLOTH_CHAT": "extractive"}
    with serving({**plenty, **home}) as address:
        yield address


async def test_many_firms_at_once_hear_of_themselves_alone(
    address: str, pytestconfig: pytest.Config
) -> None:
    """A tenth of the requests fails, every twentieth client hangs up before it is answered."""
    print(f"seed {SEED}")  # noqa: T201 - pytest shows it where the test fails
    chance = random.Random(SEED)
    requests = 3_000 if pytestconfig.getoption("--requests") > 100 else 1_000
    limits = httpx.Limits(max_connections=CLIENTS, keepalive_expiry=1)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=60) as client:
        firms = [await with_a_canary(client, number) for number in range(FIRMS)]
        leaks: list[str] = []
        seen: Counter[str] = Counter()
        turns = iter(range(requests))

        async def go_on() -> None:
            for _ in turns:
                firm, canary = chance.choice(firms)
                with anyio.move_on_after(0.02 if chance.random() < 0.05 else 60) as cut:
                    answer = await anything(firm, chance, firms)
                    text = without_questions(f"{answer.headers} {answer.text}")
                    seen[f"{answer.status_code // 100}xx"] += 1
                    seen["own"] += canary in text
                    leaks.extend(text for _, other in firms if other != canary and other in text)
                seen["cut"] += cut.cancelled_caught

        async with anyio.create_task_group() as group:
            for _ in range(CLIENTS):
                group.start_soon(go_on)
    print(dict(seen))  # noqa: T201 - pytest shows it where the test fails
    assert leaks == []
    assert seen["own"] > requests / 2
    assert seen["4xx"] > requests / 20
    assert seen["cut"] > 0
    assert seen["5xx"] == 0


def without_questions(text: str) -> str:
    """Whoever asks for somebody else's may read it again, as the title of the conversation."""
    return re.sub(f"{re.escape(QUESTION)} \\w+", QUESTION, text)


async def with_a_canary(client: httpx.AsyncClient, number: int) -> tuple[Firm, str]:
    """A firm whose price list nobody else may see."""
    canary = f"canary{number:02}x{uuid4().hex[:8]}"
    firm = await sign_up(client, f"{canary} salon")
    prices = f"service,price\n{canary} haircut,40 euro\n"
    await teach(firm, prices.encode(), f"{canary}.csv")
    return firm, canary


async def anything(
    firm: Firm, chance: random.Random, firms: Sequence[tuple[Firm, str]]
) -> httpx.Response:
    roll = chance.random()
    if roll < 0.05:
        return await firm.get(f"/api/agent/history/{uuid4()}/")
    if roll < 0.1:
        return await firm.get("/api/documents/?limit=0")
    if roll < 0.4:
        _, other = chance.choice(firms)
        words = f"{QUESTION} {other if roll < 0.15 else ''}".strip()
        return await firm.post("/api/agent/chat/", {"message": words})
    return await firm.get(
        chance.choice(
            ("/api/documents/", "/api/auth/me/", "/api/agent/history/", "/api/documents/?limit=1")
        )
    )
