"""A firm signs up, teaches its assistant and asks it, over HTTP."""

import json
import time
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import anyio
import httpx
import pytest

from fakes.api import Api, Firm, api, serving
from fakes.pictures import png
from sloth_agent import Settings
from sloth_agent.server.callers import REFUSED_SECONDS

pytestmark = pytest.mark.anyio

PRICES = b"service,price\nHaircut,40 euro\nManicure,25 euro\n"


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Api]:
    async with api(settings.model_copy(update={"tenant_requests_per_minute": 10**6})) as served:
        yield served


async def taught(firm: Firm, name: str = "prices.csv", content: bytes = PRICES) -> str:
    kept = await firm.client.post(
        "/api/documents/upload/", headers=firm.headers, files={"file": (name, content)}
    )
    assert (kept.status_code, kept.json()["status"]) == (202, "pending")
    id: str = kept.json()["id"]
    with anyio.fail_after(30):
        status = "pending"
        while status != "completed":
            await anyio.sleep(0.1)
            status = (await firm.get(f"/api/documents/{id}/status/")).json()["status"]
    return id


async def test_from_signing_up_to_an_answer(served: Api) -> None:
    firm = await served.signed_up("Салон «Лаванда»", language="uk")
    me = (await firm.get("/api/auth/me/")).json()
    assert (me["email"], me["role"], me["language"]) == (firm.email, "owner", "uk")
    assert me["organization"]["slug"].startswith("salon-lavanda")
    current = (await firm.get("/api/subscriptions/current/")).json()
    assert (current["plan"], current["status"]) == ("starter", "trialing")

    id = await taught(firm)
    listed = (await firm.get("/api/documents/")).json()
    assert [(item["id"], item["title"]) for item in listed["items"]] == [(id, "prices.csv")]
    file = await firm.get(f"/api/documents/{id}/file/")
    assert file.content == PRICES
    assert file.headers["content-disposition"].startswith("attachment")

    answer = (await firm.post("/api/agent/chat/", {"message": "How much is a haircut?"})).json()
    assert answer["grounded"] is True
    assert "40" in answer["answer"]
    assert answer["citations"][0]["document"] == "prices.csv"

    told = (await firm.get(f"/api/agent/history/{answer['conversation_id']}/")).json()
    assert [item["role"] for item in told["items"]] == ["user", "assistant"]
    assert "40 euro" in told["items"][1]["passages"][0]["text"]
    usage = (await firm.get("/api/subscriptions/usage/")).json()
    assert (usage["messages"]["used"], usage["documents"]["used"]) == (1, 1)

    gone = await firm.client.delete(f"/api/documents/{id}/", headers=firm.headers)
    assert gone.status_code == 204
    assert (await firm.get(f"/api/documents/{id}/status/")).status_code == 404


async def test_a_subscription_is_canceled_with_no_word_of_when(served: Api) -> None:
    firm = await served.signed_up()
    canceled = await firm.post("/api/subscriptions/cancel/")
    assert canceled.status_code == 200
    assert canceled.json()["cancel_at_period_end"] is True


async def test_who_signs_in_is_told_who_they_are(served: Api) -> None:
    firm = await served.signed_up()
    signed_in = await served.signed_in(firm.email)
    assert signed_in["user"] == firm.registered["user"]


async def test_a_photo_waits_to_be_looked_at(served: Api) -> None:
    firm = await served.signed_up()
    kept = await firm.client.post(
        "/api/photos/upload/", headers=firm.headers, files={"file": ("новий стиль.png", png(3, 2))}
    )
    assert (kept.status_code, kept.json()["status"]) == (202, "pending")
    id = kept.json()["id"]
    [photo] = (await firm.get("/api/photos/")).json()["items"]
    assert (photo["id"], photo["title"], photo["width"]) == (id, "новий стиль.png", 3)
    analysis = (await firm.get(f"/api/photos/{id}/analysis/")).json()
    assert (analysis["status"], analysis["labels"]) == ("pending", [])
    file = await firm.get(f"/api/photos/{id}/file/")
    assert (file.content, file.headers["x-content-type-options"]) == (png(3, 2), "nosniff")
    refused = await firm.client.post(
        "/api/photos/upload/", headers=firm.headers, files={"file": ("a.png", b"no picture")}
    )
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_file")
    gone = await firm.client.delete(f"/api/photos/{id}/", headers=firm.headers)
    assert gone.status_code == 204
    assert (await firm.get(f"/api/photos/{id}/analysis/")).status_code == 404


async def test_a_stream_ends_with_all_of_the_answer(served: Api) -> None:
    firm = await served.signed_up()
    await taught(firm)
    streamed = await firm.post(
        "/api/agent/chat/",
        {"message": "How much is a haircut?"},
        headers={"Accept": "text/event-stream"},
    )
    events = [
        (head.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for head, data in (event.split("\n") for event in streamed.text.strip().split("\n\n"))
    ]
    names = [name for name, _ in events]
    assert names == ["token"] * (len(names) - 2) + ["citations", "done"]
    done = events[-1][1]
    assert "".join(data["text"] for name, data in events if name == "token") == done["answer"]
    assert done["citations"] == events[-2][1]["citations"]


async def test_the_sandbox_leaves_no_trace(served: Api) -> None:
    firm = await served.signed_up()
    await taught(firm)
    tried = await firm.post(
        "/api/agent/test/",
        {"message": "How much is a haircut?", "prompt": {"role": "You are a pirate."}},
    )
    assert "40" in tried.json()["answer"]
    assert tried.json()["prompt"][0]["text"].startswith("You are a pirate.")
    assert "40 euro" in tried.json()["passages"][0]["text"]
    assert (await firm.get("/api/agent/history/")).json() == {"items": [], "next_cursor": None}
    assert (await firm.get("/api/subscriptions/usage/")).json()["messages"]["used"] == 0
    assert "pirate" not in (await firm.get("/api/agent/prompt/")).json()["role"]


async def test_the_sandbox_is_no_way_around_the_plan(served: Api) -> None:
    firm = await served.signed_up()
    body = {"message": "How much is a haircut?"}
    statuses = [(await firm.post("/api/agent/test/", body)).status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]


async def test_whoever_asks_too_often_hears_it_later(settings: Settings) -> None:
    """Told at once, twenty clients that go on take all the time of the server."""
    async with api(settings.model_copy(update={"tenant_requests_per_minute": 1})) as served:
        firm, other = await served.signed_up(), await served.signed_up()
        assert (await firm.get("/api/auth/me/")).status_code == 200
        started = time.monotonic()
        refused = await firm.get("/api/auth/me/")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert time.monotonic() - started >= REFUSED_SECONDS
        assert (await other.get("/api/auth/me/")).status_code == 200


async def test_pages_follow_each_other(served: Api) -> None:
    firm = await served.signed_up()
    for number in range(3):
        await firm.client.post(
            "/api/documents/upload/",
            headers=firm.headers,
            files={"file": (f"{number}.txt", f"Note {number}".encode())},
        )
    titles: list[str] = []
    asked: dict[str, str] = {}
    while True:
        page = (await firm.get("/api/documents/", params={"limit": "1", **asked})).json()
        titles += [item["title"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        asked = {"cursor": page["next_cursor"]}
    assert titles == ["0.txt", "1.txt", "2.txt"]


@pytest.mark.parametrize("path", ["documents/{}/status/", "agent/history/{}/"])
async def test_what_is_another_firms_is_not_there(served: Api, path: str) -> None:
    anna, ben = await served.signed_up(), await served.signed_up()
    id = await taught(anna)
    asked = await anna.post("/api/agent/chat/", {"message": "How much is a haircut?"})
    for theirs in (id, asked.json()["conversation_id"]):
        foreign = await ben.get("/api/" + path.format(theirs))
        unknown = await ben.get("/api/" + path.format(uuid4()))
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json()["code"] == "not_found"


async def test_what_comes_again_under_its_key_is_done_once(served: Api) -> None:
    firm = await served.signed_up()
    key = {"Idempotency-Key": str(uuid4())}
    question = {"message": "How much is a haircut?"}
    first = await firm.post("/api/agent/chat/", question, headers=key)
    again = await firm.post("/api/agent/chat/", question, headers=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await firm.post("/api/agent/chat/", {"message": "And a manicure?"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert (await firm.get("/api/subscriptions/usage/")).json()["messages"]["used"] == 1


async def test_a_stream_that_comes_again_under_its_key_is_the_same(served: Api) -> None:
    firm = await served.signed_up()
    headers = {"Idempotency-Key": str(uuid4()), "Accept": "text/event-stream"}
    question = {"message": "How much is a haircut?"}
    first = await firm.post("/api/agent/chat/", question, headers=headers)
    again = await firm.post("/api/agent/chat/", question, headers=headers)
    assert first.text == again.text
    assert "event: done" in first.text
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["content-type"].startswith("text/event-stream")
    assert (await firm.get("/api/subscriptions/usage/")).json()["messages"]["used"] == 1


async def test_a_prompt_that_comes_again_under_its_key_is_one_version(served: Api) -> None:
    firm = await served.signed_up()
    headers = {**firm.headers, "Idempotency-Key": str(uuid4())}
    change = {"role": "You are a pirate."}
    for _ in range(2):
        put = await served.client.put("/api/agent/prompt/", json=change, headers=headers)
        assert put.json()["version"] == 1
    history = (await firm.get("/api/agent/prompt/history/")).json()["items"]
    assert [version["version"] for version in history] == [1]


async def test_a_key_tells_what_it_opens_and_a_person_has_none(served: Api) -> None:
    firm = await served.signed_up()
    refused = await firm.get("/api/auth/key/")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_an_error_is_a_problem_with_the_requests_id(served: Api) -> None:
    refused = await served.client.get("/api/auth/me/")
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (401, "not_signed_in")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["x-request-id"] == problem["request_id"]
    assert UUID(problem["request_id"]).version == 7


def test_the_command_serves_the_same(settings: Settings) -> None:
    with serving({"SLOTH_HOME": str(settings.home), "SLOTH_EMBEDDER": "none"}) as address:
        assert httpx.get(f"{address}/readyz").json() == {"status": "ready"}
        assert httpx.get(f"{address}/api/subscriptions/plans/").json()[0]["slug"] == "free"
