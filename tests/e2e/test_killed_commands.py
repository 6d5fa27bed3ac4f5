"""SIGKILL of an operator's command, or of the server under it, at any moment of its work.

The same command, run again, brings the install to where an undisturbed run would have left it: the
catalog, the rows of all tables, the files, and nothing else.
"""

import os
import random
import signal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from fakes import next_release
from fakes.command import Sloth
from fakes.dying import Victim, counting_into, dying_at
from fakes.hashing_embedder import HashingEmbedder
from fakes.whole_install import Facts, WholeInstall, differences
from sloth_agent import AsyncSloth, Settings
from sloth_agent import Sloth as Library
from sloth_agent.adapters.stores.postgres.embedded import attach
from sloth_agent.app.diagnosis import Health, examine
from sloth_agent.app.isolation import examine_isolation
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.users import Role

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("killed commands"),  # one install for all of them
    pytest.mark.skipif(os.name != "posix", reason="signals of POSIX"),
]

SEED = random.randrange(10**6)
BY = Actor(name="test")

DYING = "from fakes import dying; dying.begin()\n"
NEXT_RELEASE = "from fakes import next_release; next_release.install()\n"

VICTIMS = pytest.mark.parametrize("victim", ["client", "server"])


@dataclass(frozen=True)
class Grounds:
    """An install of its own, and the ways to run commands on it."""

    install: WholeInstall
    library: Library
    folder: Path
    kills: int  # of each command

    def command(self, first: str) -> Sloth:
        """A `sloth` that does what `first` says before anything else."""
        site = Path(tempfile.mkdtemp(dir=self.folder))
        (site / "sitecustomize.py").write_text(first)
        path = f"{site}:{Path(next_release.__file__).parents[1]}"
        return Sloth(self.install.attachment.home, self.folder).using(
            PYTHONPATH=path, SLOTH_EMBEDDER="none"
        )

    def moments(self, sloth: Sloth, command: Sequence[str]) -> int:
        """Of an undisturbed run."""
        count = self.folder / "moments"
        assert sloth.using(**counting_into(count))(*command).rc == 0
        return int(count.read_text())

    def deaths(self, moments: int) -> Iterator[tuple[int, float]]:
        """At which moment, and how many seconds after it began: all over the command's work."""
        chance = random.Random(SEED)
        print(f"seed {SEED}, {moments} moments")  # noqa: T201 - shown where the test fails
        for number in range(self.kills):
            part = (number + chance.random()) / self.kills
            later = chance.choice((0, chance.random() * 0.02)) if number else 0
            yield 1 + int(part * moments), later

    def assert_sound(self) -> None:
        """By the product's own means."""
        findings = self.library.run(lambda sloth: examine(sloth.settings))
        assert Health.FAILED not in {finding.health for finding in findings}, findings
        assert all(found.leaks == () for found in self.library.run(examine_isolation))
        assert self.install.strays() == set()


@pytest.fixture(scope="module")
def grounds(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Grounds]:
    with tempfile.TemporaryDirectory(prefix="sloth-") as home:
        attachment = attach(Path(home))
        settings = Settings(
            home=attachment.home, embedder="none", chat="extractive", database_url=None
        )
        with Library(settings) as library:
            folder, kills = tmp_path_factory.mktemp("grounds"), pytestconfig.getoption("--kills")
            grounds = Grounds(WholeInstall(attachment), library, folder, kills)
            yield grounds
            grounds.assert_sound()
        attachment.release()


@pytest.fixture(scope="module")
def archive(grounds: Grounds) -> Path:
    """Of a tenant with documents, vectors, a conversation and counts."""
    library, file = grounds.library, grounds.folder / "source.zip"
    library.create_tenant("source", domain="source.example")
    source = library.tenant("source")
    source._tenant.services.backends.__dict__["embedder"] = HashingEmbedder()
    for number in range(12):
        text = f"# Note {number}\n\nNumber {number} costs 40 euro.\n"
        source.ingest_content(f"{number}.md", text.encode())
    source.chat("How much is number 7?")
    library.run(lambda sloth: sloth.archives.export("source", file, by=BY))
    library.delete_tenant("source")
    return file


async def import_as(slug: str, archive: Path, sloth: AsyncSloth) -> Organization:
    return await sloth.archives.import_(archive, slug=slug, by=BY)


def new_slug() -> str:
    return f"t-{uuid4().hex}"


def kill(sloth: Sloth, command: Sequence[str], victim: Victim, death: tuple[int, float]) -> bool:
    """Whether the command failed: one whose server died at the last moment may have succeeded."""
    moment, seconds_later = death
    ended = sloth.using(**dying_at(moment, victim, seconds_later=seconds_later))(*command)
    assert "Traceback" not in ended.stderr
    assert ended.rc in {0, 1, 3, -signal.SIGKILL}, ended.stderr
    return ended.rc != 0


@VICTIMS
def test_create(grounds: Grounds, victim: Victim) -> None:
    sloth, install = grounds.command(DYING), grounds.install

    def command(slug: str) -> Sequence[str]:
        domain = f"{slug}.example"
        return ("tenants", "create", slug, "--name", "Anna", "--domain", domain, "--plan", "pro")

    undisturbed = new_slug()
    moments = grounds.moments(sloth, command(undisturbed))
    killed = 0
    for death in grounds.deaths(moments):
        slug = new_slug()
        killed += kill(sloth, command(slug), victim, death)
        again = sloth(*command(slug))
        assert again.rc == 0 or "already" in again.error
        assert differences([install.tenant(slug)], [install.tenant(undisturbed)]) == []
        assert install.strays() == set()
    assert killed or victim == "server"


@VICTIMS
def test_import(grounds: Grounds, archive: Path, victim: Victim) -> None:
    sloth, install = grounds.command(DYING), grounds.install

    def command(slug: str) -> Sequence[str]:
        return ("tenants", "import", str(archive), "--slug", slug)

    undisturbed = new_slug()
    moments = grounds.moments(sloth, command(undisturbed))
    expected = install.tenant(undisturbed)
    grounds.library.delete_tenant(undisturbed)  # its domain is another's, else
    killed = 0
    for death in grounds.deaths(moments):
        slug = new_slug()
        killed += kill(sloth, command(slug), victim, death)
        again = sloth(*command(slug))
        assert again.rc == 0 or "already" in again.error
        assert differences([install.tenant(slug)], [expected]) == []
        assert install.strays() == set()
        assert "40 euro" in grounds.library.tenant(slug).chat("How much is number 7?").text
        grounds.library.delete_tenant(slug)
    assert killed or victim == "server"


@VICTIMS
def test_delete(grounds: Grounds, archive: Path, victim: Victim) -> None:
    sloth, install, library = grounds.command(DYING), grounds.install, grounds.library

    def command(slug: str) -> Sequence[str]:
        return ("tenants", "delete", slug, "--yes")

    def new_tenant() -> tuple[str, TenantId]:
        slug = new_slug()
        id = library.run(partial(import_as, slug, archive)).id
        library.run(
            lambda sloth: sloth.accounts.create(
                f"anna@{slug}.example", organization=id, role=Role.OWNER, by=BY
            )
        )
        return slug, id

    nothing = install.tenant("nobody-here")
    slug, undisturbed = new_tenant()
    assert install.tenant(slug) != nothing
    moments = grounds.moments(sloth, command(slug))
    killed = 0
    for death in grounds.deaths(moments):
        slug, id = new_tenant()
        killed += kill(sloth, command(slug), victim, death)
        again = sloth(*command(slug))
        assert again.rc == 0 or "no tenant" in again.error
        assert differences([install.tenant(slug)], [nothing]) == []
        assert install.strays() == set()
        assert install.history(id) == install.history(undisturbed)
    assert killed or victim == "server"


@VICTIMS
def test_upgrade(grounds: Grounds, victim: Victim) -> None:
    new, install = grounds.command(NEXT_RELEASE + DYING), grounds.install
    slugs = [new_slug() for _ in range(8)]
    for slug in slugs:
        grounds.library.create_tenant(slug)

    def state() -> list[Facts]:
        return [install.shared(), *map(install.tenant, slugs)]

    command = ("db", "upgrade")
    before = state()
    moments = grounds.moments(new, command)
    expected = state()
    killed = 0
    for death in grounds.deaths(moments):
        with install.connect() as connection:
            next_release.take_back(connection)
        assert differences(state(), before) == []
        killed += kill(new, command, victim, death)
        assert grounds.library.tenant(slugs[0]).documents() == [], "the old release still serves"
        assert new(*command).rc == 0
        assert differences(state(), expected) == []
        assert install.strays() == set()
    assert killed or victim == "server"
    with install.connect() as connection:
        next_release.take_back(connection)


@VICTIMS
@pytest.mark.parametrize("only", [(), ("--tenant", "firm-1")], ids=["all", "one tenant"])
def test_restore(grounds: Grounds, archive: Path, victim: Victim, only: Sequence[str]) -> None:
    """All or nothing: a kill leaves what was there, or what the backup has, and nothing between."""
    sloth, install, library = grounds.command(DYING), grounds.install, grounds.library
    slugs = ["firm-1", "firm-2", "firm-3"]
    for slug in slugs:
        library.run(partial(import_as, slug, archive))
    backup = grounds.folder / f"{new_slug()}.zip"
    library.run(lambda sloth: sloth.backups.create(backup, by=BY))

    def state() -> list[Facts]:
        tenants = [install.tenant(slug) for slug in slugs]
        for facts in tenants:
            del facts["public.audit_log"]  # it grows with each restore of one tenant
        return [install.shared(), *tenants]

    command = ("backup", "restore", str(backup), *only, "--yes")
    expected = state()
    moments = grounds.moments(sloth, command)
    assert state() == expected
    killed = 0
    for death in grounds.deaths(moments):
        library.tenant("firm-1").ingest_content("later.md", b"Closed in August.")
        before = state()
        killed += kill(sloth, command, victim, death)
        assert state() in (before, expected)
        again = sloth(*command)
        assert again.rc == 0, again.stderr
        assert state() == expected
        assert install.strays() == set()
        assert "40 euro" in library.tenant("firm-1").chat("How much is number 7?").text
    assert killed or victim == "server"
    for slug in slugs:
        library.delete_tenant(slug)
