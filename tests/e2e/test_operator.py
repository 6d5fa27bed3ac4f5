"""What an operator does by `sloth admin` and `sloth tenants`, where there is no server yet."""

from pathlib import Path

import pytest

from fakes.command import Sloth

PASSWORD = b"four words in a row\n"
USERS = ("admin", "users")


def test_links_are_redeemed_at_the_machine(sloth_cli: Sloth) -> None:
    slug = sloth_cli.tenant
    anna, ben, cleo = (f"{name}@{slug}.example" for name in ("anna", "ben", "cleo"))
    early = sloth_cli(*USERS, "invite", ben, "--tenant", slug)
    assert (early.rc, "active owner" in early.error) == (1, True)
    made = sloth_cli(*USERS, "create", anna, "--tenant", slug, "--role", "owner", "--json").json
    reset = sloth_cli(*USERS, "reset", made["link"], "--password", "-", "--json", stdin=PASSWORD)
    assert reset.json["email"] == anna
    again = sloth_cli(*USERS, "reset", made["link"], "--password", "-", stdin=PASSWORD)
    assert (again.rc, "not valid any more" in again.error) == (1, True)

    links = {
        email: sloth_cli(*USERS, "invite", email, "--tenant", slug, "--json").json["link"]
        for email in (ben, cleo)
    }
    listed = sloth_cli(*USERS, "invitations", "--tenant", slug, "--json").json["items"]
    assert [(each["email"], each["tenant"], each["role"]) for each in listed] == [
        (ben, slug, "member"),
        (cleo, slug, "member"),
    ]
    everywhere = sloth_cli(*USERS, "invitations", "--json").json["items"]
    assert {ben, cleo} <= {each["email"] for each in everywhere}
    assert sloth_cli(*USERS, "withdraw", cleo.upper()).rc == 0
    assert "no open invitation" in sloth_cli(*USERS, "withdraw", cleo).error
    void = sloth_cli(*USERS, "accept", links[cleo], "--password", "-", stdin=PASSWORD)
    assert (void.rc, "not valid any more" in void.error) == (1, True)
    token = links[ben].rpartition("/")[2]
    accept = ("accept", token, "--language", "uk", "--password")
    joined = sloth_cli(*USERS, *accept, "-", "--json", stdin=PASSWORD).json
    assert (joined["email"], joined["role"], joined["language"]) == (ben, "member", "uk")
    nobody = sloth_cli(*USERS, "accept", token)
    assert (nobody.rc, "Nobody is there to ask" in nobody.error) == (2, True)
    shown = sloth_cli(*USERS, "accept", token, "--password", "secret-4711")
    assert (shown.rc, "secret-4711" in shown.stderr) == (2, False)
    events = sloth_cli("admin", "audit", "list", "--tenant", slug, "--json").json["items"]
    by = {event["action"]: event["actor"].split(":")[0] for event in events}
    assert (
        by["user.joined"] == by["user.password_reset"] == by["user.invitation_withdrawn"] == "cli"
    )


def test_what_users_and_tenants_may_lose_again(sloth_cli: Sloth) -> None:
    slug = sloth_cli.tenant
    anna = f"anna@{slug}.example"
    sloth_cli(*USERS, "create", anna, "--tenant", slug, "--role", "owner")
    update = (*USERS, "update", anna, "--json")
    changed = sloth_cli(
        *update, "--phone", "+48 123 456 789", "--language", "pl", "--avatar", "https://x.pl/a.png"
    ).json
    assert (changed["phone"], changed["language"], changed["avatar"]) == (
        "+48123456789",
        "pl",
        "https://x.pl/a.png",
    )
    changed = sloth_cli(*update, "--phone", "").json
    assert (changed["phone"], changed["avatar"]) == (None, "https://x.pl/a.png")
    assert sloth_cli(*update).rc == 2
    assert "phone number" in sloth_cli(*update, "--phone", "call me").error

    domain = ("tenants", "update", slug, "--json", "--domain")
    assert sloth_cli(*domain, f"{slug}.example").json["domain"] == f"{slug}.example"
    assert sloth_cli(*domain, "").json["domain"] is None


def test_the_field_that_cannot_be_used_is_named(sloth_cli: Sloth) -> None:
    slug = sloth_cli.tenant
    for arguments, says in (
        (("profile", slug, "--business-type", "x" * 3000), "The business type is one line of 1"),
        (("profile", slug, "--notification-email", "x"), "The notification email is not an e-mail"),
        (("update", slug, "--name", "two\nlines"), "The name is one line of 1"),
        (("update", slug, "--domain", "x"), "The domain is not a domain name"),
    ):
        assert says in sloth_cli("tenants", *arguments).error
    wrong = sloth_cli(*USERS, "create", "anna@nowhere", "--superuser")
    assert "The email is not an e-mail address" in wrong.error


def test_who_changed_a_tenant_is_written_down(sloth_cli: Sloth) -> None:
    slug = sloth_cli.tenant
    (sloth_cli.folder / "prices.md").write_text("A haircut costs 40 euro.")
    [file] = sloth_cli("ingest", "prices.md", "--json").json["files"]
    assert sloth_cli("documents", "delete", file["document_id"]).rc == 0
    sloth_cli("prompt", "set", "--role", "I answer.")
    sloth_cli("prompt", "rollback", "0")
    sloth_cli("tenants", "profile", slug, "--business-type", "hair salon")
    events = sloth_cli("admin", "audit", "list", "--tenant", slug, "--json").json["items"]
    assert [event["action"] for event in events[:4]] == [
        "profile.changed",
        "prompt.rolled_back",
        "prompt.changed",
        "document.deleted",
    ]
    assert all(event["actor"].startswith("cli:") for event in events[:4])


def test_lists_name_tenants_and_say_where_they_go_on(sloth_cli: Sloth) -> None:
    slug = sloth_cli.tenant
    owner = f"anna@{slug}.example"
    sloth_cli(*USERS, "create", owner, "--tenant", slug, "--role", "owner")
    users = sloth_cli(*USERS, "list", "--json").json["items"]
    assert [user["tenant"] for user in users if user["email"] == owner] == [slug]
    assert slug in sloth_cli(*USERS, "list", "--tenant", slug).stdout
    audit = ("admin", "audit", "list", "--tenant", slug)
    events = sloth_cli(*audit, "--json").json["items"]
    assert {event["tenant"] for event in events} == {slug}
    page = sloth_cli(*audit, "--limit", "2")
    assert f"There may be more: add --before {events[1]['id']}" in page.stderr
    assert sloth_cli(*audit).stderr == ""

    sloth_cli("admin", "subscriptions", "activate", slug, "--plan", "starter")
    page = sloth_cli("admin", "subscriptions", "list", "--limit", "1")
    assert "There may be more: add --after " in page.stderr
    sloth_cli("admin", "codes", "generate", "--plan", "starter", "--days", "30", "--count", "2")
    page = sloth_cli("admin", "codes", "list", "--limit", "2")
    assert "There may be more: add --before " in page.stderr
    [code] = sloth_cli("admin", "codes", "list", "--limit", "1", "--json").json["items"]
    assert code["created_by"].startswith("cli:")


def test_plans_are_shown_whole(sloth_cli: Sloth, tmp_path: Path) -> None:
    listed = sloth_cli("admin", "plans", "list", "--json").json
    assert all("max_cost_per_month" in plan for plan in listed)
    shown = sloth_cli("admin", "plans", "list").stdout
    assert "telegram" in shown
    assert "cost" in shown.splitlines()[0] + shown.splitlines()[1]
    folder = sloth_cli("admin", "plans", "load", str(tmp_path))
    assert (folder.rc, "is a folder" in folder.error) == (2, True)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("admin", "users", "set-role", "a@b.pl", "boss"), "'boss' is not one of 'owner'"),
        (("admin", "codes", "list", "--status", "lost"), "'lost' is not one of 'unused'"),
    ],
)
def test_a_choice_that_there_is_not(sloth_cli: Sloth, command: tuple[str, ...], says: str) -> None:
    shown = sloth_cli(*command)
    assert (shown.rc, says in shown.error, ".." in shown.error) == (2, True, False)


def test_hints_lead_to_what_there_is(sloth_cli: Sloth, tmp_path: Path) -> None:
    slug = sloth_cli.tenant
    activate = ("admin", "subscriptions", "activate", slug, "--plan", "starter", "--days")
    assert "0 for ever" not in sloth_cli(*activate, "999999").error
    absent = sloth_cli.using(SLOTH_PRICES="none.toml")("admin", "prices")
    assert "There is no file none.toml" in absent.error
    folder = sloth_cli.using(SLOTH_PRICES=str(tmp_path))("admin", "prices")
    assert "is a folder" in folder.error

    own = Sloth(tmp_path / "home", tmp_path).using(SLOTH_EMBEDDER="none")
    for name in ("anna", "ben"):
        assert own("tenants", "create", name).rc == 0
    file = str(tmp_path / "platform.zip")
    assert own("backup", "create", "--output", file).rc == 0
    missing = own("backup", "restore", file, "--tenant", "nope", "--yes")
    assert "(It has anna, ben.)" in missing.error
