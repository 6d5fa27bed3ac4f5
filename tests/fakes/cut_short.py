"""A sign-up whose process is killed right after its transaction, before the firm's own tables."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import anyio

from sloth_agent import AsyncSloth, Settings
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.models import Organization


@dataclass(frozen=True, slots=True)
class DeadlySpaces:
    """`TenantSpaces` that nobody survives asking for one."""

    databases: Sequence[str]

    async def ensure(self, _: Organization) -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def sign_up_and_die(home: Path, email: str, password: str) -> None:
    process = get_context("spawn").Process(target=_sign_up, args=(home, email, password))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _sign_up(home: Path, email: str, password: str) -> None:
    anyio.run(_signing_up, home, email, password)


async def _signing_up(home: Path, email: str, password: str) -> None:
    settings = Settings(home=home, embedder="none", chat="extractive", database_url=None)
    async with AsyncSloth(settings) as sloth:
        by = Actor(name="test")
        signing_up = sloth.services.signing_up(by=by)
        organizations = signing_up.organizations
        deadly = replace(organizations, spaces=DeadlySpaces(organizations.spaces.databases))
        dying = replace(signing_up, organizations=deadly)
        await dying.sign_up(email, password, "Salon", by=by)
