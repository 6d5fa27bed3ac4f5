"""`sloth admin plans`: what is on sale."""

from typing import Annotated

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.input import read_text
from sloth_agent.cli.options import Json
from sloth_agent.cli.output import note, say, show_json, show_table
from sloth_agent.cli.session import opened

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth admin plans export > plans.toml")


@app.command("list", epilog="Example: sloth admin plans list --json")
def list_plans(as_json: Json = False) -> None:
    """List plans, the smallest first."""
    from sloth_agent.app.bodies.billing import plan_body
    from sloth_agent.billing.plan_file import UNLIMITED

    with opened() as sloth:
        plans = [plan_body(plan) for plan in sloth.run(lambda sloth: sloth.plans.list())]
    if as_json:
        show_json(plans)
        return
    limits = {
        name: name.removeprefix("max_").removesuffix("_per_month") for name in plans[0]["limits"]
    }
    columns = ("slug", "price_monthly", "price_yearly", "currency", "trial_days", "is_active")
    show_table(
        (*columns, *limits.values(), "cost", "features"),
        [
            [
                *(plan[column] for column in columns),
                *(
                    UNLIMITED if plan["limits"][name] is None else plan["limits"][name]
                    for name in limits
                ),
                plan["max_cost_per_month"] or UNLIMITED,
                ", ".join(plan["features"]),
            ]
            for plan in plans
        ],
    )


@app.command("load", epilog="Example: sloth admin plans load plans.toml")
def load(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of plans; - for stdin.")],
    as_json: Json = False,
) -> None:
    """Replace the plans; what firms have paid for they keep to the end of their periods."""
    from sloth_agent.app.bodies.billing import plan_outcome_body

    text = read_text(file)
    by = operator()
    with opened() as sloth:
        outcomes = sloth.run(lambda sloth: sloth.plans.load(text, by=by))
    items = [plan_outcome_body(outcome) for outcome in outcomes]
    if as_json:
        show_json({"plans": items})
        return
    for item in items:
        say(f"{item['plan']}: {item['outcome']}")
        if item["firms_on_old_terms"]:
            until = item["old_terms_until"]
            note(
                f"{item['firms_on_old_terms']} on {item['plan']} keep other terms"
                f" {f'until {until} at the latest' if until else 'for ever'}."
            )
        if item["unused_codes"] and item["outcome"] == "changed":
            note(f"{item['unused_codes']} unused codes of {item['plan']} give the new terms.")


@app.command("export", epilog="Example: sloth admin plans export > plans.toml")
def export() -> None:
    """Print the file that `load` reads."""
    with opened() as sloth:
        say(sloth.run(lambda sloth: sloth.plans.export()), end="")


@app.command("sync-stripe", epilog="Example: sloth admin plans sync-stripe --dry-run")
def sync_stripe(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Sell the plans at Stripe, at their prices; who has an older price keeps it."""
    from sloth_agent.app.bodies.payments import price_step_body

    with opened() as sloth:
        steps = sloth.run(lambda sloth: sloth.payments.price_sync.sync(dry_run=dry_run))
    items = [price_step_body(step) for step in steps]
    if as_json:
        show_json({"prices": items, "dry_run": dry_run})
        return
    columns = ("plan", "billing_cycle", "step", "amount", "currency")
    show_table(columns, [[item[column] for column in columns] for item in items])
