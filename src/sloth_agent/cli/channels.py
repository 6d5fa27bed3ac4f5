"""`sloth channels`: messengers, calendars and web sites that the firm has connected."""

import signal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from sloth_agent.cli import chat_files, connecting, desk
from sloth_agent.cli.actor import operator
from sloth_agent.cli.connecting import Token, secret
from sloth_agent.cli.exits import FAILED
from sloth_agent.cli.input import confirm
from sloth_agent.cli.options import Json, Tenant, Yes
from sloth_agent.cli.output import note, say, show_json, show_list
from sloth_agent.cli.session import opened
from sloth_agent.errors import NotFound, SlothError
from sloth_agent.ids import EventId, IntegrationId

if TYPE_CHECKING:
    from anyio import Event

    from sloth_agent.app.blocking import Tenant as Assistant
    from sloth_agent.channels.checking import Checked
    from sloth_agent.channels.models import Integration, IntegrationType

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth channels list")
app.add_typer(connecting.app, name="connect", help="Connect one more.")
app.add_typer(desk.app)
app.add_typer(chat_files.app)

COLUMNS = ("id", "type", "status", "messages_in", "messages_out", "last_activity_at")

EVENT_COLUMNS = ("id", "received_at", "integration", "outcome")

POLLED = ("telegram",)

Id = Annotated[UUID, typer.Argument(metavar="ID", help="As `sloth channels list` shows it.")]


@app.command("list", epilog="Example: sloth channels list --json")
def list_channels(tenant: Tenant = None, as_json: Json = False) -> None:
    """List what is connected, oldest first; credentials are never shown."""
    from sloth_agent.app.bodies.integrations import integration_body

    with opened() as sloth:
        items = [integration_body(one) for one in _all(sloth.tenant(tenant))]
    show_list(items, COLUMNS, as_json=as_json)
    if not as_json:
        for item in items:
            if error := item["error"]:
                note(f"{item['id']}: {error['message']} [{error['code']}]")


@app.command("run", epilog="Example: sloth channels run telegram")
def run(
    messenger: Annotated[str, typer.Argument(metavar="MESSENGER", help="telegram")],
    token: Token = None,
    tenant: Tenant = None,
) -> None:
    """Ask for messages and answer them, until Ctrl-C: no public address is needed.

    With a token the bot is connected first.
    """
    import anyio

    from sloth_agent.cli.logged import show_warnings

    show_warnings()
    anyio.run(_run, _messenger(messenger, POLLED), token, tenant)


async def _run(type: "IntegrationType", token: str | None, slug: str | None) -> None:
    import anyio

    from sloth_agent import AsyncSloth
    from sloth_agent.app.polling import answer_by_polling

    async with AsyncSloth() as sloth:
        tenant = await sloth.tenant(slug)
        if token is not None:
            await tenant.connect(type, {"token": secret(token)}, by=operator())
        stop = anyio.Event()
        failure: SlothError | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(_when_told, stop)
            try:
                await answer_by_polling(sloth, tenant, type, stop=stop, tell=note)
            except SlothError as error:  # told as it is, and not as a group of errors
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure


async def _when_told(stop: "Event") -> None:
    import anyio

    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as told:
        async for _ in told:
            if stop.is_set():
                raise KeyboardInterrupt
            note("Stopping: what has begun is finished first. Once more stops at once.")
            stop.set()


@app.command("check", epilog="Example: sloth channels check telegram")
def check(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A messenger, or an id. [default: all]")
    ] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Name the cause and the cure of each broken set-up."""
    from sloth_agent.app.bodies.integrations import checked_body

    with opened() as sloth:
        assistant = sloth.tenant(tenant)
        chosen = [each for each in _all(assistant) if name in (None, each.type, str(each.id))]
        if name is not None and not chosen:
            raise NotFound(f"Nothing named {name} is connected.", hint="See `sloth channels list`.")
        checked = [assistant.check_integration(each.id) for each in chosen]
    if as_json:
        show_json({"integrations": [checked_body(each) for each in checked]})
    else:
        for each in checked:
            _show_findings(each)
    if not all(each.is_well for each in checked):
        raise typer.Exit(FAILED)


def _show_findings(checked: "Checked") -> None:
    integration = checked.integration
    say(f"{integration.type} {integration.settings.get('username', '')} {integration.id}")
    for finding in checked.findings:
        say(f"  {'✓' if finding.is_well else '✗'} {finding.name}: {finding.message}")
        if finding.hint and not finding.is_well:
            say(f"      {finding.hint}")


@app.command("events", epilog="Example: sloth channels events --limit 20")
def events(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """List what messengers told, newest first, and what became of it."""
    from sloth_agent.app.bodies.integrations import event_body

    with opened() as sloth:
        items = [event_body(one) for one in sloth.tenant(tenant).channel_events(limit=limit)]
    show_list(items, EVENT_COLUMNS, as_json=as_json)


@app.command("replay", epilog="Example: sloth channels replay 0197c3a2-...")
def replay(
    event: Annotated[UUID, typer.Argument(metavar="EVENT", help="See `sloth channels events`.")],
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Show what would be answered to an event now; nothing is sent or stored."""
    from sloth_agent.app.bodies.integrations import replay_body

    with opened() as sloth:
        replayed = sloth.tenant(tenant).replay(EventId(event))
    if as_json:
        show_json(replay_body(replayed))
        return
    inbound, reply = replayed.inbound, replayed.reply
    if inbound is None:
        note("It says nothing to the assistant.")
        return
    say(f"{inbound.name or inbound.sender} ({inbound.kind}): {inbound.text}")
    say(reply.text if reply else "Nothing is asked of the model.")


@app.command("disconnect", epilog="Example: sloth channels disconnect 0197c3a2-... --yes")
def disconnect(id: Id, tenant: Tenant = None, yes: Yes = False, as_json: Json = False) -> None:
    """Forget an integration and its credentials; what was said there stays."""
    with opened() as sloth:
        assistant = sloth.tenant(tenant)
        if not yes:
            confirm(f"Disconnect {id}? Its credentials are forgotten.")
        assistant.disconnect(IntegrationId(id), by=operator())
    if as_json:
        show_json({"id": str(id), "disconnected": True})
    else:
        note(f"Disconnected {id}.")


def _messenger(name: str, known: Sequence[str]) -> "IntegrationType":
    from sloth_agent.channels.models import IntegrationType

    if name not in known:
        raise typer.BadParameter(f"There is no messenger {name!r}. Known: {', '.join(known)}.")
    return IntegrationType(name)


def _all(assistant: "Assistant") -> "Iterator[Integration]":
    """Page by page: the library never hands over more at once."""
    page = assistant.integrations()
    while page:
        yield from page
        page = assistant.integrations(after=page[-1].id)
