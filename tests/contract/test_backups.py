"""A whole install as a file: put into another install, put back, or refused."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import anyio
import pytest

from fakes.channels import CANARY, chat_with, connected, sent_file, token_of
from fakes.command import Sloth as SlothCommand
from fakes.installs import (
    BY,
    PRICES,
    QUESTION,
    Parts,
    Values,
    another_install,
    content_of,
    everything,
    file_keys,
    hashing,
    others_may_not_read,
    rewrite,
    rewritten,
    salon,
)
from sloth_agent import AsyncSloth
from sloth_agent.adapters.secrets.keys import FILE
from sloth_agent.adapters.stores.postgres.control_tables import (
    AUDIT_LOG,
    CONTROL_TABLES,
    PostgresControlTables,
)
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.adapters.stores.postgres.migrations.history import Migration, migrations
from sloth_agent.adapters.stores.postgres.payment_accounts import PostgresPayerAccounts
from sloth_agent.adapters.stores.postgres.payment_events import PostgresPaymentEvents
from sloth_agent.adapters.stores.postgres.payment_reminders import PostgresPaymentReminders
from sloth_agent.adapters.stores.postgres.payments import PostgresPayments
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.allowance import Resource
from sloth_agent.channels.models import LEFT_BEHIND, IntegrationStatus
from sloth_agent.errors import (
    ArchiveRefused,
    Conflict,
    CredentialUnreadable,
    DatabaseUnavailable,
    NotFound,
)
from sloth_agent.ids import IntegrationId, new_id
from sloth_agent.payments.models import (
    Charge,
    ChargeStatus,
    Occasion,
    Payer,
    PaymentEvent,
    Reminder,
    Said,
)
from sloth_agent.tenants.archives import Archives
from sloth_agent.tenants.models import Organization, Stage
from sloth_agent.tenants.restoring import Restoring
from sloth_agent.tenants.users import Role, User

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


@pytest.fixture
async def sloth(server: Attachment, tmp_path: Path) -> AsyncIterator[AsyncSloth]:
    """An install of its own: a backup takes all there is."""
    async with hashing(another_install(server, tmp_path / "here")) as sloth:
        yield sloth


@pytest.fixture
async def elsewhere(server: Attachment, tmp_path: Path) -> AsyncIterator[AsyncSloth]:
    async with hashing(another_install(server, tmp_path / "elsewhere")) as sloth:
        yield sloth


@dataclass(frozen=True)
class Firms:
    """Anna's salon is on a plan and has brought Ben's."""

    anna: AsyncTenant
    ben: AsyncTenant
    code: str  # not redeemed yet


@pytest.fixture
async def firms(sloth: AsyncSloth) -> Firms:
    anna, ben = await salon(sloth, "anna"), await salon(sloth, "ben")
    first = await user(sloth, "anna@example.com", anna.organization)
    await user(sloth, "ben@example.com", ben.organization, referral_code=first.referral_code)
    await sloth.accounts.create("root@example.com", password=PASSWORD, is_superuser=True, by=BY)
    await sloth.invitations.invite(ben.organization.id, "carl@example.com", by=BY)
    used, code = await sloth.codes.generate("pro", days=90, count=2, by=BY)
    await sloth.codes.redeem(ben.organization.id, used, by=BY)
    await sloth.services.api_keys.create(ben.organization.id, "Web site", by=BY)
    await sloth.tasks.run("referral-statistics", by=BY)
    await has_paid(sloth, ben.organization)
    return Firms(anna, ben, code)


async def has_paid(sloth: AsyncSloth, organization: Organization) -> None:
    """As if a payment provider had told of it."""
    database, now = sloth.services.databases.main, datetime.now(UTC)
    id = organization.id.hex
    payers = PostgresPayerAccounts(database)
    hold = await payers.hold(organization.id, now=now, until=now + timedelta(minutes=1))
    assert hold is not None
    payer = Payer(organization=organization.id, customer=f"cus_{id}")
    await payers.save(payer, hold=hold)
    event = PaymentEvent(
        id=f"evt_{id}", type="charge.succeeded", customer=f"cus_{id}", subject="", created_at=now
    )
    await PostgresPaymentEvents(database).add(event, now=now)
    charge = Charge(
        id=f"ch_{id}",
        customer=f"cus_{id}",
        amount=Decimal("29.00"),
        refunded=Decimal(0),
        currency="EUR",
        status=ChargeStatus.SUCCEEDED,
        created_at=now,
    )
    await PostgresPayments(database).apply(
        hold, lambda *_: None, said=Said(now, (), [charge], [event]), now=now
    )
    await payers.release(hold)
    reminder = Reminder(organization=organization.id, occasion=Occasion.TRIAL_ENDS, at=now)
    await PostgresPaymentReminders(database).claim(reminder, now=now, until=now)


async def user(
    sloth: AsyncSloth, email: str, organization: Organization, *, referral_code: str | None = None
) -> User:
    return await sloth.accounts.create(
        email,
        organization=organization.id,
        role=Role.OWNER,
        password=PASSWORD,
        referral_code=referral_code,
        by=BY,
    )


@pytest.fixture
async def backup(sloth: AsyncSloth, firms: Firms, tmp_path: Path) -> Path:
    assert firms.code
    return (await sloth.backups.create(tmp_path / "backup.zip", by=BY)).file.path


async def control_rows(sloth: AsyncSloth) -> dict[str, set[bytes]]:
    """All but where tenants live, which a restore decides anew."""
    async with sloth.services.backups.control.snapshot() as snapshot:
        rows = {table: {row async for row in snapshot.rows(table)} for table in snapshot.tables}
        places = [
            place.encode()
            for tenant in await snapshot.organizations()
            for place in (tenant.schema_name, tenant.database)
        ]
    for place in places:
        rows["organizations"] = {row.replace(place, b"PLACE") for row in rows["organizations"]}
    return rows


@dataclass(frozen=True)
class Traces:
    """Whatever a restore could leave."""

    control: dict[str, set[bytes]]
    schemas: set[str]
    roles: set[str]
    counted: set[str]
    folders: set[str]

    def is_tidy(self, places: set[str]) -> bool:
        return self.schemas == self.roles == self.folders == places >= self.counted


async def traces(sloth: AsyncSloth) -> Traces:
    async with sloth.services.databases.main.owning() as connection:
        schemas = await connection.execute(
            "select nspname from pg_namespace where nspname like 't\\_%%'"
        )
        roles = await connection.execute(  # those of other installs on this server have no rights
            "select rolname from pg_roles join pg_namespace on nspname = rolname"
        )
        counted = await connection.execute("select schema_name from public.usage")
        folders = sloth.settings.home / "files"
        return Traces(
            await control_rows(sloth),
            {name for (name,) in await schemas.fetchall()},
            {name for (name,) in await roles.fetchall()},
            {name for (name,) in await counted.fetchall()},
            {path.name for path in folders.glob("*")},
        )


async def data(tenant: AsyncTenant) -> dict[str, object]:
    """What lives where the tenant lives: users do not."""
    found = await everything(tenant)
    used = [(meter.room.resource, meter.used) for meter in (await tenant.usage()).meters]
    return {**found, "used": [count for count in used if count[0] is not Resource.USERS]}


async def homes(sloth: AsyncSloth) -> set[str]:
    return {tenant.schema_name for tenant in await sloth.tenants()}


async def test_an_empty_install_becomes_the_same(
    sloth: AsyncSloth, elsewhere: AsyncSloth, firms: Firms, tmp_path: Path
) -> None:
    anna = (await sloth.tenant("anna")).organization.id
    await sloth.services.addresses.add(IntegrationId(new_id()), anna, "telegram:7")
    before = await control_rows(sloth)
    made = await sloth.backups.create(tmp_path / "backup.zip", by=BY)
    assert made.file.size == (tmp_path / "backup.zip").stat().st_size
    assert others_may_not_read(made.file.path)
    restored = await elsewhere.restoring.restore(made.file.path, by=BY)
    assert restored == made.manifest

    after = await control_rows(elsewhere)
    (event,) = await elsewhere.audit.list(action="backup.*")
    assert (event.action, event.by, event.details) == ("backup.restored", BY, {"tenants": 2})
    assert {row for row in after.pop(AUDIT_LOG) if b"backup." not in row} == before.pop(AUDIT_LOG)
    assert after == before
    empty = {table for table in before if not before[table]}
    assert empty <= {"password_resets", "referral_rewards"}
    assert (await traces(elsewhere)).is_tidy(await homes(elsewhere))

    async with hashing(sloth.settings) as here:  # one that remembers no former subscription
        for slug in ("anna", "ben"):
            await assert_same(await here.tenant(slug), await elsewhere.tenant(slug))
    arrived = await elsewhere.tenant("ben")
    await arrived.ingest_content("more.txt", b"A beard trim costs 15 euro.")
    assert "15 euro" in (await arrived.chat("How much is a beard trim?")).text
    assert await elsewhere.accounts.authenticate("anna@example.com", PASSWORD)
    assert not await elsewhere.accounts.authenticate("anna@example.com", "another password")
    anna = firms.anna.organization.id
    assert (await elsewhere.codes.redeem(anna, firms.code, by=BY)).plan == "professional"


async def test_a_backup_of_an_older_release_is_brought_up_to_date(
    elsewhere: AsyncSloth, backup: Path
) -> None:
    known = migrations("control")
    change = "alter table public.users add column nickname text not null default 'none'"
    new = Migration(version=len(known) + 1, name="next", statements=(change,))
    main = elsewhere.services.databases.main
    async with main.owning() as connection:
        await connection.execute(change.encode())
    control = PostgresControlTables(main, steps=(*known, new))
    await replace(elsewhere.restoring, control=control).restore(backup, by=BY)
    async with main.owning() as connection:
        found = await connection.execute("select email, nickname from public.users order by 1")
        assert await found.fetchall() == [
            (f"{name}@example.com", "none") for name in ("anna", "ben", "root")
        ]


async def test_a_release_makes_no_backup_of_what_a_newer_one_keeps(
    sloth: AsyncSloth, tmp_path: Path
) -> None:
    control = PostgresControlTables(sloth.services.databases.main, steps=migrations("control")[:-1])
    with pytest.raises(Conflict, match="newer release"):
        await replace(sloth.backups, control=control).create(tmp_path / "backup.zip", by=BY)
    assert await sloth.backups.list(tmp_path) == []


async def test_codes_are_not_replaced_unasked(elsewhere: AsyncSloth, backup: Path) -> None:
    await elsewhere.tasks.run("clean-up", by=BY)
    assert await elsewhere.plans.list()
    assert await elsewhere.restoring.is_empty()
    await elsewhere.codes.generate("pro", days=90, by=BY)
    with pytest.raises(Conflict, match="not empty"):
        await elsewhere.restoring.restore(backup, by=BY)


async def assert_same(here: AsyncTenant, there: AsyncTenant) -> None:
    assert await everything(there) == await everything(here)
    answers = await here.chat(QUESTION), await there.chat(QUESTION)
    assert answers[0].citations
    assert len({(answer.text, answer.citations) for answer in answers}) == 1
    for key in await file_keys(here):
        files = here.services.files, there.services.files
        assert await files[0].read(key) == await files[1].read(key)


async def test_put_back_in_the_place_of_what_came_later(
    sloth: AsyncSloth, firms: Firms, backup: Path
) -> None:
    before, content = await control_rows(sloth), await everything(firms.anna)
    await firms.anna.ingest_content("later.txt", b"Closed in August.")
    await sloth.delete_tenant("ben", by=BY)
    await salon(sloth, "carl")
    changed = await traces(sloth)
    with pytest.raises(Conflict, match="not empty"):
        await sloth.restoring.restore(backup, by=BY)
    assert await traces(sloth) == changed

    await sloth.restoring.restore(backup, replace=True, by=BY)
    after = await traces(sloth)
    assert {tenant.slug for tenant in await sloth.tenants()} == {"anna", "ben"}
    assert after.is_tidy(await homes(sloth))
    log = after.control.pop(AUDIT_LOG)
    assert log > before.pop(AUDIT_LOG)
    assert log > changed.control[AUDIT_LOG], "what was done stays on record"
    assert after.control == before
    assert await everything(await sloth.tenant("anna")) == content


async def test_one_tenant_comes_back_and_the_others_stay(
    sloth: AsyncSloth, firms: Firms, backup: Path, tmp_path: Path
) -> None:
    content = await data(firms.anna)
    for document in await firms.anna.documents():
        await firms.anna.delete_document(document.id)
    await user(sloth, "late@example.com", firms.anna.organization)
    ben = await bytes_of(sloth, firms.ben, tmp_path / "before.zip")
    control = await control_rows(sloth)

    restored = await sloth.restoring.restore_tenant(backup, "anna", by=BY)
    assert (restored.id, restored.stage) == (firms.anna.organization.id, Stage.LIVE)
    assert await data(await sloth.tenant("anna")) == content
    assert await bytes_of(sloth, firms.ben, tmp_path / "after.zip") == ben
    after = await traces(sloth)
    assert after.is_tidy(await homes(sloth))
    del control[AUDIT_LOG], after.control[AUDIT_LOG]
    assert after.control == control, "users and subscription stay as they are"
    (event, *_) = await sloth.audit.list(action="tenant.restored")
    assert event.organization == restored.id


async def bytes_of(sloth: AsyncSloth, tenant: AsyncTenant, path: Path) -> dict[str, str]:
    manifest = await sloth.archives.export(tenant.organization.slug, path, by=BY)
    return {member.name: member.sha256 for member in manifest.members}


async def test_documents_of_customers_come_back(
    sloth: AsyncSloth, firms: Firms, tmp_path: Path
) -> None:
    chat = await chat_with(firms.anna, await connected(firms.anna), "olha")
    file = await sent_file(firms.anna, chat, b"%PDF-1.7")
    path = (await sloth.backups.create(tmp_path / "files.zip", by=BY)).file.path
    await firms.anna.delete_customer("telegram:olha", by=BY)
    assert await firms.anna.chat_files() == []
    await sloth.restoring.restore_tenant(path, "anna", by=BY)
    anna = await sloth.tenant("anna")
    assert await anna.chat_files() == [file]
    assert await anna.chat_file_content(file.id) == b"%PDF-1.7"


async def test_what_opens_accounts_comes_back_where_its_keys_are(
    sloth: AsyncSloth, elsewhere: AsyncSloth, firms: Firms, tmp_path: Path
) -> None:
    """Under the same secret; imported or without its record, a tenant is another one."""
    bot, other = await connected(firms.anna), await connected(firms.ben)
    path = (await sloth.backups.create(tmp_path / "channels.zip", by=BY)).file.path
    assert CANARY.encode() not in content_of(path)
    await firms.anna.disconnect(bot.id)
    await firms.ben.disconnect(other.id)
    await sloth.restoring.restore_tenant(path, "anna", by=BY)
    anna = await sloth.tenant("anna")
    assert list(await anna.integrations()) == [bot]
    assert await token_of(anna, bot) == CANARY
    await sloth.delete_tenant("ben", by=BY)
    await sloth.restoring.restore_tenant(path, "ben", by=BY)
    [ben] = await (await sloth.tenant("ben")).integrations()
    assert (ben.status, ben.problem) == (IntegrationStatus.DISABLED, LEFT_BEHIND)

    await elsewhere.restoring.restore(path, by=BY)
    anna = await elsewhere.tenant("anna")
    with pytest.raises(CredentialUnreadable):
        await token_of(anna, bot)
    (elsewhere.settings.home / FILE).write_bytes((sloth.settings.home / FILE).read_bytes())
    async with AsyncSloth(elsewhere.settings) as again:
        assert await token_of(await again.tenant("anna"), bot) == CANARY


async def test_a_tenant_that_is_gone_comes_without_its_users(
    sloth: AsyncSloth, firms: Firms, backup: Path
) -> None:
    content = await data(firms.ben)
    await sloth.delete_tenant("ben", by=BY)
    restored = await sloth.restoring.restore_tenant(backup, "ben", by=BY)
    assert await data(await sloth.tenant("ben")) == content
    assert await sloth.accounts.list(restored.id) == []
    with pytest.raises(NotFound):
        await sloth.restoring.restore_tenant(backup, "carl", by=BY)


async def test_tenants_that_come_and_go_while_a_backup_is_made(
    sloth: AsyncSloth, elsewhere: AsyncSloth, tmp_path: Path
) -> None:
    """Fails where the control tables are read once, before the tenants or after them."""
    await salon(sloth, "anna")
    await salon(sloth, "ben")
    archives = sloth.archives
    slugs = {tenant.schema_name: tenant.slug for tenant in await sloth.tenants()}
    seen: list[str] = []

    class Busy:
        """Files during whose reading others go on."""

        def __init__(self, schema: str) -> None:
            self.files = archives.files(schema)
            self.write = self.files.write
            self.slug = slugs.get(schema, "carl")

        async def read(self, key: str) -> bytes:
            if self.slug not in seen:
                seen.append(self.slug)
                if self.slug == "anna":
                    await sloth.delete_tenant("ben", by=BY)
                    await salon(sloth, "carl")
                else:
                    await sloth.delete_tenant("anna", by=BY)
            return await self.files.read(key)

    busy = replace(archives, files=Busy)
    made = await replace(sloth.backups, archives=busy).create(tmp_path / "b.zip", by=BY)
    assert seen == ["anna", "carl"]
    assert made.manifest
    assert [tenant.slug for tenant in made.manifest.tenants] == ["carl"]
    await elsewhere.restoring.restore(tmp_path / "b.zip", by=BY)
    assert [tenant.slug for tenant in await elsewhere.tenants()] == ["carl"]
    assert (await traces(elsewhere)).is_tidy(await homes(elsewhere))


async def test_a_deleted_tenant_is_in_no_new_backup(
    sloth: AsyncSloth, firms: Firms, tmp_path: Path
) -> None:
    canary = f"canary{uuid4().hex}"
    await salon(sloth, canary)
    bird = await sloth.tenant(canary)
    await bird.ingest_content("song.txt", f"The {canary} sings.".encode())
    await user(sloth, f"{canary}@example.com", bird.organization)
    before = await sloth.backups.create(tmp_path / "before.zip", by=BY)
    assert canary.encode() in content_of(before.file.path)
    await sloth.delete_tenant(canary, by=BY)
    after = await sloth.backups.create(tmp_path / "after.zip", by=BY)
    assert canary.encode() not in content_of(after.file.path)
    assert firms.anna.organization.schema_name.encode() in content_of(after.file.path)


async def test_all_control_tables_have_been_thought_of(sloth: AsyncSloth) -> None:
    """A new one goes into backups, or is named here among those that do not."""
    async with sloth.services.databases.main.owning() as connection:
        found = await connection.execute(
            "select tablename from pg_tables where schemaname = 'public' and not exists"
            " (select from information_schema.columns where table_schema = 'public'"
            " and table_name = tablename and column_name = 'schema_name')"
        )
        tables = {name for (name,) in await found.fetchall()}
    stay = {"schema_versions", "vacant_spaces", "sessions", "refresh_tokens", "replies"}
    assert {*tables, "organizations"} == {*CONTROL_TABLES, *stay}


def changed_archive(change: Callable[[Values, Parts], object]) -> Callable[[Values, Parts], None]:
    """A backup of whose tenants one is forged, and all seals are right."""

    def forge(manifest: Values, parts: Parts) -> None:
        name = manifest["tenants"][0]["archive"]
        with TemporaryDirectory() as folder:
            path = Path(folder) / "tenant.zip"
            rewrite(path, parts[name])
            rewritten(path, change)
            put(manifest, parts, name, content_of(path))

    return forge


def put(manifest: Values, parts: Parts, name: str, content: bytes) -> None:
    """Another content of a part, with the checksum that goes with it."""
    parts[name] = content
    [member] = [member for member in manifest["members"] if member["name"] == name]
    member.update(size=len(content), sha256=sha256(content).hexdigest())


def renamed(old: str, new: str) -> Callable[[Values, Parts], None]:
    def change(manifest: Values, parts: Parts) -> None:
        found = next(name for name in parts if name.startswith(old))
        parts[new] = parts.pop(found)
        for listed in (*manifest["members"], *manifest.get("tenants", ())):
            listed.update({key: new for key, value in listed.items() if value == found})

    return change


def in_table(table: str, old: bytes, new: bytes) -> Callable[[Values, Parts], None]:
    def change(manifest: Values, parts: Parts) -> None:
        name = f"control/{table}.copy"
        assert old in parts[name]
        put(manifest, parts, name, parts[name].replace(old, new))

    return change


def column_renamed(manifest: Values, _: Parts) -> None:
    manifest["tables"][0]["columns"][0]["name"] = "other"


def tenant_left_out(manifest: Values, parts: Parts) -> None:
    """Its users and its subscription would be there without it."""
    gone = manifest["tenants"].pop()
    del parts[gone["archive"]]
    manifest["members"] = [m for m in manifest["members"] if m["name"] != gone["archive"]]


FORGED: dict[str, Callable[[Values, Parts], object]] = {
    "a newer format": lambda manifest, _: manifest.update(format=2),
    "newer tables": lambda manifest, _: manifest.update(version=999),
    "older tables": lambda manifest, _: manifest.update(version=1),
    "another kind": lambda manifest, _: manifest.update(kind="tenant"),
    "no list of tenants": lambda manifest, _: manifest.pop("tenants"),
    "no list of tables": lambda manifest, _: manifest.pop("tables"),
    "one table less": lambda manifest, _: manifest["tables"].pop(),
    "a column of another name": column_renamed,
    "one tenant twice": lambda manifest, _: manifest["tenants"].append(manifest["tenants"][0]),
    "a tenant less": tenant_left_out,
    "a tenant without an archive": lambda manifest, _: manifest["tenants"][0].update(archive="x"),
    "a hostile slug": lambda manifest, _: manifest["tenants"][0].update(slug="a'; drop schema x"),
    "a hostile schema": lambda manifest, _: manifest["tenants"][0].update(schema_name="public"),
    "a wrong checksum": lambda manifest, _: manifest["members"][0].update(sha256="0" * 64),
    "a missing part": lambda _, parts: parts.pop("control/users.copy"),
    "a part too many": lambda _, parts: parts.update({"control/abc": b""}),
    "a path upwards": renamed("tenants/", "../../evil.zip"),
    "an absolute path": renamed("tenants/", "/tmp/evil.zip"),
    "rows that do not fit": in_table("users", b"\towner\t", b"\tqueen\t"),
    "a cell too many": in_table("users", b"\towner\t", b"\towner\t\t"),
    "a row without its organization": in_table("organizations", b"01", b"02"),
    "no archive where one should be": lambda manifest, parts: put(
        manifest, parts, manifest["tenants"][0]["archive"], b"PK"
    ),
    "a tenant's part changed": changed_archive(
        lambda _, parts: parts.update({"tables/messages.copy": b""})
    ),
    "a tenant of another kind": changed_archive(lambda manifest, _: manifest.update(kind="x")),
    "a tenant of a newer release": changed_archive(
        lambda manifest, _: manifest.update(version=999)
    ),
    "a tenant without tables": changed_archive(lambda manifest, _: manifest.pop("tables")),
    "a tenant's file with a path": changed_archive(renamed("files/", "../../evil")),
}


async def test_a_forged_backup_leaves_nothing(elsewhere: AsyncSloth, backup: Path) -> None:
    before, whole = await traces(elsewhere), content_of(backup)
    taken = []
    for name, forgery in FORGED.items():
        rewrite(backup, whole)
        rewritten(backup, forgery)
        try:
            await elsewhere.restoring.restore(backup, replace=True, by=BY)
        except ArchiveRefused:
            continue
        taken.append(name)
    assert taken == []
    assert await traces(elsewhere) == before
    assert not (backup.parent / "evil.zip").exists()
    rewrite(backup, whole)
    rewritten(backup, lambda _manifest, _parts: None)
    await elsewhere.restoring.restore(backup, by=BY)


async def test_damage_anywhere_is_refused(
    elsewhere: AsyncSloth, backup: Path, sloth: AsyncSloth, tmp_path: Path
) -> None:
    before, whole = await traces(elsewhere), content_of(backup)
    half = len(whole) // 2
    places = [0, 5, 40, 997, half, half + 997, -5000, -300, -100, -1]
    damaged = [bytearray(whole) for _ in places]
    for copy, place in zip(damaged, places, strict=True):
        copy[place] ^= 1
    others = [b"", whole[:1], whole[:half], whole[:-1], whole + b"x", b"%PDF-1.7" + whole]
    await sloth.archives.export("anna", tmp_path / "tenant.zip", by=BY)
    others.append(content_of(tmp_path / "tenant.zip"))
    for content in [*map(bytes, damaged), *others]:
        rewrite(backup, content)
        with pytest.raises(ArchiveRefused):
            await elsewhere.restoring.restore(backup, by=BY)
    assert await traces(elsewhere) == before
    rewrite(backup, whole)
    with pytest.raises(ArchiveRefused, match="no archive of a tenant"):
        await elsewhere.archives.import_(backup, by=BY)


def failing(archives: Archives) -> Archives:
    """Files that cannot be written from the second one of the second firm on."""
    written: list[str] = []

    class Failing:
        def __init__(self, schema: str) -> None:
            self.files = archives.files(schema)
            self.read = self.files.read

        async def write(self, key: str, content: bytes) -> None:
            if len(written) == 4:
                raise DatabaseUnavailable("Gone.")
            written.append(key)
            await self.files.write(key, content)

    return replace(archives, files=Failing)


async def test_a_restore_that_fails_half_way_leaves_nothing(
    elsewhere: AsyncSloth, backup: Path
) -> None:
    before = await traces(elsewhere)
    restoring = elsewhere.restoring
    with pytest.raises(DatabaseUnavailable):
        await replace(restoring, archives=failing(restoring.archives)).restore(backup, by=BY)
    assert await traces(elsewhere) == before
    await elsewhere.restoring.restore(backup, by=BY)


async def test_what_a_killed_restore_left_is_removed_by_the_clean_up(
    elsewhere: AsyncSloth, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> int:
        """Nobody is there to clean up."""
        return 0

    before = await traces(elsewhere)
    with monkeypatch.context() as patch:
        patch.setattr(Restoring, "_remove_vacant", killed)
        restoring = elsewhere.restoring
        with pytest.raises(DatabaseUnavailable):
            await replace(restoring, archives=failing(restoring.archives)).restore(backup, by=BY)
    left = await traces(elsewhere)
    assert (len(left.schemas), left.control) == (2, before.control)
    done = await elsewhere.tasks.run("clean-up", by=BY)
    assert done.outcome
    assert done.outcome["vacant_spaces"] == 2
    after = await traces(elsewhere)
    assert after.is_tidy(set())


async def test_a_restore_that_is_going_on_is_left_alone(
    elsewhere: AsyncSloth, backup: Path
) -> None:
    """Fails where `PostgresVacantSpaces.alone` lets everybody in: one removes another's places."""
    archives, refused = elsewhere.archives, list[str]()

    class Interrupted:
        """Files during whose writing somebody else restores the same backup."""

        def __init__(self, schema: str) -> None:
            self.files = archives.files(schema)
            self.read = self.files.read

        async def write(self, key: str, content: bytes) -> None:
            with pytest.raises(Conflict, match="right now") as error:
                await elsewhere.restoring.restore(backup, by=BY)
            assert await elsewhere.restoring.remove_leftovers() == 0
            refused.append(error.value.code)
            await self.files.write(key, content)

    restoring = replace(elsewhere.restoring, archives=replace(archives, files=Interrupted))
    await restoring.restore(backup, by=BY)
    assert refused == ["conflict"] * 6
    assert (await traces(elsewhere)).is_tidy(await homes(elsewhere))


async def test_restored_by_many_at_once_it_comes_once(elsewhere: AsyncSloth, backup: Path) -> None:
    done: list[str] = []

    async def restore() -> None:
        try:
            await elsewhere.restoring.restore(backup, by=BY)
        except Conflict:
            return
        done.append("restored")

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(restore)
    assert done == ["restored"]
    assert (await traces(elsewhere)).is_tidy(await homes(elsewhere))


async def test_files_that_were_gone_before_are_counted(
    sloth: AsyncSloth, elsewhere: AsyncSloth, tmp_path: Path
) -> None:
    anna = await salon(sloth, "anna")
    (lost, *_) = await anna.documents()
    await anna.services.files.delete(lost.file_key)
    made = await sloth.backups.create(tmp_path / "backup.zip", by=BY)
    assert made.manifest
    assert made.manifest.missing_files == 1
    assert await elsewhere.restoring.restore(made.file.path, by=BY) == made.manifest


async def test_a_list_says_which_are_whole(sloth: AsyncSloth, backup: Path, tmp_path: Path) -> None:
    assert await sloth.backups.list() == []
    first = await sloth.backups.create(by=BY)
    folder = sloth.settings.home / "backups"
    assert (first.file.path.parent, await sloth.backups.list()) == (folder, [first])
    rewrite(folder / "half.zip", content_of(backup)[:-5000])
    damaged = (await sloth.backups.list())[-1]
    assert (damaged.file.path.name, damaged.manifest) == ("half.zip", None)
    assert "end is missing" in str(damaged.problem)
    with pytest.raises(NotFound):
        await sloth.backups.list(tmp_path / "nowhere")
    with pytest.raises(Conflict):
        await sloth.backups.create(backup, by=BY)
    assert not list(folder.glob(".*"))


async def test_a_backup_over_several_databases(server: Attachment, tmp_path: Path) -> None:
    """Tenants come back wherever there is a place for them.

    Each database has an account of its own, that may not drop the roles of the other.
    """
    two = another_install(server, tmp_path / "two")
    other = another_install(server, tmp_path / "other").database_url
    assert other
    async with hashing(two.model_copy(update={"databases": {"eu": other}})) as sloth:
        for slug in ("anna", "ben", "carl"):
            await salon(sloth, slug)
        content = [await everything(await sloth.tenant(slug)) for slug in ("anna", "ben", "carl")]
        await sloth.backups.create(tmp_path / "backup.zip", by=BY)
        await sloth.restoring.restore(tmp_path / "backup.zip", replace=True, by=BY)
        tenants = await sloth.tenants()
        assert {tenant.database for tenant in tenants} == {"main", "eu"}
        again = [await everything(await sloth.tenant(tenant.slug)) for tenant in tenants]
        assert again == content
    async with hashing(another_install(server, tmp_path / "one")) as sloth:
        await sloth.restoring.restore(tmp_path / "backup.zip", by=BY)
        assert {tenant.database for tenant in await sloth.tenants()} == {"main"}


@pytest.mark.slow
def test_the_command_line(tmp_path: Path, server: Attachment) -> None:
    def command(home: str) -> SlothCommand:
        settings = another_install(server, tmp_path / home)
        assert settings.database_url
        url = settings.database_url.get_secret_value()
        return SlothCommand(settings.home, tmp_path).using(DATABASE_URL=url)

    here, there = command("here"), command("there")
    (tmp_path / "prices.md").write_text(PRICES)
    assert here("ingest", "prices.md").rc == 0
    made = here("backup", "create", "--output", "b.zip", "--json").json
    assert (made["file"], made["tenants"], made["whole"]) == ("b.zip", 1, True)
    assert made["size"] == (tmp_path / "b.zip").stat().st_size
    [listed] = here("backup", "list", ".", "--json").json["items"]
    assert listed == made
    assert there("backup", "restore", "b.zip", "--json").json["tenants"] == ["default"]
    assert "40 euro" in there("chat", QUESTION).stdout
    unasked = there("backup", "restore", "b.zip")
    assert (unasked.rc, "--yes" in unasked.error) == (2, True)
    assert there("backup", "restore", "b.zip", "--yes").rc == 0
    assert there("backup", "restore", "b.zip", "--tenant", "default").rc == 2
    one = there("backup", "restore", "b.zip", "--tenant", "default", "--yes", "--json").json
    assert one["slug"] == "default"
    assert "40 euro" in there("chat", QUESTION).stdout
    (tmp_path / "b.zip").write_bytes(b"PK")
    refused = there("backup", "restore", "b.zip", "--yes")
    assert (refused.rc, "archive" in refused.error) == (1, True)
    assert "40 euro" in there("chat", QUESTION).stdout
