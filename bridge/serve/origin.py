"""Whether a browser sends a request on behalf of another site's page. No I/O.

A browser sends a user's password along with whatever any page asks of us. Pages of other sites may look at nothing (no
CORS header is ever sent), but a request that changes something has done so by the time its answer is withheld.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection

# "none": typed, or from a bookmark. "same-site" is another port or name of this machine: another program's page.
_OWN = frozenset({"same-origin", "none"})


def is_foreign(fetch_site: str | None, origin: str | None, hosts: Collection[str]) -> bool:
    """Whether the request comes from another site's page; programs say nothing of where they come from, and may pass.

    Args:
        fetch_site: the header ``Sec-Fetch-Site``.
        origin: the header ``Origin``.
        hosts: the names that this page is reached by, each with its port as browsers write it.
    """
    # Only sent to https:// and localhost, but then it is right behind any proxy, whatever host name that one uses.
    if fetch_site is not None:
        return fetch_site.lower() not in _OWN
    if origin is None:
        return False
    host = host_of(origin)
    # "null" (a sandboxed frame, a local file) has no host, and is nobody's own page, whatever is among ours.
    return not host or host not in {own.lower() for own in hosts}


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches somebody who listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def host_of(address: str) -> str:
    """Host and port of an address, in small letters; empty when it has none (``null``)."""
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:  # brackets that hold no IPv6 address
        return ""
