"""`sloth admin`: what an operator does, group by group."""

import typer

from sloth_agent.cli.admin import (
    audit,
    codes,
    links,
    margin,
    notices,
    plans,
    referrals,
    subscriptions,
    usage,
    users,
)

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth admin audit list")
app.add_typer(plans.app, name="plans", help="What is on sale.")
app.add_typer(codes.app, name="codes", help="Plans without a payment, to hand out.")
app.add_typer(subscriptions.app, name="subscriptions", help="What each tenant has.")
app.command("usage", epilog=usage.EXAMPLE)(usage.usage)
app.command("margin", epilog=margin.MARGIN_EXAMPLE)(margin.margin)
app.command("prices", epilog=margin.PRICES_EXAMPLE)(margin.prices)
app.command("notices", epilog=notices.EXAMPLE)(notices.notices)
users.app.command("invitations", epilog=links.INVITATIONS_EXAMPLE)(links.invitations)
users.app.command("withdraw", epilog=links.WITHDRAW_EXAMPLE)(links.withdraw)
users.app.command("accept", epilog=links.ACCEPT_EXAMPLE)(links.accept)
users.app.command("reset", epilog=links.RESET_EXAMPLE)(links.reset)
app.add_typer(users.app, name="users", help="Who signs in.")
app.add_typer(referrals.app, name="referrals", help="Firms that users brought here.")
app.add_typer(audit.app, name="audit", help="Who did what.")
