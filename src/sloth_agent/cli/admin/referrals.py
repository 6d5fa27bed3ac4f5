"""`sloth admin referrals`: firms that users have brought here."""

from typing import Annotated
from uuid import UUID

import typer

from sloth_agent.cli.options import Json, Limit
from sloth_agent.cli.output import show_fields, show_list
from sloth_agent.cli.session import opened
from sloth_agent.ids import TenantId

app = typer.Typer(
    no_args_is_help=True, epilog="Example: sloth admin referrals stats anna@example.com"
)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="Whose code; anna@example.com.")]


@app.command("stats", epilog="Example: sloth admin referrals stats anna@example.com --json")
def stats(email: Email, as_json: Json = False) -> None:
    """Show a user's code, what has become of it, and when the next reward comes."""
    from sloth_agent.app.bodies.billing import referral_stats_body

    with opened() as sloth:
        user = sloth.run(lambda sloth: sloth.accounts.show(email))
        body = referral_stats_body(sloth.run(lambda sloth: sloth.referrals.stats(user)))
    show_fields(body, as_json=as_json)


@app.command("list", epilog="Example: sloth admin referrals list anna@example.com")
def list_referrals(
    email: Email,
    limit: Limit = 50,
    after: Annotated[
        UUID | None, typer.Option(metavar="ID", help="After this one: the next page.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the firms that a user has brought here, oldest first."""
    from sloth_agent.app.bodies.billing import referral_body

    with opened() as sloth:
        user = sloth.run(lambda sloth: sloth.accounts.show(email))
        firms = sloth.run(
            lambda sloth: sloth.referrals.list(
                user, after=TenantId(after) if after else None, limit=limit
            )
        )
    items = [referral_body(firm) for firm in firms]
    cursor = items[-1]["id"] if len(items) == limit else None
    columns = ("tenant", "status", "created_at", "activated_at")
    show_list(items, columns, next_cursor=cursor, as_json=as_json)


@app.command("rewards", epilog="Example: sloth admin referrals rewards anna@example.com")
def rewards(email: Email, as_json: Json = False) -> None:
    """List the plan steps that a user's firm has been given."""
    from sloth_agent.app.bodies.billing import referral_reward_body

    with opened() as sloth:
        user = sloth.run(lambda sloth: sloth.accounts.show(email))
        given = sloth.run(lambda sloth: sloth.referrals.rewards(user))
    items = [referral_reward_body(reward) for reward in given]
    show_list(items, ("step", "old_plan", "new_plan", "granted_at"), as_json=as_json)
