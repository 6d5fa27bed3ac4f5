"""Visitors of a firm's web site, as their browsers ask for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from fakes.api import Firm
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.chats import Chat

SITE = "https://salon.example"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody on a page of a site."""

    client: httpx.AsyncClient
    key: str
    headers: Mapping[str, str]

    async def ask(self, message: str, **headers: str) -> httpx.Response:
        return await self.client.post(
            f"/api/widget/{self.key}/messages/",
            json={"message": message},
            headers={**self.headers, **headers},
        )

    async def said(self, **params: str) -> list[dict[str, Any]]:
        answer = await self.client.get(
            f"/api/widget/{self.key}/messages/", headers=self.headers, params=params
        )
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


async def web_key(firm: Firm, *origins: str) -> str:
    """Connect a firm's web site; returns the `data-key` of its pages."""
    asked = {"origins": origins or (SITE,)}
    made = await firm.post("/api/integrations/web/connect/", asked)
    assert made.status_code == 201, made.text
    key: str = made.json()["id"]
    return key


async def begin(client: httpx.AsyncClient, key: str, **headers: str) -> httpx.Response:
    return await client.post(
        f"/api/widget/{key}/visitors/", json={}, headers={"Origin": SITE, **headers}
    )


async def visitor(client: httpx.AsyncClient, key: str, *, site: str = SITE) -> Visitor:
    """Somebody new."""
    begun = await begin(client, key, Origin=site)
    assert begun.status_code == 201, begun.text
    headers = {"Origin": site, "Authorization": f"Bearer {begun.json()['token']}"}
    return Visitor(client, key, headers)


async def said_by_staff(tenant: AsyncTenant, chat: Chat, words: str) -> None:
    """As somebody of the firm, in the assistant's place."""
    await tenant.answer_chat(chat.id, words)
