"""What is held about one person who asked: shown, and erased."""

import json
from contextlib import suppress
from dataclasses import replace
from functools import partial
from uuid import uuid4

import anyio
import pytest

from fakes.canaries import places_of
from fakes.command import Sloth
from sloth_agent import AsyncSloth
from sloth_agent.agent.models import ConversationSource, Customer, Message, Speaker
from sloth_agent.agent.ports import Delta, Held
from sloth_agent.app.bodies.answers import customer_body
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.allowance import Hold, Resource, allowance_of
from sloth_agent.clock import system_clock
from sloth_agent.errors import Conflict, DatabaseUnavailable, InvalidInput, NotFound
from sloth_agent.ids import ConversationId, MessageId, new_id
from sloth_agent.tenants.audit import Actor, Audit, AuditEvent

pytestmark = pytest.mark.anyio

BY = Actor(name="test")
ON_TELEGRAM = ConversationSource.TELEGRAM
UNLIMITED = Hold(id=None, room=allowance_of(None, system_clock()).room(Resource.MESSAGES), amount=1)


@pytest.fixture
async def tenant(tenant: AsyncTenant) -> AsyncTenant:
    await tenant.ingest_content("prices.md", b"# Prices\n\nA haircut costs 40 euro.\n")
    return tenant


@pytest.fixture
def person() -> str:
    """An id that nobody else has, at any source."""
    return f"person{uuid4().hex}"


async def used(tenant: AsyncTenant) -> int:
    report = await tenant.usage()
    return next(m.used for m in report.meters if m.room.resource is Resource.MESSAGES)


async def begun(tenant: AsyncTenant, person: str) -> ConversationId:
    started = await tenant.services.conversations.start(ON_TELEGRAM, external_id=person)
    return started.id


def said() -> list[Message]:
    return [
        Message(id=MessageId(new_id()), speaker=speaker, text="Hello", created_at=system_clock())
        for speaker in Speaker
    ]


async def test_all_that_is_held_can_be_read(
    sloth: AsyncSloth, tenant: AsyncTenant, person: str
) -> None:
    ask = partial(tenant.chat, source=ON_TELEGRAM, external_id=person)
    first = await ask("How much is a haircut?")
    await ask("And a moon landing?", conversation=first.conversation_id)
    second = await ask("How much is a haircut today?")
    await tenant.chat("How much is a haircut?", source=ON_TELEGRAM, external_id="another")
    await tenant.chat("How much is a haircut?", external_id=person)
    await tenant.chat("How much is a haircut?")

    record = await tenant.export_customer(f"telegram:{person}", by=BY)
    body = json.loads(json.dumps(customer_body(record)))
    assert body["customer"] == f"telegram:{person}"
    known = [str(answer.conversation_id) for answer in (first, second)]
    assert [conversation["id"] for conversation in body["conversations"]] == known
    assert {c["external_id"] for c in body["conversations"]} == {person}
    said = [message for c in body["conversations"] for message in c["messages"]]
    assert [message["role"] for message in said] == ["user", "assistant"] * 3
    assert [message["content"] for message in said[::2]] == [
        "How much is a haircut?",
        "And a moon landing?",
        "How much is a haircut today?",
    ]
    assert said[1]["citations"][0]["document"] == "prices.md"
    assert "40" in said[1]["content"]
    assert all(message["created_at"] for message in said)

    (event,) = await sloth.audit.list(organization=tenant.organization.id, action="customer.*")
    assert (event.action, event.by, event.subject) == ("customer.exported", BY, None)
    held = {"conversations": 2, "messages": 6, "chats": 0, "photos": 0, "documents": 0}
    assert event.details == {"source": "telegram", **held}


async def test_nothing_of_a_person_is_left(
    sloth: AsyncSloth, tenant: AsyncTenant, person: str
) -> None:
    for _ in range(2):
        await tenant.chat(f"How much is a haircut for {person}?", external_id=person)
    other = await tenant.chat("How much is a haircut?", external_id="another")
    nobody = await tenant.chat("How much is a haircut?")
    assert len(await places_of(tenant, person)) == 2
    counted = await used(tenant)

    assert await tenant.delete_customer(f"api:{person}", by=BY) == Held(conversations=2, messages=4)
    assert await places_of(tenant, person) == []
    kept = [conversation.id for conversation in await tenant.conversations()]
    assert kept == [nobody.conversation_id, other.conversation_id]
    assert await used(tenant) == counted, "what was answered was answered"
    (event,) = await sloth.audit.list(organization=tenant.organization.id, action="customer.*")
    assert (event.action, event.by, event.subject) == ("customer.erased", BY, None)
    held = {"conversations": 2, "messages": 4, "chats": 0, "photos": 0, "documents": 0}
    assert event.details == {"source": "api", **held}


async def test_nobody_is_confused_with_another(tenant: AsyncTenant, person: str) -> None:
    await tenant.chat("How much is a haircut?", source=ON_TELEGRAM, external_id=person)
    for name in (f"whatsapp:{person}", f"telegram:{person.upper()}", f"telegram:{person[:-1]}%"):
        with pytest.raises(NotFound):
            await tenant.export_customer(name)
        with pytest.raises(NotFound):
            await tenant.delete_customer(name)
    assert (await tenant.export_customer(f"telegram:{person}")).held.messages == 2


async def test_nobody_goes_on_with_the_conversation_of_another(
    tenant: AsyncTenant, person: str
) -> None:
    ask = partial(tenant.chat, "And for men?", external_id=person)
    own = await ask()
    others = [
        await tenant.chat("Hello?", external_id="another"),
        await tenant.chat("Hello?", source=ON_TELEGRAM, external_id=person),
        await tenant.chat("Hello?"),
    ]
    for answer in others:
        with pytest.raises(NotFound):
            await ask(conversation=answer.conversation_id)
    await ask(conversation=own.conversation_id)
    await tenant.chat("Hello?", conversation=own.conversation_id)
    assert (await tenant.export_customer(f"api:{person}")).held == Held(conversations=1, messages=6)


async def test_erased_while_it_is_answered(tenant: AsyncTenant, person: str) -> None:
    first = await tenant.chat("How much is a haircut?", external_id=person)
    counted = await used(tenant)
    parts = tenant.chat_stream(
        "How much is a haircut?", conversation=first.conversation_id, external_id=person
    )
    assert isinstance(await anext(parts), Delta)
    await tenant.delete_customer(f"api:{person}")
    with pytest.raises(Conflict, match="erased"):
        [_ async for _ in parts]
    assert await used(tenant) == counted
    assert await places_of(tenant, person) == []


async def test_erased_while_many_write(tenant: AsyncTenant, person: str) -> None:
    """What is reported is what was there: the rest was refused.

    Without the refusal in `append` the database's own error comes through.
    """
    conversation = await begun(tenant, person)
    store = tenant.services.conversations.store
    stored = 0

    async def write_until_refused() -> None:
        nonlocal stored
        with suppress(Conflict):
            while True:
                await store.append(conversation, said(), hold=UNLIMITED)
                stored += 1

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(write_until_refused)
        held = await tenant.delete_customer(f"telegram:{person}")
    assert held == Held(conversations=1, messages=len(said()) * stored)
    assert await places_of(tenant, person, str(conversation)) == []


async def test_what_cannot_be_written_down_is_not_erased(tenant: AsyncTenant, person: str) -> None:
    class Away:
        """A log whose database does not answer."""

        newest = Audit.list

        async def add(self, event: AuditEvent) -> None:
            raise DatabaseUnavailable(f"{event.action} cannot be written down.")

    conversation = await begun(tenant, person)
    customers = replace(tenant.services.customers, audit=Away())
    with pytest.raises(DatabaseUnavailable):
        await customers.erase(Customer.named(f"telegram:{person}"), by=BY)
    assert (await tenant.services.conversations.show(conversation)).external_id == person


@pytest.mark.parametrize(
    "name",
    ["", "telegram", "telegram:", ":123", "post:123", "Telegram:123", "telegram:1\n2",
     "telegram:\0", "telegram:\ud800", f"telegram:{'1' * 201}"],
)  # fmt: skip
async def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Customer.named(name)
    assert refused.value.details == {"field": "customer"}


async def test_a_name_is_read_as_it_is_written() -> None:
    for name in ("telegram:123456789", "whatsapp:+48123456789", "web:a:b", "cli:Ївга О'Ніл"):
        assert str(Customer.named(name)) == name


async def test_an_id_that_is_none_costs_no_answer(tenant: AsyncTenant) -> None:
    with pytest.raises(InvalidInput):
        await tenant.chat("How much is a haircut?", external_id="")
    assert await tenant.conversations() == []


def test_from_the_command_line(sloth_cli: Sloth) -> None:
    asked = sloth_cli("chat", "How much is a haircut?", "--customer", "anna", "--json").json
    shown = sloth_cli("customers", "export", "cli:anna", "--json").json
    assert shown["conversations"][0]["id"] == asked["conversation_id"]
    assert "How much is a haircut?" in sloth_cli("customers", "export", "cli:anna").stdout
    refused = sloth_cli("customers", "delete", "cli:anna")
    assert (refused.rc, "--yes" in refused.error) == (2, True)
    assert sloth_cli("customers", "delete", "cli:anna", "--yes", "--json").json == {
        "customer": "cli:anna",
        "deleted": True,
        "conversations": 1,
        "messages": 2,
        "chats": 0,
        "photos": 0,
        "documents": 0,
    }
    for command in ("export", "delete"):
        gone = sloth_cli("customers", command, "cli:anna", *(["--yes"] * (command == "delete")))
        assert (gone.rc, gone.stdout) == (1, "")
        assert "Nothing is held" in gone.error
    assert "such as telegram:" in sloth_cli("customers", "export", "anna").error
