"""`sloth admin margin` and `sloth admin prices`: what firms pay, what they cost, and why."""

from datetime import date
from typing import Annotated, Any

import typer

from sloth_agent.cli.options import Json
from sloth_agent.cli.output import note, say, show_json, show_table
from sloth_agent.cli.session import opened

MARGIN_EXAMPLE = "Example: sloth admin margin --month 2026-11"
PRICES_EXAMPLE = "Example: sloth admin prices > prices.toml"


def read_month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a month; write it as 2026-11.") from None


def margin(
    month: Annotated[
        date | None,
        typer.Option(parser=read_month, metavar="YYYY-MM", help="In UTC. [default: this month]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what each tenant paid and cost in a month; ! marks who costs more than it pays."""
    from sloth_agent.app.bodies.billing import margin_body

    with opened() as sloth:
        report = sloth.run(lambda sloth: sloth.margins.report(month))
    body = margin_body(report)
    if as_json:
        show_json(body)
        return
    say(f"{body['month']} (UTC)")
    columns = ("tenant", "plan", "status", "revenue", "cost", "margin", "currency")
    show_table(
        (*columns, ""),
        [
            [*(_shown(firm, column) for column in columns), "!" if firm["loss"] else ""]
            for firm in body["firms"]
        ],
    )
    for total in body["totals"]:
        cost, margin = (total[name] or "unknown" for name in ("cost", "margin"))
        say(
            f"{total['firms']} tenants, {total['losses']} of them at a loss: revenue"
            f" {total['revenue']}, cost {cost}, margin {margin} {total['currency']}"
        )
    if report.unread_databases:
        note(
            f"The costs of tenants in {', '.join(report.unread_databases)} are unknown: the"
            " database does not answer, or SLOTH_DATABASES does not name it; see `sloth doctor`."
        )
    if report.lacks_rates:
        note("The prices have no rate for the currency of some plans; add it under [rates].")
    if unpriced := sum(total["unpriced_calls"] for total in body["totals"]):
        note(f"{unpriced} calls are of unknown price, and not in the cost; --json names them.")


def _shown(firm: dict[str, Any], column: str) -> object:
    return "unknown" if column in {"cost", "margin"} and firm[column] is None else firm[column]


def prices() -> None:
    """Print the file of prices that holds; a copy of it can be named in SLOTH_PRICES."""
    from sloth_agent.app.price_list import price_text
    from sloth_agent.settings import Settings

    say(price_text(Settings.load()), end="")
