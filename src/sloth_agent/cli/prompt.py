"""`sloth prompt`: how the assistant speaks, version by version."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.options import Json, Tenant
from sloth_agent.cli.output import show_fields, show_list
from sloth_agent.cli.session import opened

if TYPE_CHECKING:
    from sloth_agent.agent.models import Prompt

app = typer.Typer(
    no_args_is_help=True, epilog='Example: sloth prompt set --role "You are the voice of Lavanda."'
)


@app.command("show", epilog="Example: sloth prompt show")
def show_prompt(tenant: Tenant = None, as_json: Json = False) -> None:
    """Show the active prompt."""
    with opened() as sloth:
        prompt = sloth.tenant(tenant).prompt()
    _show(prompt, as_json=as_json)


@app.command("set", epilog='Example: sloth prompt set --role "You are the voice of Lavanda."')
def set_prompt(
    role: Annotated[str | None, typer.Option(help="Who the assistant is; - for stdin.")] = None,
    instructions: Annotated[
        str | None, typer.Option(help="How it should answer; - for stdin.")
    ] = None,
    context: Annotated[
        str | None, typer.Option(help="What it should always know; - for stdin.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(help="From 0 to 2.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Longest answer, in tokens.")] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Make a new version; what is not given stays as it is."""
    if all(given is None for given in (role, instructions, context, temperature, max_tokens)):
        raise typer.BadParameter("Name at least one thing to change, such as --role.")
    with opened() as sloth:
        prompt = sloth.tenant(tenant).set_prompt(
            role=_text(role),
            instructions=_text(instructions),
            context=_text(context),
            temperature=temperature,
            max_tokens=max_tokens,
            by=operator(),
        )
    _show(prompt, as_json=as_json)


@app.command("history", epilog="Example: sloth prompt history --json")
def show_history(tenant: Tenant = None, as_json: Json = False) -> None:
    """List all versions, newest first."""
    from sloth_agent.app.bodies.answers import prompt_body

    with opened() as sloth:
        items = [prompt_body(prompt) for prompt in sloth.tenant(tenant).prompt_history()]
    show_list(items, ("version", "active", "created_at", "role"), as_json=as_json)


@app.command("rollback", epilog="Example: sloth prompt rollback 3")
def rollback(
    version: Annotated[int, typer.Argument(help="0 is what every assistant starts with.")],
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Make an earlier version the newest again."""
    with opened() as sloth:
        prompt = sloth.tenant(tenant).rollback_prompt(version, by=operator())
    _show(prompt, as_json=as_json)


def _text(given: str | None) -> str | None:
    return sys.stdin.read() if given == "-" else given


def _show(prompt: "Prompt", *, as_json: bool) -> None:
    from sloth_agent.app.bodies.answers import prompt_body

    body = prompt_body(prompt)
    show_fields(body, as_json=as_json)
