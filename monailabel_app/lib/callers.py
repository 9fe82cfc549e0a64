"""Where a request comes from: the address of its connection, or what a trusted proxy says of whom it asks for."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mammoseg.errors import WrongCallError

AddressRange = IPv4Network | IPv6Network

UNKNOWN = "unknown"
"""Of a connection that is gone already."""

SITE_BITS = 64
"""Of an IPv6 address: who has one has all that begin like it (RFC 4291 2.5.4)."""


class Callers:
    """Middleware: notes the caller's address as ``request.state.address``, and the scheme that the caller used.

    Args:
        proxies: proxies whose headers are believed; those of others are ignored, for anyone can write them.
    """

    def __init__(self, app: ASGIApp, *, proxies: tuple[AddressRange, ...]) -> None:
        self.app = app
        self.proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            peer, _ = scope.get("client") or (UNKNOWN, 0)
            headers = Headers(scope=scope)
            scope.setdefault("state", {})["address"] = find_caller_address(peer, headers, self.proxies)
            if is_among(peer, self.proxies):
                scope["scheme"] = _read_scheme(headers) or scope["scheme"]
        await self.app(scope, receive, send)


def find_caller_address(peer: str, headers: Headers, proxies: Sequence[AddressRange]) -> str:
    """Address of who asks: the last one in ``X-Forwarded-For`` or ``Forwarded`` (RFC 7239) that is no proxy's.

    Each proxy adds whom it speaks for behind what stood there, so that what a caller writes there itself never counts.
    Where both headers are there and differ, one of them is a caller's own, and the proxy's address counts.

    Args:
        peer: address of the connection.
        proxies: proxies that are believed; of others the headers are ignored.
    """
    own = str(_parse_address(peer) or UNKNOWN)
    if not is_among(peer, proxies):
        return own
    lists = (
        [hop for hop in ",".join(headers.getlist("x-forwarded-for")).split(",") if hop],
        _list_forwarded(headers, "for"),
    )
    said = {_find_nearest(hops, proxies) or own for hops in lists if hops}
    return said.pop() if len(said) == 1 else own


def find_site(address: str) -> str:
    """What shares an allowance: an IPv4 address, or the network of an IPv6 address."""
    found = _parse_address(address)
    return str(ip_network((int(found), SITE_BITS), strict=False)) if isinstance(found, IPv6Address) else address


def is_among(address: str, networks: Sequence[AddressRange]) -> bool:
    """Whether an address is of one of the networks."""
    found = _parse_address(address)
    return found is not None and any(found in network for network in networks)


def parse_networks(text: str, name: str) -> tuple[AddressRange, ...]:
    """Addresses or networks with commas.

    Raises:
        WrongCallError: one is none.
    """
    try:
        return tuple(ip_network(word.strip()) for word in text.split(",") if word.strip())
    except ValueError:
        raise WrongCallError(
            f"{name} is '{text}'; it must be addresses or networks with commas, such as 127.0.0.1,10.0.0.0/24."
        ) from None


def _find_nearest(hops: Sequence[str], proxies: Sequence[AddressRange]) -> str | None:
    """The last hop that is no proxy, or the first proxy; None where the last one is no address."""
    nearest = None
    for hop in reversed(hops):
        if (found := _parse_address(hop)) is None:
            break
        nearest = str(found)
        if not is_among(nearest, proxies):
            break
    return nearest


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as it stands in such headers: with a port perhaps, in brackets, in quotes."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _read_scheme(headers: Headers) -> str | None:
    said = headers.get("x-forwarded-proto", "").split(",") + _list_forwarded(headers, "proto")
    schemes = [word.strip().lower() for word in said if word.strip()]
    return schemes[-1] if schemes and schemes[-1] in ("http", "https") else None


def _list_forwarded(headers: Headers, wanted: str) -> list[str]:
    """A value of every hop in ``Forwarded``, empty where the hop does not say it; quotes are left."""
    found = []
    for hop in headers.getlist("forwarded"):
        for element in hop.split(","):
            pairs = dict(pair.strip().lower().partition("=")[::2] for pair in element.split(";"))
            found.append(pairs.get(wanted, "").strip('" '))
    return found
