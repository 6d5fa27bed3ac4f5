"""A backup that is made while four processes write is whole, and holds what was acknowledged."""

from pathlib import Path

import pytest

from fakes.installs import BY, QUESTION, another_install, hashing
from fakes.writers import writing
from sloth_agent import AsyncSloth
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.app.sloth import AsyncTenant

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SLUGS = ("anna", "ben", "carl")

SOUND = {
    "a piece without its document": "select count(*) from chunks where not exists"
    " (select from documents where documents.id = document_id)",
    "a document without its pieces": "select count(*) from documents where chunk_count <>"
    " (select count(*) from chunks where document_id = documents.id)",
    "a piece without its vector": "select count(*) from chunks"
    " where id not in (select chunk_id from vectors_1)",
    "a vector without its piece": "select count(*) from vectors_1"
    " where chunk_id not in (select id from chunks)",
    "a term that is counted wrong": "select count(*) from (select term, sum(chunks) as chunks"
    " from term_counts group by term having sum(chunks) <> 0) as counted full join"
    " (select unnest(terms) as term, count(*) as chunks from chunks"
    " group by 1) as there using (term) where counted.chunks is distinct from there.chunks",
    "a conversation that is counted wrong": "select count(*) from conversations"
    " where message_count <> (select count(*) from messages"
    " where conversation_id = conversations.id)",
    "documents that are counted wrong": "select count(*) from public.usage"
    " where resource = 'documents' and used <> (select count(*) from documents)",
    "bytes that are counted wrong": "select count(*) from public.usage"
    " where resource = 'storage_bytes' and used <> (select sum(size_bytes) from documents)",
    "answers that are counted wrong": "select count(*) from public.usage"
    " where resource = 'messages'"
    " and used <> (select count(*) from messages where speaker = 'assistant')",
}
"""What nobody may find after a restore, and how many of it there are."""


async def test_all_that_was_acknowledged_is_there_and_fits_together(
    server: Attachment, tmp_path: Path
) -> None:
    """Fails where a snapshot is not one moment: without `ONE_MOMENT` a file is missing."""
    here = another_install(server, tmp_path / "here")
    async with hashing(here) as sloth:
        for slug in SLUGS:
            await sloth.create_tenant(slug)
        acknowledged = await backed_up(sloth, tmp_path)
    async with hashing(another_install(server, tmp_path / "elsewhere")) as elsewhere:
        await elsewhere.restoring.restore(tmp_path / "backup.zip", by=BY)
        tenants = [await elsewhere.tenant(slug) for slug in SLUGS]
        there = [
            (tenant.organization.slug, document.title)
            for tenant in tenants
            for document in await tenant.documents()
        ]
        assert acknowledged <= set(there)
        for tenant in tenants:
            assert await unsound(tenant) == []
            assert (await tenant.chat(QUESTION)).citations


async def backed_up(sloth: AsyncSloth, folder: Path) -> set[tuple[str, str]]:
    """What was acknowledged before a backup began during which they went on writing."""
    path = folder / "backup.zip"
    with writing(sloth.settings, SLUGS, folder, processes=4) as writers:
        for _ in range(20):  # a busy machine may let the backup be faster than any of them
            path.unlink(missing_ok=True)
            acknowledged = writers.acknowledged()
            made = await sloth.backups.create(path, by=BY)
            assert made.manifest
            if writers.acknowledged() > acknowledged:
                return acknowledged
    raise AssertionError("nobody wrote anything during any backup")


async def unsound(tenant: AsyncTenant) -> list[str]:
    services = tenant.services
    async with services.database.inside(services.schema) as connection:
        found = []
        for problem, question in SOUND.items():
            answer = await (await connection.execute(question.encode())).fetchone()
            if answer != (0,):
                found.append(f"{problem}: {answer}")
    for document in await tenant.documents():
        content = await services.files.read(document.file_key)
        assert len(content) == document.size_bytes
    return found
