"""Files from addresses that strangers name: none from inside, and what is fetched is what it is."""

import re
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fakes.twilio_server.inner_addresses import inner_addresses
from sloth_agent.adapters.guarded_fetching import Fetched, GuardedFetching, Login, resolved
from sloth_agent.errors import BackendUnavailable, FileTooLarge, UrlNotAllowed

pytestmark = pytest.mark.anyio

NAME = "files.sloth.test"
MIB = 1024 * 1024
FORMS = {
    how: url for how, url in inner_addresses("http://leads.test/").items() if "led " not in how
}


@dataclass
class Inside:
    """A port of this machine that nobody outside should reach."""

    port: int
    hits: int = 0


@contextmanager
def inside() -> Iterator[Inside]:
    """Whoever connects is counted, and told nothing."""
    sockets = [socket.create_server(("127.0.0.1", 0))]
    found = Inside(sockets[0].getsockname()[1])
    if socket.has_ipv6:
        with suppress(OSError):  # no IPv6 on this machine
            sockets.append(socket.create_server(("::1", found.port), family=socket.AF_INET6))

    def count(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            found.hits += 1
            connection.close()

    threads = [threading.Thread(target=count, args=(each,)) for each in sockets]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        for each in sockets:
            each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in threads:
            thread.join()


def at(url: str, port: int, scheme: str) -> str:
    """The same form, leading to our port."""
    url = re.sub(r"^https?(?=:)", scheme, url)
    return re.sub(r"^(https?://[^/?#]*?)(?::\d+)?(?=[/?#]|$)", rf"\g<1>:{port}", url)


async def answers(files: GuardedFetching, urls: Sequence[str]) -> list[Fetched]:
    """Of those that were not refused as they should be; no answer at all is one, too."""
    found = []
    for url in urls:
        try:
            found.append(await files.get(url, max_bytes=MIB))
        except UrlNotAllowed:
            continue
        except BackendUnavailable:
            found.append(Fetched(0))
    return found


async def nowhere(_: str) -> Sequence[str]:
    """The names among the forms mean this machine, whatever the world says."""
    return ["127.0.0.1"]


async def test_no_form_of_an_inner_address_is_asked() -> None:
    assert len(FORMS) >= 60
    with inside() as machine:
        files = GuardedFetching(port=machine.port, resolve=nowhere, seconds=2)
        for scheme in ("https", "http"):
            urls = [at(each, machine.port, scheme) for each in FORMS.values()]
            assert await answers(files, [*urls, *FORMS.values()]) == []
        assert machine.hits == 0


async def test_without_the_guard_they_are() -> None:
    """That the test above can fail: by the look at addresses alone, and by an ordinary client."""
    with inside() as machine:
        files = GuardedFetching(
            port=machine.port, resolve=nowhere, may_connect=lambda _: True, seconds=2
        )
        urls = [at(each, machine.port, "https") for each in FORMS.values()]
        reached = await answers(files, [each for each in urls if "127." in each or "::1" in each])
        assert len(reached) >= 8
        assert machine.hits >= 5
        before = machine.hits
        async with httpx.AsyncClient(timeout=1, trust_env=False) as careless:
            for each in FORMS.values():
                with suppress(httpx.HTTPError, httpx.InvalidURL, UnicodeError):
                    if "127" in each or "localhost" in each:
                        await careless.get(at(each, machine.port, "http"))
        assert machine.hits >= before + 10


async def test_no_redirect_leads_inside() -> None:
    with inside() as machine, web() as host:
        files = GuardedFetching(trusted={host.origin}, resolve=nowhere, seconds=2)
        forms = [at(each, machine.port, "https") for each in FORMS.values()]
        led = [
            f"{host.origin}/leads-to?{quote(each, safe='')}" for each in [*forms, *FORMS.values()]
        ]
        assert not any(each.status == 200 for each in await answers(files, led))
        assert len(host.heard) >= len(led)
        assert machine.hits == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://files.sloth.test/1",
        "https://files.sloth.test:8443/1",
        "https://files.sloth.test./1",
        "https://user@files.sloth.test/1",
        "https://files/1",
        "https://files.sloth.test/" + "a" * 5000,
        "https://files.sloth.test/\u0430",
        "https://",
        "",
    ],
)
async def test_what_is_refused_whatever_the_name_means(url: str) -> None:
    files = GuardedFetching(resolve=nowhere, may_connect=lambda _: True)
    with pytest.raises(UrlNotAllowed):
        await files.get(url, max_bytes=MIB)


async def test_one_inner_address_among_others_spoils_the_name() -> None:
    async def both(_: str) -> Sequence[str]:
        return ["93.184.216.34", "10.0.0.7"]

    with pytest.raises(UrlNotAllowed):
        await GuardedFetching(resolve=both).get(f"https://{NAME}/1", max_bytes=MIB)


async def test_unknown_names_are_refused() -> None:
    async def unknown(_: str) -> Sequence[str]:
        return []

    with pytest.raises(UrlNotAllowed):
        await GuardedFetching(resolve=unknown).get(f"https://{NAME}/1", max_bytes=MIB)


async def test_names_are_resolved_as_this_machine_does() -> None:
    assert set(await resolved("localhost")) & {"127.0.0.1", "::1"}
    assert await resolved("a" * 64) == []


async def test_the_address_that_was_looked_at_is_the_one_that_is_asked(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """A name that changes its meaning between the look and the connection changes nothing."""
    asked = []

    async def changing(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    served, trusting = certificate
    with web(served) as host:
        files = GuardedFetching(
            port=host.port, resolve=changing, may_connect=lambda _: True, tls=trusting
        )
        found = await files.get(f"https://{NAME}:{host.port}/file", max_bytes=MIB)
        assert found == Fetched(200, b"content")
        assert asked == [NAME]
        assert host.heard[0]["Host"] == f"{NAME}:{host.port}"


async def test_the_next_address_is_asked_where_the_first_is_silent(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    async def two(_: str) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    served, trusting = certificate
    with web(served) as host:
        files = GuardedFetching(
            port=host.port, resolve=two, may_connect=lambda _: True, tls=trusting
        )
        found = await files.get(f"https://{NAME}:{host.port}/file", max_bytes=MIB)
        assert found.content == b"content"


async def test_a_certificate_has_to_be_the_names(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    served, trusting = certificate
    with web(served) as host:
        files = GuardedFetching(
            port=host.port, resolve=nowhere, may_connect=lambda _: True, tls=trusting
        )
        for name in ("other.sloth.test", "127.0.0.1"):
            with pytest.raises(BackendUnavailable):
                await files.get(f"https://{name}:{host.port}/file", max_bytes=MIB)
        assert host.heard == []


async def test_a_login_goes_to_one_origin_and_no_further() -> None:
    with web() as first, web() as second:
        files = GuardedFetching(trusted={first.origin, second.origin})
        login = Login(origin=first.origin, user="AC1", password="secret")
        led = f"{first.origin}/leads-to?{quote(second.origin + '/file', safe='')}"
        assert (await files.get(led, max_bytes=MIB, login=login)).content == b"content"
        back = f"{second.origin}/leads-to?{quote(first.origin + '/file', safe='')}"
        await files.get(back, max_bytes=MIB, login=login)
        assert [each.get("Authorization") is not None for each in first.heard] == [True, False]
        assert [each.get("Authorization") for each in second.heard] == [None, None]


async def test_proxies_and_passwords_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with web() as host, inside() as machine:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{machine.port}")
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        await GuardedFetching(trusted={host.origin}).get(f"{host.origin}/file", max_bytes=MIB)
        assert machine.hits == 0
        assert "Authorization" not in host.heard[0]


async def test_what_is_too_long_is_not_read_to_its_end() -> None:
    with web() as host:
        files = GuardedFetching(trusted={host.origin})
        found = await files.get(f"{host.origin}/long", max_bytes=10 * MIB)
        assert len(found.content) == 10 * MIB
        with pytest.raises(FileTooLarge):
            await files.get(f"{host.origin}/long", max_bytes=10 * MIB - 1)
        with pytest.raises(FileTooLarge):
            await files.get(f"{host.origin}/endless", max_bytes=MIB)


async def test_a_deadline_is_for_all_of_it() -> None:
    with web() as host:
        files = GuardedFetching(trusted={host.origin}, seconds=0.3)
        with pytest.raises(BackendUnavailable):
            await files.get(f"{host.origin}/slow", max_bytes=MIB)


async def test_what_is_not_there_is_said() -> None:
    with web() as host:
        files = GuardedFetching(trusted={host.origin})
        assert await files.get(f"{host.origin}/gone", max_bytes=MIB) == Fetched(404)
        with pytest.raises(BackendUnavailable):
            await files.get(f"{host.origin}/cut", max_bytes=MIB)
        with pytest.raises(UrlNotAllowed):
            await files.get(f"{host.origin}/round", max_bytes=MIB)
    with pytest.raises(BackendUnavailable):
        await files.get(f"{host.origin}/file", max_bytes=MIB)


@dataclass
class Web:
    origin: str
    port: int
    heard: list[dict[str, str]] = field(default_factory=list)


class _Pages(BaseHTTPRequestHandler):
    web: Web
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.web.heard.append(dict(self.headers))
        self.close_connection = True
        path, _, query = self.path.partition("?")
        if path == "/leads-to":
            self._head(302, Location=httpx.QueryParams(f"to={query}")["to"])
        elif path == "/round":
            self._head(302, Location="/round")
        elif path == "/file":
            self._head(200, length=7)
            self.wfile.write(b"content")
        elif path == "/long":
            self._head(200, length=10 * MIB)
            self.wfile.write(bytes(10 * MIB))
        elif path == "/cut":
            self._head(200, length=7)
            self.wfile.write(b"con")
        elif path in ("/endless", "/slow"):
            self._go_on(b"1" * (65536 if path == "/endless" else 1))
        else:
            self._head(404)

    def _go_on(self, piece: bytes) -> None:
        self._head(200, length=1024 * MIB)
        pause = threading.Event()
        while len(piece) > 1 or not pause.wait(0.05):
            self.wfile.write(piece)

    def _head(self, status: int, *, length: int = 0, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value.encode().decode("latin-1").replace("\n", "").strip("\r"))
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Whoever has enough goes away, and is meant to."""


@contextmanager
def web(tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    handler = type("Pages", (_Pages,), {})
    with _Server(("127.0.0.1", 0), handler) as http:
        port = http.server_address[1]
        scheme = "http" if tls is None else "https"
        found = handler.web = Web(f"{scheme}://127.0.0.1:{port}", port)  # type: ignore[attr-defined]
        if tls is not None:
            http.socket = tls.wrap_socket(http.socket, server_side=True)
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield found
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def certificate(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of `files.sloth.test`: for who serves, and for who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(file)
    return served, ssl.create_default_context(cadata=pem.decode())
