"""Where a request comes from, whatever it says."""

import pytest
from starlette.datastructures import Headers

from sloth_agent.errors import ConfigurationError
from sloth_agent.server.addresses import TrustedProxies, network_of

PROXIES = TrustedProxies.named(["10.0.0.0/8", "2001:db8::/32", "unix"])


def client(peer: str | None, *lines: str) -> str | None:
    headers = Headers(raw=[(b"x-forwarded-for", line.encode()) for line in lines])
    return PROXIES.client_of((peer, 4711) if peer else None, headers)


@pytest.mark.parametrize(
    ("peer", "lines", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, nonsense, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [" , ,"], "10.0.0.1"),
        ("2001:db8::1", ["2001:db9::7"], "2001:db9::7"),
        (None, ["198.51.100.1"], "198.51.100.1"),
        (None, [], None),
    ],
)
def test_only_trusted_proxies_are_believed(
    peer: str | None, lines: list[str], address: str | None
) -> None:
    assert client(peer, *lines) == address


def test_what_is_no_network_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="TRUSTED_PROXIES"):
        TrustedProxies.named(["proxy.example.com"])


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("local", "local"),
    ],
)
def test_a_limit_is_of_the_network_that_one_customer_of_a_provider_has(
    address: str, network: str
) -> None:
    assert network_of(address) == network
