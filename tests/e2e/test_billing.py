"""What an operator does with plans and subscriptions, by the installed command."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from fakes.command import Sloth
from fakes.stripe_server.records import Price
from fakes.stripe_server.server import StripeServer
from sloth_agent.adapters.stores.postgres.embedded import Attachment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes of POSIX")


@pytest.fixture
def shipped(sloth_cli: Sloth) -> Iterator[bytes]:
    """The plans, which are put back: all tests of a process share the server."""
    plans = sloth_cli("admin", "plans", "export").stdout.encode()
    yield plans
    assert sloth_cli("admin", "plans", "load", "-", stdin=plans).rc == 0


def test_plans_from_the_command_line(sloth_cli: Sloth, shipped: bytes) -> None:
    listed = sloth_cli("admin", "plans", "list", "--json").json
    plans = [plan for plan in listed if plan["is_active"]]  # others may be left from other tests
    assert [plan["slug"] for plan in plans] == ["free", "starter", "professional", "enterprise"]
    assert set(plans[0]) == {
        "slug", "name", "price_monthly", "price_yearly", "currency", "limits", "features",
        "trial_days", "is_active", "max_cost_per_month",
    }  # fmt: skip
    assert (plans[1]["price_monthly"], plans[3]["limits"]["max_users"]) == ("29.00", None)

    slug = f"t-{uuid4().hex}"
    assert sloth_cli("tenants", "create", slug, "--plan", "starter").rc == 0
    dearer = shipped.replace(b"29.00", b"35.00")
    told = sloth_cli("admin", "plans", "load", "-", stdin=dearer)
    assert "starter: changed" in told.stdout
    assert "on starter keep other terms" in told.stderr
    loaded = sloth_cli("admin", "plans", "load", "-", "--json", stdin=dearer).json["plans"]
    assert {plan["outcome"] for plan in loaded} == {"unchanged"}

    wrong = shipped.replace(b"max_users = 3\n", b"max_users = -3\n")
    refused = sloth_cli("admin", "plans", "load", "-", stdin=wrong)
    assert (refused.rc, refused.stdout) == (2, "")
    assert "Line 20: max_users of starter is -3" in refused.error
    assert sloth_cli("admin", "plans", "export").stdout.encode() == dearer
    assert sloth_cli("admin", "plans", "load", "/no/such/file").rc == 1


def test_subscriptions_from_the_command_line(sloth_cli: Sloth) -> None:
    slug = f"t-{uuid4().hex}"
    assert "no plan 'gold'" in sloth_cli("tenants", "create", slug, "--plan", "gold").error
    assert sloth_cli("tenants", "create", slug, "--plan", "professional").rc == 0
    trial = sloth_cli("tenants", "show", slug, "--json").json["subscription"]
    assert (trial["plan"], trial["status"]) == ("professional", "trialing")
    assert trial["trial_end"] == trial["current_period_end"]

    activate = ("admin", "subscriptions", "activate", slug, "--plan")
    paid = sloth_cli(*activate, "professional", "--cycle", "yearly", "--json").json
    assert {
        "plan", "status", "billing_cycle", "trial_end", "current_period_start",
        "current_period_end", "cancel_at_period_end", "features",
    } <= set(paid)  # fmt: skip
    assert (paid["status"], paid["billing_cycle"]) == ("active", "yearly")
    assert paid["features"] == ["api", "calendar", "telegram", "whatsapp"]
    later = sloth_cli(*activate, "starter", "--days", "30")
    assert "features: api, calendar, telegram, whatsapp" in later.stdout
    assert "  plan: starter" in later.stdout

    listed = sloth_cli(
        "admin", "subscriptions", "list", "--plan", "professional", "--limit", "1000", "--json"
    ).json
    assert slug in [item["tenant"] for item in listed["items"]]
    assert sloth_cli(*activate, "enterprise", "--days", "1", "--unlimited").rc == 2
    assert sloth_cli(*activate, "enterprise", "--unlimited", "--json").json["later"] == []
    refused = sloth_cli("admin", "subscriptions", "cancel", slug)
    assert "no end" in refused.error
    ended = sloth_cli("admin", "subscriptions", "cancel", slug, "--now", "--json").json
    assert ended["status"] == "canceled"
    assert (
        "no subscription" in sloth_cli("admin", "subscriptions", "cancel", sloth_cli.tenant).error
    )


def test_codes_from_the_command_line(sloth_cli: Sloth) -> None:
    slug = sloth_cli.tenant
    generate = ("admin", "codes", "generate", "--plan", "pro", "--days", "90")
    [one, other] = sloth_cli(*generate, "--count", "2", "--json").json["codes"]
    header, row = sloth_cli(*generate, "--csv", "--expires", "2099-01-01").stdout.split()
    assert header == "code,plan,days,expires_at"
    assert row.split(",")[1:] == ["professional", "90", "2099-01-01T00:00:00+00:00"]

    redeem = ("admin", "codes", "redeem")
    given = sloth_cli(*redeem, one, "--tenant", slug, "--json").json
    assert (given["tenant"], given["plan"], given["status"]) == (slug, "professional", "active")
    assert sloth_cli(*redeem, "-", "--tenant", slug, stdin=f" {other.lower()}\n".encode()).rc == 0
    assert "used already" in sloth_cli(*redeem, one, "--tenant", slug).error
    assert "mistyped" in sloth_cli(*redeem, one[:-1], "--tenant", slug).error

    found = sloth_cli("admin", "codes", "list", "--plan", "pro", "--limit", "1", "--json").json
    [item] = found["items"]
    assert set(item) == {
        "id", "plan", "days", "status", "used_by", "used_at", "expires_at",
        "created_by", "created_at",
    }  # fmt: skip
    assert (item["status"], found["next_cursor"]) == ("unused", item["id"])
    assert sloth_cli("admin", "codes", "revoke", item["id"], "--json").json["status"] == "revoked"
    used = sloth_cli("admin", "codes", "list", "--status", "used", "--json").json["items"]
    assert slug in [code["used_by"] for code in used]

    for wrong in (["--days", "-1"], ["--count", "0"], ["--expires", "soon"], ["--csv", "--json"]):
        assert sloth_cli(*generate, *wrong).rc == 2
    assert "expired already" in sloth_cli(*generate, "--expires", "2001-01-01").error
    assert "no plan 'gold'" in sloth_cli(*generate, "--plan", "gold").error
    log = sloth_cli("admin", "audit", "list", "--tenant", slug, "--action", "code.*", "--json").json
    assert [event["action"] for event in log["items"]] == [
        "code.refused",
        "code.refused",
        "code.redeemed",
        "code.redeemed",
    ]


def test_margin_from_the_command_line(sloth_cli: Sloth, tmp_path: Path) -> None:
    slug = f"t-{uuid4().hex}"
    assert sloth_cli("tenants", "create", slug, "--plan", "starter").rc == 0
    assert sloth_cli("admin", "subscriptions", "activate", slug, "--plan", "starter").rc == 0
    report = sloth_cli("admin", "margin", "--json").json
    assert set(report) == {"month", "firms", "totals", "unread_databases"}
    firm = next(firm for firm in report["firms"] if firm["tenant"] == slug)
    assert (firm["plan"], firm["status"]) == ("starter", "active")
    assert (firm["revenue"], firm["cost"], firm["margin"]) == ("29.00", "0.0000", "29.0000")
    assert (firm["currency"], firm["loss"], firm["models"]) == ("EUR", False, [])
    shown = sloth_cli("admin", "margin", "--month", report["month"])
    assert "revenue" in shown.stdout
    assert slug in shown.stdout
    assert "not begun" in sloth_cli("admin", "margin", "--month", "2999-01").error
    assert sloth_cli("admin", "margin", "--month", "November").rc == 2

    prices = sloth_cli("admin", "prices").stdout
    file = tmp_path / "prices.toml"
    file.write_text(prices.replace("EUR = 0.90", "EUR = nothing"))
    sloth = sloth_cli.using(SLOTH_PRICES=str(file))
    refused = sloth("admin", "margin")
    assert (refused.rc, refused.stdout) == (1, "")
    assert "The prices cannot be used. Line 10" in refused.error
    file.write_text(prices)
    assert sloth("admin", "margin", "--json").rc == 0
    assert "is a folder" in sloth.using(SLOTH_PRICES=str(tmp_path))("admin", "margin").error


def test_payments_from_the_command_line(sloth_cli: Sloth, server: Attachment) -> None:
    slug = sloth_cli.tenant
    refused = sloth_cli("tenants", "subscribe", slug, "--plan", "starter")
    assert (refused.rc, "takes no payments" in refused.error) == (1, True)
    assert sloth_cli("tasks", "run", "billing-reconciliation").rc == 0  # nothing to compare

    with StripeServer(start=datetime.now(UTC)) as stripe_server:
        paid = sloth_cli.using(
            STRIPE_SECRET_KEY=stripe_server.key, STRIPE_API_BASE=stripe_server.url
        )
        wrong = paid.using(STRIPE_SECRET_KEY="sk_test_rolled")("admin", "plans", "sync-stripe")
        assert (wrong.rc, "Stripe refuses the key." in wrong.error) == (1, True)
        assert "STRIPE_SECRET_KEY" in wrong.error
        assert paid("admin", "plans", "sync-stripe").rc == 0
        page = paid("tenants", "subscribe", slug, "--plan", "starter", "--json").json
        stripe_server.pay_checkout(page["checkout_url"].rpartition("/")[2])

        def mine(*options: str) -> dict[str, bool]:
            body = paid("billing", "reconcile", "--json", *options).json
            return {
                each["about"]: each["repaired"]
                for each in body["differences"]
                if each["tenant"] == slug
            }

        assert mine("--dry-run") == {"subscription": False, "charge": False}
        assert mine() == {"subscription": True, "charge": True}
        assert mine() == {}

        told = paid("billing", "explain", slug, "--json").json
        assert told["subscription"]["plan"] == "starter"
        assert [each["what"] for each in told["entries"]] == ["taken", "subscription.changed"]
        shown = paid("billing", "explain", slug).stdout
        first, charge, changed = shown.splitlines()
        assert f"{slug} has starter, active until" in first
        assert "  charge    taken: 29.00 EUR (ch_" in charge
        assert "subscription.changed: nothing -> starter active until 20" in changed
        assert ", by " in changed

        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            connection.execute(
                "insert into public.payment_events (id, type, customer, subject, created_at,"
                " received_at, handled_at, outcome) select id, type, %s, id, now(), now(), now(),"
                " outcome from (values (%s, 'customer.updated', 'unknown'),"
                " (%s, 'invoice.paid', 'applied')) as told (id, type, outcome)",
                (told["customer"], f"evt_1{slug}", f"evt_2{slug}"),
            )
        explained = paid("billing", "explain", slug)
        assert f"  event     invoice.paid: applied (evt_2{slug})" in explained.stdout
        assert "customer.updated" not in explained.stdout
        assert "left out: 1. --json has them." in explained.stderr
        entries = paid("billing", "explain", slug, "--json").json["entries"]
        assert "customer.updated" in [each["what"] for each in entries]

        (subscription,) = stripe_server.subscriptions()
        price = subscription["items"]["data"][0]["price"]["id"]
        stripe_server.book.get(Price, price).metadata.clear()
        left = paid("billing", "reconcile", "--dry-run")
        assert left.rc == 3
        said = re.search(r"(\d+) of them (is|are) for a person", left.stderr)
        assert said is not None
        assert said[2] == ("is" if said[1] == "1" else "are")

        ran = paid("tasks", "run", "billing-reconciliation", "--json").json
        assert ran["outcome"]["firms"] >= 1
        assert paid("tenants", "delete", slug, "--yes").rc == 0
        assert [each["status"] for each in stripe_server.subscriptions()] == ["canceled"]
    assert paid("billing", "explain", slug).rc == 1
