"""`sloth customers`: what is held about one person who asked."""

from typing import Annotated

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.input import confirm
from sloth_agent.cli.options import Json, Tenant, Yes
from sloth_agent.cli.output import show_fields
from sloth_agent.cli.session import opened

app = typer.Typer(
    no_args_is_help=True, epilog="Example: sloth customers export telegram:123456789 --json"
)

Name = Annotated[
    str,
    typer.Argument(metavar="CUSTOMER", help="Source and id there, such as telegram:123456789."),
]


@app.command(
    "export", epilog="Example: sloth customers export telegram:123456789 --json > held.json"
)
def export(customer: Name, tenant: Tenant = None, as_json: Json = False) -> None:
    """Show all that is held about a person: conversations, messages, when, with which sources."""
    from sloth_agent.app.bodies.answers import customer_body

    with opened() as sloth:
        body = customer_body(sloth.tenant(tenant).export_customer(customer, by=operator()))
    show_fields(body, as_json=as_json)


@app.command("delete", epilog="Example: sloth customers delete telegram:123456789 --yes")
def delete(
    customer: Name,
    tenant: Tenant = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase all that is held about a person, for ever, and say how much it was."""
    from sloth_agent.app.bodies.answers import erased_customer_body

    with opened() as sloth:
        assistant = sloth.tenant(tenant)
        if not yes:
            confirm(f"Erase all that is held about {customer}, for ever?")
        erased = assistant.delete_customer(customer, by=operator())
    show_fields(erased_customer_body(customer, erased), as_json=as_json)
