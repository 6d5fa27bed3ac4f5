"""`sloth admin codes`: plans without a payment, to hand out."""

import sys
from typing import Annotated
from uuid import UUID

import typer

from sloth_agent.billing.states import CodeStatus
from sloth_agent.cli.actor import operator
from sloth_agent.cli.admin.plan_option import OfPlan, known
from sloth_agent.cli.moments import read_moment
from sloth_agent.cli.options import Json, Limit
from sloth_agent.cli.output import note, say, show_fields, show_json, show_list
from sloth_agent.cli.session import opened

app = typer.Typer(
    no_args_is_help=True,
    epilog="Example: sloth admin codes generate --plan professional --days 90 --count 500 --csv",
)


@app.command(
    "generate",
    epilog="Example: sloth admin codes generate --plan professional --days 90 --count 500 --csv",
)
def generate(
    plan: Annotated[str, typer.Option(metavar="PLAN", help="As `sloth admin plans list` has it.")],
    days: Annotated[int, typer.Option(min=0, help="For how long; 0 is without end.")],
    count: Annotated[int, typer.Option(min=1, help="How many codes.")] = 1,
    expires: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Useless from then on (UTC), such as 2027-01-01."),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print rows for a spreadsheet.")] = False,
    as_json: Json = False,
) -> None:
    """Make codes and print them; nobody can read them again."""
    if as_csv and as_json:
        raise typer.BadParameter("Say --csv or --json, not both.")
    expires_at = read_moment(expires) if expires else None
    by = operator()
    with opened() as sloth:
        slug = sloth.run(lambda sloth: sloth.plans.show(plan)).slug
        codes = sloth.run(
            lambda sloth: sloth.codes.generate(
                slug, days=days, count=count, expires_at=expires_at, by=by
            )
        )
    if as_json:
        show_json({"codes": codes})
    elif as_csv:
        say("code,plan,days,expires_at")
        until = expires_at.isoformat() if expires_at else ""
        say("\n".join(f"{code},{slug},{days},{until}" for code in codes))
    else:
        say("\n".join(codes))


@app.command("list", epilog="Example: sloth admin codes list --plan professional --status unused")
def list_codes(
    status: Annotated[CodeStatus | None, typer.Option(help="Only these.")] = None,
    plan: OfPlan = None,
    limit: Limit = 50,
    before: Annotated[
        UUID | None, typer.Option(metavar="ID", help="Older than this one: the next page.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List codes, newest first, without the codes themselves."""
    from sloth_agent.app.bodies.billing import code_body
    from sloth_agent.clock import system_clock

    with opened() as sloth:
        slug = known(plan, sloth)
        found = sloth.run(
            lambda sloth: sloth.codes.list(status=status, plan=slug, before=before, limit=limit)
        )
    now = system_clock()
    items = [code_body(listed, now=now) for listed in found]
    columns = ("id", "plan", "days", "status", "used_by", "used_at", "expires_at", "created_by")
    cursor = items[-1]["id"] if len(items) == limit else None
    show_list(items, columns, next_cursor=cursor, next_option="--before", as_json=as_json)


@app.command("revoke", epilog="Example: sloth admin codes revoke 0197c3a2-...")
def revoke(
    id: Annotated[str, typer.Argument(metavar="ID", help="As listed, or the code itself.")],
    as_json: Json = False,
) -> None:
    """Let nobody use a code any more; one that was redeemed is left alone."""
    by = operator()
    with opened() as sloth:
        code = sloth.run(lambda sloth: sloth.codes.revoke(_id_or_code(id), by=by))
    if as_json:
        show_json({"id": str(code.id), "status": CodeStatus.REVOKED.value})
    else:
        note(f"Revoked {code.id}.")


@app.command("redeem", epilog="Example: sloth admin codes redeem 7KQ2M-... --tenant salon-anna")
def redeem(
    code: Annotated[
        str, typer.Argument(metavar="CODE", help="Case and hyphens do not matter; - for stdin.")
    ],
    tenant: Annotated[str, typer.Option("--tenant", metavar="SLUG", help="For which tenant.")],
    as_json: Json = False,
) -> None:
    """Use a code for a tenant; what it has already gets no shorter."""
    from sloth_agent.app.bodies.billing import subscription_body

    typed = sys.stdin.readline() if code == "-" else code
    by = operator()
    with opened() as sloth:
        organization = sloth.show_tenant(tenant).id
        subscription = sloth.run(lambda sloth: sloth.codes.redeem(organization, typed, by=by))
    body = {"tenant": tenant, **subscription_body(subscription)}
    show_fields(body, as_json=as_json)


def _id_or_code(typed: str) -> UUID | str:
    try:
        return UUID(typed)
    except ValueError:
        return typed
