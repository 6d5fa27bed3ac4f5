"""`sloth billing`: whether what firms have is what they pay for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.exits import SOME_FAILED
from sloth_agent.cli.options import Json
from sloth_agent.cli.output import note, say, show_json, show_table
from sloth_agent.cli.session import opened

if TYPE_CHECKING:
    from sloth_agent.app.bodies.values import Body

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth billing explain salon-anna")


@app.command("reconcile", epilog="Example: sloth billing reconcile --dry-run")
def reconcile(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what differs, and repair nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare every firm with the payment provider, and repair what differs."""
    from sloth_agent.app.bodies.payments import reconciliation_body

    by = operator()
    with opened() as sloth:
        found = sloth.run(
            lambda sloth: sloth.payments.reconciling.reconcile(dry_run=dry_run, by=by)
        )
    body = reconciliation_body(found)
    if as_json:
        show_json(body)
    else:
        _show(body)
    for slug, why in found.failed.items():
        note(f"{slug}: {why}")
    left = [each for each in found.differences if each.about.needs_somebody]
    if left:
        note(f"{len(left)} of them are for a person to decide.")
    if left or found.failed:
        raise typer.Exit(SOME_FAILED)


def _show(body: "Body") -> None:
    items = body["differences"]
    if items:
        columns = ("tenant", "about", "subject", "what", "ours", "theirs", "repaired")
        show_table(columns, [[item[column] for column in columns] for item in items])
    say(f"Firms compared: {body['firms']}. Differences: {len(items)}.")
    say(f"The provider's events so far: {_told(body['events']) or 'none'}.")


@app.command("explain", epilog="Example: sloth billing explain salon-anna --json")
def explain(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Such as salon-anna.")],
    as_json: Json = False,
) -> None:
    """Tell how a firm came to what it has: events, decisions, charges, codes, referrals."""
    from sloth_agent.app.bodies.payments import explanation_body

    with opened() as sloth:
        body = explanation_body(sloth.run(lambda sloth: sloth.explaining.explain(tenant)))
    if as_json:
        show_json(body)
        return
    present = body["subscription"]
    has = f"{present['plan']}, {present['status']}" if present else "nothing"
    until = f" until {present['current_period_end']}" if present else ""
    customer = f", {body['customer']} at the provider" if body["customer"] else ""
    say(f"{body['tenant']} has {has}{until}{customer}.")
    columns = ("at", "kind", "what", "subject")
    rows = [
        [*(entry[each] for each in columns), _told(entry["details"])] for entry in body["entries"]
    ]
    show_table((*columns, "details"), rows)


def _told(details: Mapping[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in details.items() if value)
