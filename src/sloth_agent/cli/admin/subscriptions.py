"""`sloth admin subscriptions`: what each tenant has."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.cli.actor import operator
from sloth_agent.cli.admin.plan_option import OfPlan, known
from sloth_agent.cli.options import Json, Limit
from sloth_agent.cli.output import show_fields, show_list
from sloth_agent.cli.session import opened

if TYPE_CHECKING:
    from sloth_agent.billing.models import Subscription

app = typer.Typer(
    no_args_is_help=True,
    epilog="Example: sloth admin subscriptions activate salon-anna --plan professional --days 90",
)

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="The tenant, such as salon-anna.")]


@app.command(
    "activate",
    epilog="Example: sloth admin subscriptions activate salon-anna --plan professional --days 90",
)
def activate(
    slug: Slug,
    plan: Annotated[str, typer.Option(metavar="PLAN", help="As `sloth admin plans list` has it.")],
    days: Annotated[
        int | None, typer.Option(min=1, help="For how long. [default: one month, or one year]")
    ] = None,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="Without end.")] = False,
    cycle: Annotated[BillingCycle | None, typer.Option(help="How the firm pays.")] = None,
    as_json: Json = False,
) -> None:
    """Give a tenant time on a plan; what it has already gets no shorter."""
    if unlimited and days is not None:
        raise typer.BadParameter("Say --days or --unlimited, not both.")
    by = operator()
    with opened() as sloth:
        organization = sloth.show_tenant(slug).id
        subscription = sloth.run(
            lambda sloth: sloth.subscriptions.activate(
                organization, plan, days=0 if unlimited else days, cycle=cycle, by=by
            )
        )
    _show(slug, subscription, as_json=as_json)


@app.command("cancel", epilog="Example: sloth admin subscriptions cancel salon-anna")
def cancel(
    slug: Slug,
    now: Annotated[bool, typer.Option("--now", help="Not at the end of what was granted.")] = False,
    as_json: Json = False,
) -> None:
    """End a subscription when what was granted has run out, or at once."""
    by = operator()
    with opened() as sloth:
        organization = sloth.show_tenant(slug).id
        subscription = sloth.run(
            lambda sloth: sloth.services.canceling.cancel(
                organization, at_period_end=not now, by=by
            )
        )
    _show(slug, subscription, as_json=as_json)


@app.command("list", epilog="Example: sloth admin subscriptions list --status trialing")
def list_subscriptions(
    status: Annotated[SubscriptionStatus | None, typer.Option(help="Only these.")] = None,
    plan: OfPlan = None,
    limit: Limit = 50,
    after: Annotated[
        str | None, typer.Option(metavar="SLUG", help="After this tenant: the next page.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List subscriptions by tenant."""
    with opened() as sloth:
        slug = known(plan, sloth)
        found = sloth.run(
            lambda sloth: sloth.subscriptions.list(
                status=status, plan=slug, after=after, limit=limit
            )
        )
    items = [_body(firm.slug, firm.subscription) for firm in found]
    columns = ("tenant", "plan", "status", "current_period_end", "cancel_at_period_end")
    cursor = found[-1].slug if len(items) == limit else None
    show_list(items, columns, next_cursor=cursor, as_json=as_json)


def _show(slug: str, subscription: "Subscription", *, as_json: bool) -> None:
    body = _body(slug, subscription)
    show_fields(body, as_json=as_json)


def _body(slug: str, subscription: "Subscription") -> dict[str, Any]:
    from sloth_agent.app.bodies.billing import subscription_body

    return {"tenant": slug, **subscription_body(subscription)}
