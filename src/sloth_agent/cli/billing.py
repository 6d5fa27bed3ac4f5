"""`sloth billing`: whether what firms have is what they pay for."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

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
        note(f"{len(left)} of them {'is' if len(left) == 1 else 'are'} for a person to decide.")
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
    entries = [each for each in body["entries"] if each["details"].get("outcome") != "unknown"]
    for entry in entries:
        at = datetime.fromisoformat(entry["at"]).astimezone(UTC)
        say(f"{at:%Y-%m-%d %H:%M:%S}  {entry['kind']:8}  {entry['what']}: {_in_short(entry)}")
    if left_out := len(body["entries"]) - len(entries):
        note(f"Events that change nothing here and are left out: {left_out}. --json has them.")


def _in_short(entry: "Body") -> str:
    """What is told of an entry, on one line."""
    details, subject = entry["details"], entry["subject"]
    match entry["kind"]:
        case "event":
            return f"{details['outcome']} ({subject})"
        case "charge":
            back = details["refunded"] if Decimal(details["refunded"]) else None
            more = _told({"refunded": back, "dispute": details["dispute"]})
            taken = f"{details['amount']} {details['currency']} ({subject})"
            return f"{taken}, {more}" if more else taken
        case _:
            return _decided(details, subject)


def _decided(details: Mapping[str, Any], subject: str | None) -> str:
    """What the firm had and has, and whose decision it was."""
    by = f"by {details['by']}"
    if "plan_before" not in details:
        others = {name: value for name, value in details.items() if name != "by"}
        return ", ".join(filter(None, (subject, _told(others), by)))
    before = [each for each in (details["plan_before"], details["status_before"]) if each]
    until = f" until {details['period_end'][:10]}" if details["period_end"] else ""
    later = f", then {', '.join(details['later'])}" if details["later"] else ""
    had = " ".join(before) or "nothing"
    return f"{had} -> {details['plan']} {details['status']}{until}{later}, {by}"


def _told(details: Mapping[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in details.items() if value)
