"""What a client should not send: an answer in one sentence, and nothing of what is behind it."""

import json
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from fakes.api import PASSWORD, Api, Firm, api, serving
from sloth_agent import Settings
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.server.request_bodies import MOST_BYTES
from sloth_agent.tenants.audit import Actor

pytestmark = pytest.mark.anyio

BEHIND_IT = re.compile(
    rb"select |insert into|psycopg|postgres|pydantic|starlette|fastapi|uvicorn|traceback|line \d+,"
    rb"|\.py\b|/home/|/root/|/tmp/|/usr/|site-packages|python|sloth_agent\.|0\.1\.0|\bt_[0-9a-f]{32}",
    re.IGNORECASE,
)
"""Statements, libraries, paths, versions and names of schemas."""

UPLOADS = "/api/documents/upload/"


def told(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem that was answered, when it is one as each has to be."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    shown = b"\n".join([answer.content, *(b": ".join(each) for each in answer.headers.raw)])
    assert not BEHIND_IT.search(shown), shown
    return problem


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Api]:
    freely = {"tenant_requests_per_minute": 10**6, "allowed_hosts": ("testserver",)}
    async with api(settings.model_copy(update=freely)) as served:
        yield served


@pytest.fixture
async def firm(served: Api) -> Firm:
    return await served.signed_up()


DEEP = b'{"message": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

BODIES = {
    "no JSON": b"{",
    "nothing": b"",
    "a list": b"[]",
    "a number": b"1",
    "deep": DEEP,
    "deep and open": b"[" * 100_000,
    "bad UTF-8": b'{"message": "\xff\xfe"}',
    "an unknown field": b'{"message": "Haircut?", "tenant": "other"}',
    "a lone surrogate": b'{"message": "\\ud800"}',
    "half a pair": b'{"message": "Haircut\\udc00?"}',
    "a huge number": b'{"message": ' + b"9" * 5_000 + b"}",
    "an endless number": b'{"message": "Haircut?", "language": 1e999}',
    "not a number": b'{"message": NaN}',
    "too long": json.dumps({"message": "a" * 5_000}).encode(),
    "null": b'{"message": null}',
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_cannot_be_used(firm: Firm, name: str) -> None:
    headers = {**firm.headers, "Content-Type": "application/json"}
    for path in ("chat", "test"):
        answer = await firm.client.post(
            f"/api/agent/{path}/", content=BODIES[name], headers=headers
        )
        told(answer, 422, "invalid_input")


WORDS = {
    b"{": ("body", "is not JSON"),
    b"[]": ("body", "must be an object"),
    b"{}": ("message", "must be set"),
    b'{"message": ""}': ("message", "must have at least 1 character"),
    b'{"message": " "}': ("message", "The question is empty."),
    b'{"message": "a", "tenant": "b"}': ("tenant", "is not known here"),
    b'{"message": "a", "language": "fr"}': ("language", "must be 'en', 'uk', 'pl' or 'de'"),
    b'{"message": "a", "prompt": {"temperature": 3}}': ("prompt.temperature", "must be 2 or less"),
}


@pytest.mark.parametrize("body", WORDS)
async def test_what_is_wrong_is_said_in_words_for_people(firm: Firm, body: bytes) -> None:
    headers = {**firm.headers, "Content-Type": "application/json"}
    answer = await firm.client.post("/api/agent/test/", content=body, headers=headers)
    [wrong] = told(answer, 422, "invalid_input")["errors"]
    assert (wrong["field"], wrong["message"]) == WORDS[body]


async def test_all_that_is_wrong_is_told_at_once(served: Api) -> None:
    body = {"email": "anna", "password": "short", "organization": ""}
    answer = await served.client.post("/api/auth/register/", json=body)
    errors = told(answer, 422, "invalid_input")["errors"]
    assert {each["field"]: each["message"] for each in errors} == {
        "email": "The email is not an e-mail address.",
        "password": "must have at least 10 characters",
        "organization": "must have at least 1 character",
    }


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "?", ""]
)
async def test_another_content_type(firm: Firm, media_type: str) -> None:
    headers = {**firm.headers, "Content-Type": media_type}
    body = b'{"message": "How much is a haircut?"}'
    answer = await firm.client.post("/api/agent/chat/", content=body, headers=headers)
    told(answer, 422, "invalid_input")


async def test_nul_bytes(firm: Firm) -> None:
    """PostgreSQL keeps none."""
    asked = await firm.post("/api/agent/chat/", {"message": "Hair\0cut?"})
    assert asked.status_code == 200 or told(asked, 422, "invalid_input")
    drafted = await firm.client.put(
        "/api/agent/prompt/", json={"role": "A\0B"}, headers=firm.headers
    )
    assert drafted.status_code == 200 or told(drafted, 422, "invalid_input")
    for email in ("a\0@example.com", "a@exam\0ple.com"):
        body = {"email": email, "password": PASSWORD, "organization": "Salon"}
        told(await firm.client.post("/api/auth/register/", json=body), 422, "invalid_input")
    login = {"email": "a\0@example.com", "password": PASSWORD}
    told(await firm.client.post("/api/auth/login/", json=login), 401, "not_signed_in")
    token = {"refresh": "\0"}
    told(await firm.client.post("/api/auth/refresh/", json=token), 401, "token_invalid")
    named = {"email": f"{uuid4().hex}@example.com", "password": PASSWORD, "organization": "A\0B"}
    signed_up = await firm.client.post("/api/auth/register/", json=named)
    assert signed_up.status_code == 201 or told(signed_up, 422, "invalid_input")


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000", "\\udfff\\ud800"])
async def test_texts_that_no_database_keeps(served: Api, firm: Firm, text: str) -> None:
    bodies = {
        "auth/register": '{"email": "%s@example.com", "password": "correct horse battery",'
        ' "organization": "%s", "referral_code": "%s"}',
        "auth/login": '{"email": "%s@example.com", "password": "%s%s"}',
        "auth/refresh": '{"refresh": "%s%s%s"}',
        "auth/logout": '{"refresh": "%s%s%s"}',
        "subscriptions/activate-code": '{"code": "%s%s%s"}',
        "agent/test": '{"message": "Haircut?", "prompt": {"role": "%s", "context": "%s%s"}}',
    }
    headers = {**firm.headers, "Content-Type": "application/json"}
    for path, body in bodies.items():
        content = body.replace("%s", text).encode()
        answer = await served.client.post(f"/api/{path}/", content=content, headers=headers)
        assert answer.status_code < 500, (path, answer.text)
        if answer.status_code >= 400:
            told(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=" + "9" * 400, "limit=-1", "limit=a", "cursor=1"]
)
async def test_pages_that_there_are_not(firm: Firm, query: str) -> None:
    told(await firm.get(f"/api/documents/?{query}"), 422, "invalid_input")


@pytest.mark.parametrize(
    "id", ["1", "%00", "..", "%2e%2e%2f", "%ff", "'%20or%201=1--", "a" * 5_000]
)
async def test_ids_that_are_none(firm: Firm, id: str) -> None:
    told(await firm.get(f"/api/documents/{id}/status/"), 404, "not_found")


@pytest.mark.parametrize("moment", ["2030-01-01T00:00:00", 1_900_000_000, "0000-00-00T00:00Z", "-"])
async def test_moments_that_are_none(served: Api, moment: object) -> None:
    operator = await _operator(served)
    body = {"plan": "starter", "days": 30, "expires_at": moment}
    answer = await operator.post("/api/admin/codes/generate/", body)
    [wrong] = told(answer, 422, "invalid_input")["errors"]
    assert wrong["message"].startswith("must be a moment with its time zone")


@pytest.mark.parametrize("days", [10**400, -1, 1.5, "30", True])
async def test_numbers_that_cannot_be_used(served: Api, days: object) -> None:
    operator = await _operator(served)
    body = {"plan": "starter", "days": days}
    told(await operator.post("/api/admin/codes/generate/", body), 422, "invalid_input")


@pytest.mark.parametrize("active", [0, 1, "true", "no"])
async def test_answers_that_are_neither_yes_nor_no(firm: Firm, active: object) -> None:
    answer = await firm.put(f"/api/users/{uuid4()}/", {"is_active": active})
    [wrong] = told(answer, 422, "invalid_input")["errors"]
    assert (wrong["field"], wrong["message"]) == ("is_active", "must be true or false")


async def test_a_host_that_it_does_not_go_by(served: Api) -> None:
    for path in ("/api/auth/me/", "/healthz", "/api/docs/"):
        for host in ("evil.example", "testserver.evil.example", ""):
            answer = await served.client.get(path, headers={"Host": host})
            told(answer, 400, "host_not_allowed")


async def test_strangers_are_refused_before_their_body_is_read(served: Api) -> None:
    told(await served.client.post("/api/agent/chat/", content=b"{"), 401, "not_signed_in")
    told(await served.client.post(UPLOADS, files={"other": b"a"}), 401, "not_signed_in")
    read: list[bytes] = []

    async def parts() -> AsyncIterator[bytes]:
        read.append(b"a")
        yield b"a"

    form = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await served.client.post(UPLOADS, content=parts(), headers=form)
    told(answer, 401, "not_signed_in")
    assert read == []


async def test_a_stale_token_keeps_nobody_from_signing_in(served: Api, firm: Firm) -> None:
    body = {"email": firm.email, "password": PASSWORD}
    stale = {"Authorization": "Bearer stale", "Idempotency-Key": uuid4().hex}
    answer = await served.client.post("/api/auth/login/", json=body, headers=stale)
    assert answer.status_code == 200


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "a" * 256])
async def test_idempotency_keys_that_are_none(firm: Firm, key: str) -> None:
    answer = await firm.client.post(
        "/api/agent/chat/",
        json={"message": "How much is a haircut?"},
        headers=httpx.Headers({**firm.headers, "Idempotency-Key": key}, encoding="utf-8"),
    )
    told(answer, 422, "invalid_input")


FORMS = {
    "no boundary": ("multipart/form-data", b"a"),
    "another boundary": ("multipart/form-data; boundary=a", b"--b\r\n\r\n--b--\r\n"),
    "cut off": ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-d"),
    "a text": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc\r\n--b--\r\n',
    ),
    "another field": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="x"; filename="x"\r\n\r\nabc\r\n--b--\r\n',
    ),
    "JSON": ("application/json", b'{"file": "abc"}'),
    "nothing": ("multipart/form-data; boundary=b", b""),
}


@pytest.mark.parametrize("name", FORMS)
async def test_forms_that_are_none(firm: Firm, name: str) -> None:
    media_type, body = FORMS[name]
    headers = {**firm.headers, "Content-Type": media_type}
    answer = await firm.client.post(UPLOADS, content=body, headers=headers)
    told(answer, 422, "invalid_input")
    assert (await firm.get("/api/documents/")).json()["items"] == []


@pytest.mark.parametrize("path", ["documents", "photos"])
async def test_of_two_files_in_a_form_none_is_kept(firm: Firm, path: str) -> None:
    files = [("file", ("a.txt", b"One")), ("file", ("b.txt", b"Two"))]
    answer = await firm.client.post(f"/api/{path}/upload/", files=files, headers=firm.headers)
    [wrong] = told(answer, 422, "invalid_input")["errors"]
    assert wrong["field"] == "file"
    assert (await firm.get(f"/api/{path}/")).json()["items"] == []


ODD_NAMES = [
    *("../a.txt", "../../../../tmp/a.txt", "/etc/passwd", "//a.txt", "..\\..\\a.txt", "C:\\a.txt"),
    *("\\\\host\\share\\a.txt", ".", "..", "...", "....//a.txt", "a/../../a.txt", "%2e%2e%2fa.txt"),
    *("..%c0%afa.txt", "a.txt\0.exe", "\0", "a\nb.txt", "a\rb.txt", "a\tb.txt", "a\x1b[31m.txt"),
    *("a\x7f.txt", " ", "  a.txt  ", "a.txt.", "a.txt ", ".htaccess", ".env", "-rf", "--help"),
    *("CON", "nul.txt", "COM1", "aux", "a:b.txt", "a.txt:stream", "a|b.txt", "a*b?.txt", "<a>.txt"),
    *("$(touch a)", "`id`.txt", "a;id.txt", "a&b.txt", "'; drop table documents;--.txt", '"a".txt'),
    *("~", "~root/a.txt", "a" * 300 + ".txt", "я" * 200 + ".txt", "прайс.txt", "café.txt"),
    *("cafe\u0301.txt", "a\u202etxt.exe", "\u200b.txt", "\ufeffa.txt", "😀.txt", "\u2028.txt"),
    *("a\ud800.txt", "file:///etc/passwd", "http://127.0.0.1/a.txt", "{{7*7}}.txt", "%s%n.txt"),
    *("a.txt/", "/", "\\", "", "..;/a.txt", "${jndi:ldap://a}.txt"),
]


async def test_odd_names_lead_nowhere(served: Api, firm: Firm, settings: Settings) -> None:
    assert len(ODD_NAMES) >= 60
    before = _outside(settings.home)
    for name in ODD_NAMES:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"').encode("utf-8", "surrogatepass")
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + quoted
        body += b'"\r\n\r\nPrices of ' + uuid4().hex.encode() + b"\r\n--b--\r\n"
        headers = {**firm.headers, "Content-Type": "multipart/form-data; boundary=b"}
        answer = await served.client.post(UPLOADS, content=body, headers=headers)
        if answer.status_code != 202:
            assert answer.status_code in (403, 409, 415, 422), (name, answer.text)
            told(answer, answer.status_code, answer.json()["code"])
            continue
        kept = await firm.get(f"/api/documents/{answer.json()['id']}/file/")
        disposition = kept.headers["content-disposition"]
        assert re.fullmatch(r"attachment; filename\*=UTF-8''[\w.%~-]*", disposition), disposition
        await served.client.delete(f"/api/documents/{answer.json()['id']}/", headers=firm.headers)
    assert _outside(settings.home) == before
    listed = await firm.get("/api/documents/")
    assert not BEHIND_IT.search(listed.content)


async def _operator(served: Api) -> Firm:
    email = f"{uuid4().hex}@example.com"
    await served.platform.services.accounts.create(
        email, password=PASSWORD, is_superuser=True, by=Actor(name="tests")
    )
    body = {"email": email, "password": PASSWORD}
    signed_in = await served.client.post("/api/auth/login/", json=body)
    return Firm(served.client, email, signed_in.json())


def _outside(home: Path) -> set[str]:
    """What lies around the install, and in it beside where files are kept."""
    around = {str(path) for path in home.parent.iterdir() if path.name in ("a.txt", "etc")}
    return around | {str(path) for path in home.iterdir()} | {str(p) for p in Path.cwd().iterdir()}


@pytest.fixture(scope="module")
def address(server: Attachment) -> Iterator[str]:
    """A server that takes little, and does not wait long for it."""
    variables = {
        "SLOTH_HOME": str(server.home),
        "SLOTH_EMBEDDER": "none",
        "SLOTH_MAX_UPLOAD_MB": "1",
        "SLOTH_REQUEST_SECONDS": "2",
    }
    with serving(variables) as address:
        yield address


@pytest.fixture(scope="module")
def bearer(address: str) -> str:
    body = {"email": f"{uuid4().hex}@example.com", "password": PASSWORD, "organization": "Salon"}
    registered = httpx.post(f"{address}/api/auth/register/", json=body, timeout=30)
    return f"Bearer {registered.json()['access']}"


def _raw(address: str, head: str, *parts: bytes, patience: float = 20) -> httpx.Response:
    """Send it as it is, and read the answer, whether or not all was sent."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=patience) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass  # it has heard enough
        answer = HTTPResponse(connection)
        answer.begin()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


def _upload(address: str, bearer: str, *more: str) -> str:
    host = address.removeprefix("http://")
    lines = [f"POST {UPLOADS} HTTP/1.1", f"Host: {host}", f"Authorization: {bearer}"]
    return "\n".join([*lines, "Content-Type: multipart/form-data; boundary=b", *more])


@pytest.mark.slow
def test_a_body_that_says_it_is_too_large_is_refused_at_once(address: str, bearer: str) -> None:
    started = time.monotonic()
    answer = _raw(address, _upload(address, bearer, f"Content-Length: {10**12}"))
    assert time.monotonic() - started < 2
    told(answer, 413, "file_too_large")
    assert answer.headers["connection"] == "close"


@pytest.mark.slow
def test_a_body_that_gets_too_large_is_cut_off(address: str, bearer: str) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    chunk = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
    first = f"{len(head):x}\r\n".encode() + head + b"\r\n"
    answer = _raw(
        address, _upload(address, bearer, "Transfer-Encoding: chunked"), first, *[chunk] * 40
    )
    told(answer, 413, "file_too_large")
    listed = httpx.get(f"{address}/api/documents/", headers={"Authorization": bearer})
    assert listed.json()["items"] == []


@pytest.mark.slow
def test_a_large_json_is_refused(address: str, bearer: str) -> None:
    body = {"message": "a" * MOST_BYTES}
    headers = {"Authorization": bearer}
    answer = httpx.post(f"{address}/api/agent/chat/", json=body, headers=headers)
    told(answer, 413, "file_too_large")


@pytest.mark.slow
def test_a_body_that_comes_too_slowly(address: str, bearer: str) -> None:
    started = time.monotonic()
    answer = _raw(address, _upload(address, bearer, "Content-Length: 1000"), b"--b")
    told(answer, 408, "request_timeout")
    assert 2 <= time.monotonic() - started < 8
    listed = httpx.get(f"{address}/api/documents/", headers={"Authorization": bearer})
    assert listed.json()["items"] == []
