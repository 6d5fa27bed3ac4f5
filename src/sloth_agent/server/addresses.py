"""Where a request really comes from."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from starlette.datastructures import Headers

from sloth_agent.errors import ConfigurationError

LOCAL_SOCKET = "unix"
"""Names whoever comes through a local socket among trusted proxies."""


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Those that are believed when they say whom they speak for; by default nobody is."""

    networks: Sequence[IPv4Network | IPv6Network]
    local_socket: bool

    @classmethod
    def named(cls, names: Sequence[str]) -> "TrustedProxies":
        """Raises:
        ConfigurationError: not the address of anything.
        """
        try:
            networks = [ipaddress.ip_network(name) for name in names if name != LOCAL_SOCKET]
        except ValueError as error:
            raise ConfigurationError(
                f"TRUSTED_PROXIES cannot be used: {error}.",
                hint="Name addresses and networks such as 10.0.0.0/8, or unix.",
            ) from error
        return cls(networks, LOCAL_SOCKET in names)

    def client_of(self, peer: tuple[str, int] | None, headers: Headers) -> str | None:
        """The first address, from the nearest on, that is no trusted proxy's.

        Some proxies write theirs in a line of its own, below what the client sent.
        """
        nearest = peer[0] if peer else None
        if not self._trusts(nearest):
            return nearest
        told = ",".join(headers.getlist("x-forwarded-for"))
        for hop in reversed([hop.strip() for hop in told.split(",") if hop.strip()]):
            if not _is_address(hop):
                return nearest
            nearest = hop
            if not self._trusts(hop):
                return hop
        return nearest

    def _trusts(self, address: str | None) -> bool:
        if address is None or not self.networks or not _is_address(address):
            return self.local_socket and address is None
        known = ipaddress.ip_address(address)
        return any(known in network for network in self.networks)


def network_of(address: str) -> str:
    """Of whom a limit is: whoever has one address of IPv6 has all of its network."""
    if not _is_address(address):
        return address
    known = ipaddress.ip_address(address)
    if isinstance(known, IPv4Address):
        return address
    if known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known.packed[:8].ljust(16, b"\0"), 64)))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
