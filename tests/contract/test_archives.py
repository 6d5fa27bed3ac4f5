"""A tenant as a file: out of one install, into another, or refused before anything is written."""

import shutil
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from fakes.channels import CANARY, chat_with, connected, sent_file, token_of
from fakes.command import Sloth as SlothCommand
from fakes.hashing_embedder import HashingEmbedder
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
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.embedded import Attachment, attach
from sloth_agent.adapters.stores.postgres.migrations.history import head, migrations
from sloth_agent.adapters.stores.postgres.schemas import TenantSchemas
from sloth_agent.adapters.stores.postgres.table_copies import WORKING_TABLES
from sloth_agent.app.database_status import recorded_versions
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.prices import CostKind
from sloth_agent.channels.models import LEFT_BEHIND, IntegrationStatus
from sloth_agent.errors import (
    ArchiveRefused,
    Conflict,
    CredentialUnreadable,
    DatabaseUnavailable,
    NotFound,
)
from sloth_agent.jobs.models import JobKind, JobStatus
from sloth_agent.tenants.archives import Archives
from sloth_agent.tenants.models import Organization, Stage

pytestmark = pytest.mark.anyio


@pytest.fixture
async def sloth(settings: Settings) -> AsyncIterator[AsyncSloth]:
    async with hashing(settings) as sloth:
        yield sloth


@pytest.fixture
async def elsewhere(server: Attachment, tmp_path: Path) -> AsyncIterator[AsyncSloth]:
    async with hashing(another_install(server, tmp_path / "elsewhere")) as sloth:
        yield sloth


@pytest.fixture
async def tenant(sloth: AsyncSloth, slug: str) -> AsyncTenant:
    return await salon(sloth, slug)


@pytest.fixture
async def archive(sloth: AsyncSloth, tenant: AsyncTenant, tmp_path: Path) -> Path:
    path = tmp_path / "tenant.zip"
    await sloth.archives.export(tenant.organization.slug, path, by=BY)
    return path


@dataclass(frozen=True)
class Traces:
    """Whatever an import could leave."""

    tenants: Sequence[Organization]
    schemas: Sequence[tuple[str]]
    counted: Sequence[tuple[str]]
    folders: Sequence[str]

    @property
    def counts(self) -> tuple[int, int, int]:
        return len(self.tenants), len(self.schemas), len(self.folders)


async def traces(sloth: AsyncSloth) -> Traces:
    async with sloth.services.databases.main.owning() as connection:
        schemas = await connection.execute(
            "select nspname from pg_namespace where nspname like 't\\_%%' order by 1"
        )
        rows = await connection.execute("select schema_name from public.usage order by 1")
        folders = sloth.settings.home / "files"
        return Traces(
            await sloth.tenants(),
            await schemas.fetchall(),
            await rows.fetchall(),
            sorted(path.name for path in folders.glob("*")),
        )


async def test_another_install_has_all_of_it_and_answers_the_same(
    sloth: AsyncSloth, elsewhere: AsyncSloth, tenant: AsyncTenant, archive: Path
) -> None:
    slug = tenant.organization.slug
    assert others_may_not_read(archive)
    imported = await elsewhere.archives.import_(archive, by=BY)
    assert (imported.slug, imported.stage, imported.name, imported.domain) == (
        slug,
        Stage.LIVE,
        "Salon Anna",
        f"{slug}.example.com",
    )
    assert imported.created_at == tenant.organization.created_at
    arrived = await elsewhere.tenant(slug)
    embedder = elsewhere.services.backends.embedder
    assert isinstance(embedder, HashingEmbedder)
    assert embedder.seen == [], "the vectors came along"
    assert await everything(arrived) == await everything(tenant)
    keys = await file_keys(arrived)
    assert len(keys) == 3
    for key in keys:
        files = arrived.services.files, tenant.services.files
        assert await files[0].read(key) == await files[1].read(key)
    there, here = await arrived.chat(QUESTION), await tenant.chat(QUESTION)
    assert (there.text, there.citations) == (here.text, here.citations)
    assert here.citations
    await arrived.ingest_content("more.txt", b"A beard trim costs 15 euro.")
    assert "15 euro" in (await arrived.chat("How much is a beard trim?")).text
    for install, action in ((sloth, "tenant.exported"), (elsewhere, "tenant.imported")):
        organization = (await install.show_tenant(slug)).id
        (event, *_) = await install.audit.list(organization=organization, action="tenant.*")
        assert (event.action, event.by) == (action, BY)


@pytest.fixture
async def cluster() -> AsyncIterator[AsyncSloth]:
    """An install on another server."""
    home = Path(tempfile.mkdtemp(prefix="sloth-"))
    attachment = attach(home)
    async with hashing(another_install(attachment, home)) as sloth:
        yield sloth
    attachment.release()
    shutil.rmtree(home)


async def test_out_to_a_server_of_ones_own_and_back(
    sloth: AsyncSloth, cluster: AsyncSloth, tenant: AsyncTenant, archive: Path
) -> None:
    slug = tenant.organization.slug
    await cluster.archives.import_(archive, by=BY)
    there = await cluster.tenant(slug)
    assert there.services.database.walls is not None
    assert await everything(there) == await everything(tenant)
    await cluster.archives.export(slug, archive.with_name("back.zip"), by=BY)
    twin = f"twin-{uuid4().hex}"
    await sloth.archives.import_(archive.with_name("back.zip"), slug=twin, by=BY)
    back = await sloth.tenant(twin)
    assert await everything(back) == await everything(tenant)
    there_answer, answer = await there.chat(QUESTION), await back.chat(QUESTION)
    assert (there_answer.text, there_answer.citations) == (answer.text, answer.citations)
    assert answer.citations


async def of_an_older_release(sloth: AsyncSloth, slug: str) -> Archives:
    """A tenant whose tables are of the first version, and what exports it as it is."""
    services = sloth.services
    spaces = TenantSchemas(services.databases, steps=migrations("tenant")[:1])
    organizations = replace(services.organizations, spaces=spaces)
    tenant = await services.of(await organizations.create(slug))
    await tenant.intake.take_in_content("prices.md", PRICES.encode())
    [_ async for _ in tenant.answering.answer(QUESTION)]
    return replace(services.archives, organizations=organizations)


async def test_tables_of_an_older_release_are_brought_up_to_date(
    sloth: AsyncSloth, elsewhere: AsyncSloth, slug: str, tmp_path: Path
) -> None:
    archives = await of_an_older_release(sloth, slug)
    manifest = await archives.export(slug, tmp_path / "old.zip", by=BY)
    assert manifest.version == 1
    assert {"profile", "photos"}.isdisjoint(table.name for table in manifest.tables)
    await elsewhere.archives.import_(tmp_path / "old.zip", by=BY)
    [versions] = await recorded_versions(elsewhere.settings)
    assert versions.tenants == {head("tenant"): 1}
    arrived = await elsewhere.tenant(slug)
    assert (await arrived.change_profile(business_name="Anna")).business_name == "Anna"
    assert await everything(arrived) == {
        **await everything(await sloth.tenant(slug)),
        "profile": await arrived.profile(),
    }


async def test_a_taken_slug_wants_another_and_a_taken_domain_stays_behind(
    sloth: AsyncSloth, tenant: AsyncTenant, archive: Path
) -> None:
    before = await traces(sloth)
    with pytest.raises(Conflict, match="already"):
        await sloth.archives.import_(archive, by=BY)
    assert await traces(sloth) == before
    twin = await sloth.archives.import_(archive, slug=f"twin-{uuid4().hex}", by=BY)
    assert (twin.name, twin.domain) == ("Salon Anna", None)
    assert await everything(await sloth.tenant(twin.slug)) == await everything(tenant)


async def test_what_cannot_be_exported(
    sloth: AsyncSloth, tenant: AsyncTenant, archive: Path
) -> None:
    with pytest.raises(NotFound):
        await sloth.archives.export("nobody-here", archive.with_name("a.zip"), by=BY)
    before = content_of(archive)
    with pytest.raises(Conflict, match="already"):
        await sloth.archives.export(tenant.organization.slug, archive, by=BY)
    assert content_of(archive) == before
    assert not list(archive.parent.glob(".*.part"))
    with pytest.raises(NotFound):
        await sloth.archives.import_(archive.with_name("absent.zip"), by=BY)


async def test_a_file_that_is_gone_is_named(
    sloth: AsyncSloth, tenant: AsyncTenant, tmp_path: Path
) -> None:
    slug = tenant.organization.slug
    (lost, *_) = await tenant.photos()
    await tenant.services.files.delete(lost.file_key)
    manifest = await sloth.archives.export(slug, tmp_path / "a.zip", by=BY)
    assert (manifest.missing_files, len(manifest.files)) == ((lost.file_key,), 2)
    await sloth.archives.import_(tmp_path / "a.zip", slug=f"twin-{uuid4().hex}", by=BY)


async def test_documents_that_go_meanwhile_leave_no_row_without_file(
    sloth: AsyncSloth, tenant: AsyncTenant, tmp_path: Path
) -> None:
    (going, *_) = await tenant.documents()

    class Going:
        """Files of which one is deleted just before it is read."""

        write = tenant.services.files.write

        async def read(self, key: str) -> bytes:
            if key == going.file_key:
                await tenant.delete_document(going.id)
            return await tenant.services.files.read(key)

    archives = replace(sloth.archives, files=lambda _: Going())
    manifest = await archives.export(tenant.organization.slug, tmp_path / "a.zip", by=BY)
    assert (len(manifest.files), manifest.missing_files) == (2, ())
    assert {table.name: table.rows for table in manifest.tables}["documents"] == 1


async def test_documents_of_customers_go_along(
    sloth: AsyncSloth, elsewhere: AsyncSloth, tenant: AsyncTenant, tmp_path: Path
) -> None:
    """Fails where a snapshot does not name their files."""
    chat = await chat_with(tenant, await connected(tenant), "anna")
    file = await sent_file(tenant, chat, b"%PDF-1.7", name="Договір \\N.pdf")
    slug, path = tenant.organization.slug, tmp_path / "files.zip"
    manifest = await sloth.archives.export(slug, path, by=BY)
    assert file.file_key in manifest.files
    await elsewhere.archives.import_(path, by=BY)
    arrived = await elsewhere.tenant(slug)
    assert await everything(arrived) == await everything(tenant)
    assert await arrived.chat_files(chat.id) == [file]
    assert await arrived.chat_file_content(file.id) == b"%PDF-1.7"


async def test_what_opens_accounts_stays_behind(
    sloth: AsyncSloth, elsewhere: AsyncSloth, tenant: AsyncTenant, tmp_path: Path
) -> None:
    """Fails where an export does not hide the columns of `SECRETS`."""
    bot = await connected(tenant, settings={"username": "anna_bot"})
    sealed = await tenant.services.integration_store.find_sealed(bot.id)
    assert sealed is not None
    slug, path = tenant.organization.slug, tmp_path / "channels.zip"
    await sloth.archives.export(slug, path, by=BY)
    for text in (CANARY.encode(), sealed, sealed.hex().encode()):
        assert text not in content_of(path)
    await elsewhere.archives.import_(path, by=BY)
    arrived = await elsewhere.tenant(slug)
    shut = replace(bot, status=IntegrationStatus.DISABLED, problem=LEFT_BEHIND)
    assert list(await arrived.integrations()) == [shut]
    with pytest.raises(CredentialUnreadable, match="no credentials any more"):
        await arrived.services.integrations.credentials(bot.id)
    assert await token_of(tenant, bot) == CANARY, "here it goes on working"


async def test_what_an_archive_says_of_credentials_is_not_believed(
    sloth: AsyncSloth, tenant: AsyncTenant, archive: Path
) -> None:
    """Fails where an import does not shut what it brings."""
    bot = await connected(tenant)
    sealed = await tenant.services.integration_store.find_sealed(bot.id)
    assert sealed is not None
    path = archive.with_name("forged.zip")
    await sloth.archives.export(tenant.organization.slug, path, by=BY)

    def planted(manifest: Values, parts: Parts) -> None:
        name = "tables/integrations.copy"
        content = parts[name].replace(b"\t\\N\t", b"\t\\\\x" + sealed.hex().encode() + b"\t", 1)
        assert sealed.hex().encode() in content
        parts[name] = content
        [member] = [member for member in manifest["members"] if member["name"] == name]
        member.update(sha256=sha256(content).hexdigest(), size=len(content))

    rewritten(path, planted)
    twin = await sloth.archives.import_(path, slug=f"twin-{uuid4().hex}", by=BY)
    arrived = await sloth.tenant(twin.slug)
    [found] = await arrived.integrations()
    assert found.status is IntegrationStatus.DISABLED
    assert await arrived.services.integration_store.find_sealed(bot.id) is None


async def test_costs_go_along_and_are_erased(
    sloth: AsyncSloth, elsewhere: AsyncSloth, tenant: AsyncTenant, archive: Path
) -> None:
    month = datetime.now(UTC).date().replace(day=1)
    costs = await tenant.services.costs.store.of(month)
    assert [spent.kind for bill in costs for spent in bill.spent] == [CostKind.EMBEDDING]
    slug = tenant.organization.slug
    await elsewhere.archives.import_(archive, by=BY)
    imported = await elsewhere.tenant(slug)
    assert await imported.services.costs.store.of(month) == costs
    await sloth.delete_tenant(slug)
    async with sloth.services.databases.main.owning() as connection:
        left = await connection.execute(
            "select from public.costs where schema_name = %s", (tenant.services.schema,)
        )
        assert left.rowcount == 0


async def test_what_waits_to_be_read_waits_after_an_import_too(
    sloth: AsyncSloth, elsewhere: AsyncSloth, tenant: AsyncTenant, tmp_path: Path
) -> None:
    kept = await tenant.ingest_content("new.md", b"A beard trim costs 15 euro.", wait=False)
    assert kept.document_id is not None
    slug, path = tenant.organization.slug, tmp_path / "waiting.zip"
    await sloth.archives.export(slug, path, by=BY)
    await elsewhere.archives.import_(path, by=BY)
    arrived = await elsewhere.tenant(slug)
    job = await arrived.services.jobs.find(JobKind.INGEST, kept.document_id)
    assert job is not None
    assert job.status is JobStatus.PENDING
    async with elsewhere.worker() as worker, anyio.create_task_group() as group:
        group.start_soon(worker.work)
        for _ in range(200):
            if not (await arrived.search("beard trim")).not_read:
                break
            await anyio.sleep(0.1)
        worker.stop()
    assert "15 euro" in (await arrived.chat("How much is a beard trim?")).text


async def test_all_working_tables_have_been_thought_of(database: Database) -> None:
    """A new one goes along with the tenant, or is named here among those that do not."""
    async with database.owning() as connection:
        found = await connection.execute(
            "select table_name from information_schema.columns"
            " where table_schema = 'public' and column_name = 'schema_name'"
        )
        tables = {name for (name,) in await found.fetchall()}
    stay = {
        *("organizations", "tenant_versions", "departures"),
        *("reservations", "limit_notices"),
        *("processing_jobs", "job_turns"),  # what waits to be read is asked for anew
    }
    assert tables == {*WORKING_TABLES, *stay}


def renamed(old: str, new: str) -> Callable[[Values, Parts], None]:
    def change(manifest: Values, parts: Parts) -> None:
        parts[new] = parts.pop(next(name for name in parts if name.startswith(old)))
        manifest["members"] = [
            {**member, "name": new} if member["name"].startswith(old) else member
            for member in manifest["members"]
        ]

    return change


def with_wrong_rows(manifest: Values, parts: Parts) -> None:
    """Right in all but what the database finds out."""
    content = parts["tables/messages.copy"].replace(b"assistant", b"somebody!")
    parts["tables/messages.copy"] = content
    [member] = [m for m in manifest["members"] if m["name"] == "tables/messages.copy"]
    member["sha256"] = sha256(content).hexdigest()


def with_another_table(manifest: Values, _: Parts) -> None:
    table = next(table for table in manifest["tables"] if table["name"] == "prompts")
    table["columns"][0]["name"] = "other"


FORGED: dict[str, Callable[[Values, Parts], object]] = {
    "a newer format": lambda manifest, _: manifest.update(format=2),
    "newer tables": lambda manifest, _: manifest.update(version=999),
    "another kind": lambda manifest, _: manifest.update(kind="backup"),
    "no list of tables": lambda manifest, _: manifest.pop("tables"),
    "a hostile name": lambda manifest, _: manifest["tenant"].update(slug="a'; drop schema x"),
    "a wrong checksum": lambda manifest, _: manifest["members"][0].update(sha256="0" * 64),
    "a missing part": lambda _, parts: parts.pop("tables/messages.copy"),
    "a part too many": lambda _, parts: parts.update({"files/abc": b""}),
    "a path upwards": renamed("files/", "../../evil"),
    "an absolute path": renamed("files/", "/tmp/evil"),
    "a backslash": renamed("files/", "files\\..\\evil"),
    "another table": with_another_table,
    "rows that do not fit": with_wrong_rows,
}


@pytest.mark.parametrize("forgery", FORGED)
async def test_a_forged_archive_leaves_nothing(
    elsewhere: AsyncSloth, archive: Path, forgery: str
) -> None:
    before = await traces(elsewhere)
    rewritten(archive, FORGED[forgery])
    with pytest.raises(ArchiveRefused):
        await elsewhere.archives.import_(archive, by=BY)
    assert await traces(elsewhere) == before
    assert not (archive.parent / "evil").exists()


async def test_damage_anywhere_is_refused(elsewhere: AsyncSloth, archive: Path) -> None:
    before = await traces(elsewhere)
    whole = content_of(archive)
    half = len(whole) // 2
    places = [0, 5, 40, half, half + 997, len(whole) - 300, len(whole) - 100, len(whole) - 1]
    damaged = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in places]
    damaged += [b"", whole[:1], whole[:half], whole[:-1], whole + b"x", b"%PDF-1.7" + whole]
    with zipfile.ZipFile(archive.with_name("foreign.zip"), "w") as foreign:
        foreign.writestr("manifest.json", "{}")
    damaged.append(archive.with_name("foreign.zip").read_bytes())
    for content in damaged:
        rewrite(archive, content)
        with pytest.raises(ArchiveRefused):
            await elsewhere.archives.import_(archive, by=BY)
    assert await traces(elsewhere) == before


async def test_an_untouched_rewrite_is_taken(elsewhere: AsyncSloth, archive: Path) -> None:
    """The forgeries above are refused for what is forged in them."""
    rewritten(archive, lambda _manifest, _parts: None)
    await elsewhere.archives.import_(archive, by=BY)


class Failing:
    """Files that cannot be written from the second one on."""

    def __init__(self, archives: Archives, schema: str) -> None:
        self.files = archives.files(schema)
        self.read = self.files.read
        self.left = 1

    async def write(self, key: str, content: bytes) -> None:
        if not self.left:
            raise DatabaseUnavailable("Gone.")
        self.left -= 1
        await self.files.write(key, content)


async def test_an_import_that_fails_half_way_leaves_nothing(
    elsewhere: AsyncSloth, archive: Path
) -> None:
    before = await traces(elsewhere)
    archives = elsewhere.archives
    with pytest.raises(DatabaseUnavailable):
        await replace(archives, files=lambda schema: Failing(archives, schema)).import_(
            archive, by=BY
        )
    assert await traces(elsewhere) == before
    await archives.import_(archive, by=BY)


async def test_an_import_that_was_killed_is_shut_and_can_be_run_again(
    elsewhere: AsyncSloth, archive: Path, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> bool:
        """Nobody is there to clean up."""
        return True

    with monkeypatch.context() as patch:
        patch.setattr(Archives, "_undo", killed)
        archives = elsewhere.archives
        with pytest.raises(DatabaseUnavailable):
            await replace(archives, files=lambda schema: Failing(archives, schema)).import_(
                archive, by=BY
            )
    with pytest.raises(Conflict, match="import"):
        await elsewhere.tenant(slug)
    await elsewhere.archives.import_(archive, by=BY)
    assert (await traces(elsewhere)).counts == (1, 1, 1)


async def test_an_import_that_is_going_on_is_left_alone(
    elsewhere: AsyncSloth, archive: Path, slug: str
) -> None:
    """Fails where `PostgresArrivals.alone` lets everybody in: the second removes the first's."""
    archives = elsewhere.archives
    refused: list[str] = []

    class Interrupted:
        """Files during whose writing somebody else imports the same archive."""

        def __init__(self, schema: str) -> None:
            self.files = archives.files(schema)
            self.read = self.files.read

        async def write(self, key: str, content: bytes) -> None:
            with pytest.raises(Conflict, match="is importing") as error:
                await archives.import_(archive, by=BY)
            refused.append(error.value.code)
            await self.files.write(key, content)

    await replace(archives, files=Interrupted).import_(archive, by=BY)
    assert refused == ["conflict"] * 3
    assert "40 euro" in (await (await elsewhere.tenant(slug)).chat(QUESTION)).text


async def test_a_tenant_deleted_while_it_is_imported_stays_away(
    elsewhere: AsyncSloth, archive: Path, slug: str
) -> None:
    before = await traces(elsewhere)
    archives = elsewhere.archives

    class Deleted:
        """Files of a tenant that somebody deletes meanwhile."""

        def __init__(self, schema: str) -> None:
            self.files = archives.files(schema)
            self.read = self.files.read

        async def write(self, key: str, content: bytes) -> None:
            await self.files.write(key, content)
            if slug in [tenant.slug for tenant in await elsewhere.tenants()]:
                await elsewhere.delete_tenant(slug, by=BY)

    with pytest.raises(Conflict, match="was deleted"):
        await replace(archives, files=Deleted).import_(archive, by=BY)
    assert await traces(elsewhere) == before


async def test_imported_by_many_at_once_it_comes_once(elsewhere: AsyncSloth, archive: Path) -> None:
    done: list[str] = []

    async def take() -> None:
        try:
            done.append((await elsewhere.archives.import_(archive, by=BY)).slug)
        except Conflict:
            return

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(take)
    assert (len(done), (await traces(elsewhere)).counts) == (1, (1, 1, 1))


def test_the_command_line(sloth_cli: SlothCommand, tmp_path: Path) -> None:
    (tmp_path / "prices.md").write_text(PRICES)
    assert sloth_cli("ingest", "prices.md").rc == 0
    exported = sloth_cli("tenants", "export", sloth_cli.tenant, "--output", "a.zip", "--json").json
    assert exported["rows"] > 0
    assert (exported["slug"], exported["file"]) == (sloth_cli.tenant, "a.zip")
    assert (exported["files"], exported["missing_files"]) == (1, 0)
    taken = sloth_cli("tenants", "import", "a.zip")
    assert (taken.rc, "--slug" in taken.error) == (1, True)
    twin = f"twin-{uuid4().hex}"
    assert sloth_cli("tenants", "import", "a.zip", "--slug", twin, "--json").json["slug"] == twin
    assert "40 euro" in sloth_cli("chat", "--tenant", twin, QUESTION).stdout
    (tmp_path / "a.zip").write_bytes(b"PK")
    refused = sloth_cli("tenants", "import", "a.zip", "--slug", "other")
    assert (refused.rc, "archive" in refused.error) == (1, True)
