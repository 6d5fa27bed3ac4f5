"""`sloth keys rotate`: killed and run again, until no secret but the newest is needed."""

import os
import random
import signal
import tempfile
from collections import Counter
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr

from fakes import next_release
from fakes.channels import connected
from fakes.command import Sloth as SlothCommand
from fakes.dying import dying_at
from fakes.installs import another_install
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.secrets.keys import FILE
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.channels.models import Credentials
from sloth_agent.errors import CredentialUnreadable
from sloth_agent.ids import new_ids

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals of POSIX"),
]

SEED = random.randrange(10**6)
NEW = "new-secret-of-forty-characters-or-more-1234"
FIRMS, EACH, KILLS = 4, 250, 3


@pytest.fixture
def install(server: Attachment, tmp_path: Path) -> Settings:
    return another_install(server, tmp_path / "own")


@pytest.fixture
def command(install: Settings, tmp_path: Path) -> SlothCommand:
    assert install.database_url is not None
    return SlothCommand(install.home, tmp_path).using(
        DATABASE_URL=install.database_url.get_secret_value(), SLOTH_EMBEDDER="none"
    )


async def furnish(install: Settings) -> None:
    """A thousand credentials, under the secret that the machine made for itself."""
    async with AsyncSloth(install) as sloth:
        for number in range(FIRMS):
            tenant = await sloth.tenant(f"salon-{number}", create=True)
            vault, schema = tenant.services.integrations.vault, tenant.services.schema
            first = await connected(tenant, token=f"{number}")
            rows = [
                (id, vault.seal(id, Credentials({"token": f"{number}"})), first.id)  # type: ignore[arg-type]
                for id in new_ids(EACH - 1)
            ]
            async with tenant.services.database.inside(schema) as connection:
                await connection.cursor().executemany(
                    "with other as (select %s::uuid as id, %s::bytea as sealed, type, status,"
                    " created_at from integrations where id = %s)"
                    " insert into integrations (id, credentials, type, status, created_at)"
                    " select * from other",
                    rows,
                )


async def opened_by(install: Settings, *secrets: str) -> Counter[str]:
    """How many credentials open, and how many do not."""
    counts: Counter[str] = Counter()
    key = SecretStr(",".join(secrets))
    async with AsyncSloth(install.model_copy(update={"secret_key": key})) as sloth:
        for number in range(FIRMS):
            services = (await sloth.tenant(f"salon-{number}")).services
            for id, sealed in await services.integration_store.all_sealed(limit=EACH + 1):
                try:
                    credentials = services.integrations.vault.open(id, sealed)
                except CredentialUnreadable:
                    counts["unreadable"] += 1
                else:
                    assert credentials.values == {"token": f"{number}"}
                    counts["opened"] += 1
    return counts


def test_a_thousand_credentials_killed_three_times(
    install: Settings, command: SlothCommand, tmp_path: Path
) -> None:
    """Fails where a rotation begins anew each time it is run."""
    anyio.run(furnish, install)
    own = (install.home / FILE).read_text()
    command = command.using(SECRET_KEY=f"{NEW},{own}")
    site = Path(tempfile.mkdtemp(dir=tmp_path))
    (site / "sitecustomize.py").write_text("from fakes import dying; dying.begin()\n")
    dying = command.using(PYTHONPATH=f"{site}:{Path(next_release.__file__).parents[1]}")
    chance = random.Random(SEED)
    print(f"seed {SEED}")  # noqa: T201 - shown where the test fails
    done = 0
    for _ in range(KILLS):
        moment, later = chance.randrange(100, 250), chance.random() * 0.01
        killed = dying.using(**dying_at(moment, "client", seconds_later=later))("keys", "rotate")
        assert (killed.rc, killed.stdout) == (-signal.SIGKILL, "")
        assert anyio.run(opened_by, install, NEW, own) == {"opened": FIRMS * EACH}
        counts = anyio.run(opened_by, install, NEW)
        assert done < counts["opened"] < FIRMS * EACH
        done = counts["opened"]
    last = command("keys", "rotate", "--json")
    assert (last.rc, last.stderr) == (0, "")
    assert last.json == {
        "resealed": FIRMS * EACH - done, "unchanged": done, "unreadable": 0,
        "failed_tenants": 0, "problems": [],
    }  # fmt: skip
    assert anyio.run(opened_by, install, NEW) == {"opened": FIRMS * EACH}
    alone = command.using(SECRET_KEY=NEW)("keys", "rotate")
    assert (alone.rc, alone.stdout) == (0, "0 resealed, 1000 unchanged, 0 unreadable.\n")


def test_what_does_not_open_is_3(install: Settings, command: SlothCommand) -> None:
    async def connect() -> str:
        async with AsyncSloth(install) as sloth:
            return str((await connected(await sloth.tenant("anna", create=True))).id)

    id = anyio.run(connect)
    told = command.using(SECRET_KEY=NEW)("keys", "rotate")
    assert (told.rc, told.stdout) == (3, "0 resealed, 0 unchanged, 1 unreadable.\n")
    assert told.error.startswith(f"error: anna {id}: It does not open.")
    told = command.using(SECRET_KEY=NEW)("keys", "rotate", "--json")
    assert (told.rc, told.stderr) == (3, "")
    [problem] = told.json["problems"]
    assert problem["error"]["code"] == "credential_unreadable"
    assert (problem["tenant"], problem["integration_id"]) == ("anna", id)
