"""Where a webhook may go: HTTPS to a public address. This keeps the service from being used to reach its own network.

A customer chooses the address, and the service calls it from inside: without a guard it would call the metadata service
of the cloud, other services on this machine, or whatever answers in the private network. So the text of the address is
read strictly, and every address that its name stands for must be public (:func:`require_public`); the sender connects
to one of those, and looks nothing up again.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared_code.errors import InvalidRequest

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST_URL = 2000
_HTTPS_PORT, _HTTP_PORT, _MOST_PORT = 443, 80, 65535
#: nothing that two readers of addresses could take for different parts: no user, no fragment, no backslash, no blank
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>[/?][!\"$-\[\]-~]*)?"
)
#: a host whose last label is a number is an IPv4 address for every browser, in decimal, octal or hexadecimal digits
_NUMBER = re.compile(r"(?:[0-9]+|0[xX][0-9A-Fa-f]*)")
#: public by the registries, but not the internet: Azure's platform services (Microsoft Learn, "What is IP address
#: 168.63.129.16?"), and relays of 6to4
_NOT_OUTSIDE = (ipaddress.ip_network("168.63.129.16/32"), ipaddress.ip_network("192.88.99.0/24"))
#: IPv6 that stands for an IPv4 address, which is in its last 32 bits: mapped, compatible, and by translation (NAT64)
_STANDS_FOR_IPV4 = tuple(map(ipaddress.ip_network, ("::ffff:0:0/96", "::/96", "64:ff9b::/96")))


@dataclass(frozen=True, slots=True)
class Address:
    """An address that was read. ``host`` is in lower case and without brackets; ``target`` is path and query."""

    https: bool
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        """The host as the request names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (_HTTPS_PORT if self.https else _HTTP_PORT) else f"{host}:{self.port}"

    @property
    def literal(self) -> IpAddress | None:
        """The IP address, where the host is one."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None


def read_url(url: str, *, allow_loopback: bool = False) -> Address:
    """Read an address; nothing is looked up.

    :param allow_loopback: http is allowed too.
    :raises InvalidRequest: it is no address to which a webhook may go.
    """
    found = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
    if found is None:
        raise refused(
            "is not an address such as https://hooks.example.com/path: of ASCII characters, at most 2000, without user "
            "name, password or fragment. Write a host with other characters in its xn-- form"
        )
    scheme = found["scheme"].lower()
    if scheme != "https" and not (allow_loopback and scheme == "http"):
        raise refused(f"begins with {scheme}://; only https:// is allowed")
    host = found["host"].lower().strip("[]")
    port = int(found["port"] or (_HTTPS_PORT if scheme == "https" else _HTTP_PORT))
    if not 0 < port <= _MOST_PORT:
        raise refused(f"names the port {port}, which does not exist")
    path = found["path"] or ""
    address = Address(scheme == "https", host, port, path if path.startswith("/") else f"/{path}")
    if address.literal is None and (_NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) or ":" in host):
        raise refused(f"names the host {host!r}, which is a number and no IP address in its usual form")
    if address.literal is not None:
        require_public(host, [address.literal], allow_loopback=allow_loopback)
    return address


def require_public(host: str, addresses: Sequence[IpAddress], *, allow_loopback: bool = False) -> None:
    """Refuse a host when one of the addresses behind it is not public: which of them is called would be chance.

    :raises InvalidRequest: says which one, and why.
    """
    for address in addresses:
        kind = kind_of(address)
        if kind is not None and not (allow_loopback and kind == "loopback"):
            raise refused(f"leads to {address} ({kind}); {host!r} must have public addresses only")


def kind_of(address: IpAddress) -> str | None:
    """Why an address is not public, in a word; None when it is.

    What is public is Python's ``is_global``, which follows the registries of IANA.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in network for network in _STANDS_FOR_IPV4) and int(address) > 1:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
            return kind_of(inner) if address in _STANDS_FOR_IPV4[2] else f"IPv4 address {inner} in another form"
        if address.sixtofour is not None or address.teredo is not None:
            return "tunnel to an IPv4 address"
    tests = (
        ("unspecified", address.is_unspecified),
        ("loopback", address.is_loopback),
        ("link-local", address.is_link_local or getattr(address, "is_site_local", False)),
        ("multicast", address.is_multicast),
        ("platform", any(address in network for network in _NOT_OUTSIDE)),
        ("reserved", address.is_reserved),
        ("private", not address.is_global),
    )
    return next((name for name, holds in tests if holds), None)


def refused(why: str) -> InvalidRequest:
    """The refusal of an address. ``why`` is the end of a sentence."""
    return InvalidRequest(f"The webhook's address {why}.", details={"field": "url"})
