"""The library on an embedded server of its own, with parts that cost nothing in place of some."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from sloth_agent import AsyncSloth, Settings
from sloth_agent.knowledge.models import Block, Reading


@asynccontextmanager
async def opened(*others: str) -> AsyncIterator[AsyncSloth]:
    """On an empty server, with more databases of these names on it."""
    home = Path(tempfile.mkdtemp(prefix="sloth-bench-"))
    settings = Settings(
        home=home, embedder="none", chat="extractive", database_url=None, tenant="default"
    )
    try:
        async with AsyncSloth(settings) as first:
            made = {name: await _made(first, name) for name in others}
            async with AsyncSloth(settings.model_copy(update={"databases": made})) as sloth:
                yield sloth
    finally:
        shutil.rmtree(home)


async def _made(sloth: AsyncSloth, name: str) -> SecretStr:
    """Where the new database is."""
    async with (await sloth.tenant()).services.database.pool.connection() as connection:
        await connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return SecretStr(make_conninfo(connection.info.dsn, dbname=name))


@dataclass(frozen=True, slots=True)
class ReadyText:
    """A `DocumentReader` for files that are text already, a paragraph on each line."""

    async def read(self, content: bytes, *, name: str) -> Reading:  # noqa: ARG002 - the port's
        blocks = tuple(Block(text=line) for line in content.decode().splitlines())
        return Reading(media_type="text/plain", blocks=blocks)


def documents(texts: Sequence[str], *, chunks_each: int) -> list[bytes]:
    """Texts put together to the contents of files."""
    return [
        "\n".join(texts[start : start + chunks_each]).encode()
        for start in range(0, len(texts), chunks_each)
    ]
