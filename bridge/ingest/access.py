"""Who may connect, as which camera: a pure decision on the opening handshake.

In this order, so that nobody learns more than needed:

1. Only ``/ws`` (the default camera) and ``/ws/<camera_id>`` exist (404).
2. No browser may dial in from somebody's page: an ``Origin`` is refused (403) unless it is that of a camera client
   (``file://`` of Links2004's, the repository address of ArduinoWebsockets) or listed in ``allowed_origins``.
3. The id must be one that can be configured (4404).
4. A camera with a token must show it (4401), with one exception: ``allow_legacy: true`` lets a legacy session in on
   ``/ws`` that shows nothing at all.
5. A camera without a token comes in; on ``/ws`` only as a modern session when ``allow_legacy`` is ``false``.
6. A camera that was adopted must show the key that it showed then, also when the configuration has an entry for it that
   gives no token. One that shows another waits to be approved anew.
7. A camera that is neither: see ``UnknownCameras``. With no camera configured or adopted at all, the default camera
   exists by itself and has no token.

Refusals with a WebSocket close code (4xxx) are sent after the handshake is accepted: before it, a close code does not
exist.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import unquote, urlsplit

from bridge.ingest.messages import close_reason
from bridge.ingest.protocol import Admission
from bridge.ingest.settings import UnknownCameras
from bridge.link.table import CLOSE_BAD_TOKEN, CLOSE_UNKNOWN_CAMERA, CLOSE_WAITS_FOR_APPROVAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.ingest.settings import IngestSettings

NOT_FOUND: Final = 404
FORBIDDEN: Final = 403

CAMERA_PATH: Final = "/ws"
CAMERA_CLIENT_ORIGINS: Final = frozenset({"file://", "https://github.com/gilmaimon/tinywebsockets"})

_CAMERA_ID: Final = re.compile(r"[a-z0-9_]{1,32}")
_RESERVED_ID: Final = "bridge"  # B/bridge/... are the bridge's own topics
_HOST: Final = re.compile(r"[A-Za-z0-9._:\[\]-]+")
_FIRST_WS_CODE: Final = 1000


@dataclass(frozen=True, slots=True)
class Accept:
    """Come in, as this camera."""

    camera_id: str
    admission: Admission


@dataclass(frozen=True, slots=True)
class Refuse:
    """Stay out: an HTTP status, or a close code that is sent after the handshake; the reason says the mend."""

    code: int
    reason: str

    @property
    def is_http(self) -> bool:
        """Whether the code is an HTTP status."""
        return self.code < _FIRST_WS_CODE


@dataclass(frozen=True, slots=True)
class PlainAnswer:
    """The answer to a plain HTTP request."""

    status: int
    text: str
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Say who you are and show a picture, for whoever approves cameras; then go, and try again.

    Attributes:
        camera_id: what it calls itself.
        key_sha256: of what it showed as its token, hex; empty for nothing.
        code: how the connection is closed then.
        reason: likewise.
        known: a camera of that name was adopted with another key.
    """

    camera_id: str
    key_sha256: str
    code: int
    reason: str
    known: bool = False


Decision: TypeAlias = Accept | Wait | Refuse


def decide(
    path: str,
    authorization: str | None,
    origin: str | None,
    settings: IngestSettings,
    adopted: Mapping[str, str] = MappingProxyType({}),
) -> Decision:
    """Decide on an opening handshake.

    Args:
        path: the request's target with its query, as sent.
        authorization: the ``Authorization`` header.
        origin: the ``Origin`` header.
        settings: the rules in force.
        adopted: the SHA-256 of each adopted camera's key, hex; empty for one that had none to show.
    """
    where, _, query = path.partition("?")
    where = where.removesuffix("/")
    if where != CAMERA_PATH and not where.startswith(f"{CAMERA_PATH}/"):
        return Refuse(NOT_FOUND, f"nothing here: cameras dial {CAMERA_PATH} or {CAMERA_PATH}/<camera id>")
    if not _origin_allowed(origin, settings.allowed_origins):
        return Refuse(FORBIDDEN, f"origin {close_reason(origin or '', 60)} is not in ingest.allowed_origins")
    is_default = where == CAMERA_PATH
    camera_id = settings.default_camera if is_default else where.removeprefix(f"{CAMERA_PATH}/")
    if not _CAMERA_ID.fullmatch(camera_id) or camera_id == _RESERVED_ID:
        shown = close_reason(camera_id, 32)
        return Refuse(CLOSE_UNKNOWN_CAMERA, f"{shown!r} is no camera id: use 1 to 32 of a-z, 0-9 and _, not 'bridge'")
    alone = not settings.cameras and not adopted and camera_id == settings.default_camera
    camera, shown_key = settings.cameras.get(camera_id), _shown_token(authorization, query)
    if camera is not None and camera.token:
        legacy_without = is_default and settings.allow_legacy is True
        return _decide_token(camera_id, camera.token, shown_key, legacy_without)
    bound_to = adopted.get(camera_id)
    if bound_to or (camera is None and not alone):
        key_sha256 = "" if shown_key is None else hashlib.sha256(_raw(shown_key)).hexdigest()
        return _decide_stranger(camera_id, key_sha256, bound_to, settings.unknown_cameras)
    modern_only = is_default and settings.allow_legacy is False
    return Accept(camera_id, Admission.MODERN_ONLY if modern_only else Admission.ANY)


def answer_plain(path: str, host: str | None, redirect_url: Callable[[str], str]) -> PlainAnswer:
    """Answer a request that does not ask for WebSocket: somebody opened the camera port in a browser.

    Args:
        path: the request's target with its query, as sent.
        host: the ``Host`` header.
        redirect_url: makes the address of the live stream from a host name.
    """
    where = path.partition("?")[0]
    if where == CAMERA_PATH or where.startswith(f"{CAMERA_PATH}/"):
        return PlainAnswer(426, "Cameras dial here, with WebSocket. Open / for the live picture.\n")
    if where != "/":
        return PlainAnswer(NOT_FOUND, "Nothing here. Open / for the live picture.\n")
    name = _host_name(host)
    if name is None:
        return PlainAnswer(400, "The request lacks a usable Host header.\n")
    return PlainAnswer(302, "The live picture is at another port.\n", redirect_url(name))


def address_dialled(host: str | None, port: int) -> str | None:
    """Name and port by which somebody reached us, ``host:port``; None when the header is missing or odd.

    Args:
        host: the ``Host`` header.
        port: that we listen on; some boards' clients leave it out of the header, whatever it is.
    """
    name = _host_name(host)
    return f"{name}:{urlsplit(f'//{host}').port or port}" if name else None


def _host_name(header: str | None) -> str | None:
    """The host of a ``Host`` header without its port, IPv6 in brackets; None when it is missing or odd."""
    try:
        parts = urlsplit(f"//{header if header and _HOST.fullmatch(header) else ''}")
        host, _ = parts.hostname, parts.port
    except ValueError:  # unbalanced brackets, a port that is none
        return None
    if host is None:
        return None
    return f"[{host}]" if ":" in host else host


def _decide_stranger(camera_id: str, shown: str, adopted: str | None, policy: UnknownCameras) -> Decision:
    """A camera that is not configured: adopted with the key whose hash that is, or unknown."""
    if adopted is not None:
        if not adopted or hmac.compare_digest(shown, adopted):
            return Accept(camera_id, Admission.ANY)
        if policy is UnknownCameras.APPROVE:
            reason = f"another key: approve {camera_id} again, or give this board another id"
            return Wait(camera_id, shown, CLOSE_BAD_TOKEN, reason, known=True)
        return Refuse(CLOSE_BAD_TOKEN, f"another key: {camera_id} was adopted with a key that this board does not have")
    match policy:
        case UnknownCameras.ACCEPT:
            return Accept(camera_id, Admission.ANY)
        case UnknownCameras.APPROVE:
            reason = f"{camera_id} waits for approval: on the bridge's page, or by MQTT request"
            return Wait(camera_id, shown, CLOSE_WAITS_FOR_APPROVAL, reason)
        case UnknownCameras.REJECT:
            return Refuse(CLOSE_UNKNOWN_CAMERA, f"no camera {camera_id}: add it under cameras: in the configuration")


def _decide_token(camera_id: str, token: str, shown: str | None, legacy_without: bool) -> Decision:
    if shown is None:
        if legacy_without:
            return Accept(camera_id, Admission.LEGACY_ONLY)
        return Refuse(CLOSE_BAD_TOKEN, f"no token: camera {camera_id} needs 'Authorization: Bearer TOKEN' or ?token=")
    if not hmac.compare_digest(_raw(shown), _raw(token)):
        return Refuse(CLOSE_BAD_TOKEN, f"wrong token: send the one that the configuration has for {camera_id}")
    return Accept(camera_id, Admission.ANY)


def _shown_token(authorization: str | None, query: str) -> str | None:
    """The token of the request; None when it shows none. The header goes first."""
    scheme, _, credentials = (authorization or "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip() or None
    for field in query.split("&"):
        name, _, value = field.partition("=")
        if name == "token":
            # A plus stays a plus: boards paste their token into the URL as it is, and base64 has pluses.
            return unquote(value) or None
    return None


def _raw(token: str) -> bytes:
    # The header's bytes reach us as ASCII with surrogate escapes; this turns them back into what was sent.
    return token.encode("utf-8", "surrogateescape")


def _origin_allowed(origin: str | None, allowed: tuple[str, ...]) -> bool:
    if origin is None:
        return True
    return origin.lower() in CAMERA_CLIENT_ORIGINS | {one.lower().removesuffix("/") for one in allowed}
