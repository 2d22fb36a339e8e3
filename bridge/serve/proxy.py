"""What a proxy in front says of a request: honoured only from addresses that are trusted. No I/O.

``X-Forwarded-For`` (who asks), ``-Proto`` and ``-Host`` (how they reached the proxy), and ``X-Ingress-Path``, below
which Home Assistant shows the page to those whom it has signed in.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

INGRESS: Final = "espcam.ingress"
"""Of the WSGI environment: the request came through Home Assistant's ingress."""

_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,255}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_SAID: Final = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_INGRESS_PATH",
    "HTTP_X_SCRIPT_NAME",
)


def resolved(environ: Mapping[str, Any], trusted: Sequence[str]) -> dict[str, Any]:
    """The WSGI environment with what a trusted proxy says taken for true, and all that others say taken out."""
    result = {key: value for key, value in environ.items() if key not in _SAID}
    networks = [ipaddress.ip_network(one, strict=False) for one in trusted]
    if not _within(str(environ.get("REMOTE_ADDR", "")), networks):
        return result
    chain = [hop.strip() for hop in str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
    for hop in reversed(chain):  # the last that a trusted proxy wrote of one whom nobody vouches for
        if not _is_address(hop):
            break
        result["REMOTE_ADDR"] = hop
        if not _within(hop, networks):
            break
    scheme = _last(environ.get("HTTP_X_FORWARDED_PROTO"))
    if scheme in {"http", "https"}:
        result["wsgi.url_scheme"] = scheme
    host = _last(environ.get("HTTP_X_FORWARDED_HOST"))
    if _HOST.fullmatch(host):
        result["HTTP_HOST"] = host
    path = str(environ.get("HTTP_X_INGRESS_PATH", "")).rstrip("/")
    if _PATH.fullmatch(path):
        result["SCRIPT_NAME"] = path
        result[INGRESS] = True
    return result


class TrustProxies:
    """WSGI middleware with these rules.

    Args:
        application: what answers.
        trusted: gives the addresses and networks that are trusted now.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]], trusted: Callable[[], Sequence[str]]) -> None:
        self._application = application
        self._trusted = trusted

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        return self._application(resolved(environ, self._trusted()), start_response)


def _last(value: object) -> str:
    return str(value or "").rpartition(",")[2].strip()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _within(text: str, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
