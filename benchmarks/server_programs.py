"""Servers to measure: ours with a model that costs nothing, and the framework alone."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool

from sloth_agent.agent.ports import ChatRequest, Completion, Delta
from sloth_agent.server.application import create_app
from sloth_agent.server.platform import Platform
from sloth_agent.settings import Settings

WORDS = int(os.environ.get("BENCH_WORDS", "1"))
PAUSE_SECONDS = float(os.environ.get("BENCH_PAUSE", "0"))


@dataclass(frozen=True, slots=True)
class Talker:
    """A `ChatModel` that says as many words as it is told to: each is the time at that moment."""

    name: str = "talker"

    async def answer(self, _: ChatRequest) -> AsyncIterator[Delta | Completion]:
        begun = time.monotonic()
        for number in range(WORDS):
            await anyio.sleep(max(0.0, begun + number * PAUSE_SECONDS - time.monotonic()))
            yield Delta(text=f"{time.monotonic():.6f} ")
        yield Completion(text="said", quotes=())


def ours() -> FastAPI:
    app = create_app(Settings.load())
    door = app.state.door
    opened = door.platform

    async def with_talker() -> Platform:
        platform: Platform = await opened()
        vars(platform.services.backends)["chat_model"] = Talker()
        return platform

    door.platform = with_talker
    return app


def bare() -> FastAPI:
    """One endpoint with one round trip to PostgreSQL."""
    pool: AsyncConnectionPool = AsyncConnectionPool(
        os.environ["BENCH_DATABASE"], open=False, kwargs={"autocommit": True}
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await pool.open()
        yield
        await pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/me")
    async def me() -> dict[str, object]:
        async with pool.connection() as connection:
            found = await connection.execute(
                "select id::text, slug, name, is_active from public.organizations limit 1"
            )
            id, slug, name, is_active = await found.fetchone() or ("", "", "", True)
        return {"id": id, "organization": {"slug": slug, "name": name, "is_active": is_active}}

    return app
