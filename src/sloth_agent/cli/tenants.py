"""`sloth tenants`: the assistants of this install."""

from pathlib import Path
from typing import Annotated

import typer

from sloth_agent.billing.states import BillingCycle
from sloth_agent.cli.actor import operator
from sloth_agent.cli.input import confirm
from sloth_agent.cli.options import Json, Yes
from sloth_agent.cli.output import note, show_fields, show_json, show_list
from sloth_agent.cli.session import opened

app = typer.Typer(
    no_args_is_help=True, epilog='Example: sloth tenants create salon-anna --name "Salon Anna"'
)

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="Such as salon-anna.")]


@app.command("create", epilog='Example: sloth tenants create salon-anna --name "Salon Anna"')
def create(
    slug: Slug,
    name: Annotated[str | None, typer.Option(help="As people know it. [default: SLUG]")] = None,
    domain: Annotated[str | None, typer.Option(help="Of its web site; unique.")] = None,
    plan: Annotated[
        str | None,
        typer.Option(metavar="PLAN", help="Begin with its trial. [default: no limits]"),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="`main`, or one of SLOTH_DATABASES. [default: the emptiest]"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a tenant with walls of its own."""
    from sloth_agent.app.bodies.tenants import tenant_body

    with opened() as sloth:
        organization = sloth.create_tenant(
            slug, name=name, domain=domain, plan=plan, database=database, by=operator()
        )
    show_fields(tenant_body(organization), as_json=as_json)


@app.command("list", epilog="Example: sloth tenants list --json")
def list_tenants(as_json: Json = False) -> None:
    """List all tenants, oldest first."""
    from sloth_agent.app.bodies.tenants import tenant_body

    with opened() as sloth:
        items = [tenant_body(organization) for organization in sloth.tenants()]
    show_list(items, ("slug", "name", "is_active", "stage", "created_at"), as_json=as_json)


@app.command("show", epilog="Example: sloth tenants show salon-anna")
def show(slug: Slug, as_json: Json = False) -> None:
    """Show a tenant, its subscription and its index."""
    from sloth_agent.app.bodies.billing import subscription_body
    from sloth_agent.app.bodies.documents import index_body
    from sloth_agent.app.bodies.tenants import tenant_body

    with opened() as sloth:
        organization = sloth.show_tenant(slug)
        body = tenant_body(organization)
        subscription = sloth.run(lambda sloth: sloth.subscriptions.current(organization.id))
        body["subscription"] = subscription_body(subscription) if subscription else None
        if organization.is_open:
            body["index"] = index_body(sloth.tenant(slug).index())
    show_fields(body, as_json=as_json)


@app.command("update", epilog="Example: sloth tenants update salon-anna --domain salon-anna.pl")
def update(
    slug: Slug,
    name: Annotated[str | None, typer.Option(help="As people know it.")] = None,
    domain: Annotated[
        str | None, typer.Option(help='Of its web site; unique; "" takes it off.')
    ] = None,
    as_json: Json = False,
) -> None:
    """Change name or domain; what is not given stays as it is."""
    from sloth_agent.app.bodies.tenants import tenant_body

    if name is None and domain is None:
        raise typer.BadParameter("Name something to change: --name or --domain.")
    with opened() as sloth:
        body = tenant_body(sloth.update_tenant(slug, name=name, domain=domain, by=operator()))
    show_fields(body, as_json=as_json)


@app.command("profile", epilog="Example: sloth tenants profile salon-anna --timezone Europe/Warsaw")
def profile(
    slug: Slug,
    business_name: Annotated[str | None, typer.Option(help="As customers know it.")] = None,
    business_type: Annotated[str | None, typer.Option(help="Such as hair salon.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Such as Europe/Warsaw.")] = None,
    notification_email: Annotated[
        str | None, typer.Option(help='Where notices go; "" for the owner.')
    ] = None,
    notify_by_telegram: Annotated[
        bool | None, typer.Option("--telegram/--no-telegram", help="Notices by Telegram too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what the firm says of itself, or change it."""
    from sloth_agent.app.bodies.tenants import profile_body

    with opened() as sloth:
        changed = sloth.tenant(slug).change_profile(
            business_name=business_name,
            business_type=business_type,
            timezone=timezone,
            notification_email=notification_email,
            notify_by_telegram=notify_by_telegram,
            by=operator(),
        )
    show_fields(profile_body(changed), as_json=as_json)


@app.command("hours", epilog='Example: sloth tenants hours salon-anna --open "mon-fri 09:00-18:00"')
def hours(
    slug: Slug,
    opens: Annotated[
        str | None,
        typer.Option("--open", help='As "mon-fri 09:00-18:00, sat 10:00-14:00"; "" for always.'),
    ] = None,
    away_text: Annotated[
        str | None, typer.Option(help='What customers hear while nobody is; "" for our words.')
    ] = None,
    as_json: Json = False,
) -> None:
    """Show when people of the firm are there, in its time zone, or change it."""
    from sloth_agent.app.bodies.inbox import hours_body
    from sloth_agent.tenants.hours import read_week

    with opened() as sloth:
        changed = sloth.tenant(slug).change_hours(
            office_hours=None if opens is None else read_week(opens),
            away_text=away_text,
            by=operator(),
        )
    show_fields(hours_body(changed), as_json=as_json)


@app.command("subscribe", epilog="Example: sloth tenants subscribe salon-anna --plan starter")
def subscribe(
    slug: Slug,
    plan: Annotated[str, typer.Option(metavar="PLAN", help="As `sloth admin plans list` has it.")],
    cycle: Annotated[
        BillingCycle, typer.Option(help="How often it is paid.")
    ] = BillingCycle.MONTHLY,
    as_json: Json = False,
) -> None:
    """Print the page of the payment provider on which the firm begins to pay."""
    with opened() as sloth:
        organization = sloth.show_tenant(slug)
        page = sloth.run(
            lambda sloth: sloth.payments.subscribing.subscribe(
                organization.id, plan, cycle, by=operator()
            )
        )
    body = {"checkout_url": page.url, "expires_at": page.expires_at.isoformat()}
    show_fields(body, as_json=as_json)


@app.command("activate", epilog="Example: sloth tenants activate salon-anna")
def activate(slug: Slug, as_json: Json = False) -> None:
    """Let a tenant in again."""
    _set_active(slug, active=True, as_json=as_json)


@app.command("deactivate", epilog="Example: sloth tenants deactivate salon-anna")
def deactivate(slug: Slug, as_json: Json = False) -> None:
    """Keep a tenant out; nothing is deleted."""
    _set_active(slug, active=False, as_json=as_json)


@app.command("delete", epilog="Example: sloth tenants delete salon-anna")
def delete(
    slug: Slug,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase a tenant: documents, conversations, files, users, all of it, for ever."""
    with opened() as sloth:
        sloth.show_tenant(slug)
        if not yes:
            confirm(f"Erase {slug} and everything it has, for ever?")
        sloth.delete_tenant(slug, by=operator())
    if as_json:
        show_json({"slug": slug, "deleted": True})
    else:
        note(f"Erased {slug}.")


@app.command("export", epilog="Example: sloth tenants export salon-anna --output salon-anna.zip")
def export(
    slug: Slug,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to; must not exist yet.")
    ],
    as_json: Json = False,
) -> None:
    """Write all that a tenant has into one file; it goes on answering meanwhile."""
    from sloth_agent.app.bodies.tenants import archive_body

    with opened() as sloth:
        manifest = sloth.run(lambda sloth: sloth.archives.export(slug, output, by=operator()))
    show_fields(archive_body(manifest, output), as_json=as_json)


@app.command("import", epilog="Example: sloth tenants import salon-anna.zip --slug anna")
def import_tenant(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Made by `sloth tenants export`.")],
    slug: Annotated[
        str | None, typer.Option(metavar="NEW", help="Another slug than the archive's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a tenant of an archive; it is checked to the last byte before anything is written."""
    from sloth_agent.app.bodies.tenants import tenant_body

    with opened() as sloth:
        body = tenant_body(
            sloth.run(lambda sloth: sloth.archives.import_(file, slug=slug, by=operator()))
        )
    show_fields(body, as_json=as_json)


@app.command("move", epilog="Example: sloth tenants move salon-anna --to eu")
def move(
    slug: Slug,
    to: Annotated[
        str, typer.Option("--to", metavar="DATABASE", help="`main`, or one of SLOTH_DATABASES.")
    ],
    as_json: Json = False,
) -> None:
    """Let a tenant live in another database; it goes on answering meanwhile."""
    from sloth_agent.app.bodies.tenants import move_body

    with opened() as sloth:
        body = move_body(sloth.run(lambda sloth: sloth.moving.move(slug, to=to, by=operator())))
    show_fields(body, as_json=as_json)


@app.command("rebuild", epilog="Example: sloth tenants rebuild --chunk-size 800")
def rebuild(
    slug: Annotated[
        str | None, typer.Argument(metavar="[SLUG]", help="[default: SLOTH_TENANT]")
    ] = None,
    chunk_size: Annotated[int | None, typer.Option(help="Characters in a piece.")] = None,
    chunk_overlap: Annotated[
        int | None, typer.Option(help="Characters repeated in the next piece.")
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Leave it to `sloth worker`.")] = False,
    as_json: Json = False,
) -> None:
    """Cut and embed all documents anew; searches go on meanwhile."""
    from sloth_agent.app.bodies.documents import index_body

    with opened() as sloth:
        if no_wait:
            job = sloth.tenant(slug).ask_for_rebuild(
                chunk_size=chunk_size, chunk_overlap=chunk_overlap
            )
            show_fields({"job_id": str(job), "status": "pending"}, as_json=as_json)
            return
        body = index_body(
            sloth.tenant(slug).rebuild(
                chunk_size=chunk_size,
                chunk_overlap=chunk_overlap,
                on_progress=lambda done, total: note(f"{done} of {total} documents"),
            )
        )
    show_fields(body, as_json=as_json)


def _set_active(slug: str, *, active: bool, as_json: bool) -> None:
    from sloth_agent.app.bodies.tenants import tenant_body

    with opened() as sloth:
        body = tenant_body(sloth.set_tenant_active(slug, active=active, by=operator()))
    show_fields(body, as_json=as_json)
