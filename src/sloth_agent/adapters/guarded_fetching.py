"""Fetches files from addresses that strangers name, and never from inside our own network.

A name is resolved here, once, and the connection goes to the very address that was looked at: a
name that means something else a moment later changes nothing. TLS still asks for the name.
"""

import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

import anyio
import httpx

from sloth_agent.errors import BackendUnavailable, FileTooLarge, UrlNotAllowed

Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]

LONGEST_URL = 4096
MOST_REDIRECTS = 4
CONNECT_SECONDS = 5.0

_NAME = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
"""Of a host: with a dot, without one at the end, and never a number in disguise."""

_PRINTED = re.compile(r"[!-\[\]-~]+")
"""ASCII that is seen, without the backslash, which some read as a slash."""

_PUBLIC_V6 = ip_network("2000::/3")
_NOT_PUBLIC = [
    ip_network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers, and Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's metadata
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # to many, reserved, to all
        "2001::/23",  # of protocols, such as Teredo
        "2001:db8::/32",
        "2002::/16",  # 6to4: any IPv4 address within
        "3fff::/20",
    )
]


def is_public(address: Address) -> bool:
    """Whether it is somebody's on the internet; none that has an IPv4 address within it is."""
    if isinstance(address, IPv6Address) and address not in _PUBLIC_V6:
        return False
    return not any(address in network for network in _NOT_PUBLIC)


async def resolved(host: str) -> Sequence[str]:
    """All addresses of a name, the best one first; none where it has none."""
    try:
        found = await anyio.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who asks; told to one origin alone, such as `https://api.twilio.com`."""

    origin: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fetched:
    status: int
    content: bytes = b""  # of a status of 200


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedFetching:
    """GET over TLS, from public addresses."""

    trusted: Collection[str] = ()  # origins an operator vouches for: `http://127.0.0.1:9000`
    seconds: float = 20.0  # for all of it
    port: int = 443
    resolve: Resolve = resolved
    may_connect: Callable[[Address], bool] = is_public
    tls: ssl.SSLContext = field(default_factory=lambda: httpx.create_ssl_context(trust_env=False))

    async def get(self, url: str, *, max_bytes: int, login: Login | None = None) -> Fetched:
        """What lies there, at the end of at most four redirects, each looked at as the first.

        Raises:
            UrlNotAllowed: it leads, at once or in the end, where we do not go; nothing was asked.
            FileTooLarge: it is longer; no more than that was read.
            BackendUnavailable: no answer in time, or one that breaks off.
        """
        try:
            with anyio.fail_after(self.seconds):
                return await self._follow(_read(url), max_bytes, login)
        except (TimeoutError, httpx.HTTPError) as error:
            raise BackendUnavailable(
                "The file's host does not answer.", backend="file host"
            ) from error

    async def _follow(self, url: httpx.URL, max_bytes: int, login: Login | None) -> Fetched:
        for _ in range(1 + MOST_REDIRECTS):
            async with self._answer(url, login) as answer:
                if not answer.has_redirect_location:
                    return await _taken(answer, max_bytes)
            url, login = _read(answer.headers["Location"], url), None
        raise _refused("is led on and on")

    @asynccontextmanager
    async def _answer(self, url: httpx.URL, login: Login | None) -> AsyncIterator[httpx.Response]:
        places = await self._places(url)
        timeout = httpx.Timeout(self.seconds, connect=CONNECT_SECONDS)
        request = httpx.Request(
            "GET",
            url,
            headers={"Accept": "*/*", "Accept-Encoding": "identity"},
            extensions={"timeout": timeout.as_dict(), "sni_hostname": url.raw_host.decode()},
        )
        if login is not None and _origin(url) == login.origin:
            sign = httpx.BasicAuth(login.user, login.password)
            request = next(sign.sync_auth_flow(request))
        # Without a client around it, which would read cookies, proxies and redirects.
        async with httpx.AsyncHTTPTransport(verify=self.tls, trust_env=False) as transport:
            answer = await _first_answer(transport, request, places)
            try:
                yield answer
            finally:
                await answer.aclose()

    async def _places(self, url: httpx.URL) -> Sequence[str]:
        """The hosts to connect to: addresses that were looked at, or one that is trusted."""
        if _origin(url) in self.trusted:
            return [url.host]
        if url.scheme != "https" or url.port not in (None, self.port):
            raise _refused("is not https on the usual port")
        addresses = [_address(each) for each in await self._resolved(url.host)]
        if not addresses or not all(self.may_connect(each) for each in addresses):
            raise _refused("is not on the public internet")
        return [str(each) for each in addresses]

    async def _resolved(self, host: str) -> Sequence[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass
        if not _NAME.fullmatch(host):
            raise _refused("is no name of a host")
        return await self.resolve(host)


async def _first_answer(
    transport: httpx.AsyncBaseTransport, request: httpx.Request, places: Sequence[str]
) -> httpx.Response:
    """Of the first place that can be reached; the host keeps its name in all else."""
    url, failure = request.url, None
    for place in places:
        request.url = url.copy_with(host=place)
        try:
            return await transport.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            failure = error
    raise failure or httpx.ConnectError("no place to connect to")


async def _taken(answer: httpx.Response, max_bytes: int) -> Fetched:
    if answer.status_code != httpx.codes.OK:
        return Fetched(answer.status_code)
    content = bytearray()
    async for piece in answer.aiter_raw():
        content += piece
        if len(content) > max_bytes:
            raise FileTooLarge(f"The file is longer than {max_bytes:,} bytes.")
    return Fetched(answer.status_code, bytes(content))


def _read(url: str, base: httpx.URL | None = None) -> httpx.URL:
    """Only what all readers of addresses read alike."""
    if len(url) > LONGEST_URL or not _PRINTED.fullmatch(url):
        raise _refused("has letters that an address has not")
    try:
        read = base.join(url) if base else httpx.URL(url)
    except httpx.InvalidURL:
        raise _refused("cannot be read") from None
    if read.userinfo or "@" in read.netloc.decode() or not read.host:
        raise _refused("names a user, or no host")
    return read


def _address(text: str) -> Address:
    try:
        return ip_address(text)
    except ValueError:
        raise _refused("is not on the public internet") from None


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"


def origin_of(url: str) -> str:
    """Scheme, host and port, as `trusted` and a `Login` have them."""
    return _origin(httpx.URL(url))


def _refused(how: str) -> UrlNotAllowed:
    return UrlNotAllowed(f"Nothing is fetched from there: the address {how}.")
