"""Whole installs beside each other, what is in them, and forged archives of it."""

import json
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from fakes.accounts import own_account
from fakes.hashing_embedder import HashingEmbedder
from fakes.pictures import png
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.archives.zipped import _SEAL, _SEAL_BYTES
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.tenants.audit import Actor

BY = Actor(name="test")
QUESTION = "How much is a haircut?"
PRICES = "# Prices\n\nA haircut costs 40 euro.\tTab and \\ backslash.\n"


@asynccontextmanager
async def hashing(settings: Settings) -> AsyncIterator[AsyncSloth]:
    """An install whose vectors need no model."""
    async with AsyncSloth(settings) as sloth:
        sloth.services.backends.__dict__["embedder"] = HashingEmbedder()
        yield sloth


def another_install(server: Attachment, home: Path) -> Settings:
    """Another database under an ordinary account, another folder of files."""
    url = SecretStr(own_account(server.conninfo))
    return Settings(home=home, embedder="none", chat="extractive", database_url=url)


async def salon(sloth: AsyncSloth, slug: str) -> AsyncTenant:
    """A tenant that has something of everything."""
    await sloth.create_tenant(slug, name="Salon Anna", domain=f"{slug}.example.com")
    tenant = await sloth.tenant(slug)
    await tenant.ingest_content("prices.md", PRICES.encode())
    await tenant.ingest_content("hours.txt", b"We are open from 9 to 18.")
    await tenant.add_photo("Двері \t \\.png", png())
    await tenant.set_prompt(instructions="Answer like a friend.\nAnd \\N briefly.")
    await tenant.change_profile(business_name="Anna", timezone="Europe/Warsaw")
    await tenant.chat(QUESTION, external_id="anna")
    return tenant


async def everything(tenant: AsyncTenant) -> dict[str, object]:
    conversations = await tenant.conversations()
    found = await tenant.search(QUESTION)
    return {
        "documents": await tenant.documents(),
        "photos": await tenant.photos(),
        "chat_files": await tenant.chat_files(),
        "prompts": await tenant.prompt_history(),
        "profile": await tenant.profile(),
        "conversations": conversations,
        "messages": [await tenant.messages(conversation.id) for conversation in conversations],
        "index": await tenant.index(),
        "passages": found.passages,
        "used": [(meter.room.resource, meter.used) for meter in (await tenant.usage()).meters],
    }


async def file_keys(tenant: AsyncTenant) -> list[str]:
    """Of all that it keeps in its file store."""
    keys = [document.file_key for document in await tenant.documents()]
    keys += [photo.file_key for photo in await tenant.photos()]
    return keys + [file.file_key for file in await tenant.chat_files()]


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def rewrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def others_may_not_read(path: Path) -> bool:
    return path.stat().st_mode & 0o077 == 0


Values = dict[str, Any]
Parts = dict[str, bytes]


def rewritten(path: Path, change: Callable[[Values, Parts], object]) -> None:
    """What somebody who knows the format makes of an archive: the seal is right."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts.pop("manifest.json"))
    change(manifest, parts)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(manifest))
        archive.comment = bytes(_SEAL_BYTES)
    sealed = path.read_bytes()[:-_SEAL_BYTES]
    path.write_bytes(sealed + _SEAL + sha256(sealed).hexdigest().encode())
