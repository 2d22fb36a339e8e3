"""What every request must pass: somebody may make it, and it is from our own page or a program. One place for all."""

from __future__ import annotations

import hmac
import json
import logging
import math
import re
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from flask import g, redirect, request, session
from werkzeug.exceptions import BadRequest, Forbidden, NotFound, TooManyRequests, Unauthorized, UnsupportedMediaType

from bridge.serve.access import Access, Account, Role, basic_login
from bridge.serve.attempts import Attempts
from bridge.serve.origin import host_of, is_foreign
from bridge.serve.password import PasswordCheck
from bridge.serve.proxy import INGRESS

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response

    from bridge.runtime.clock import Clock
    from bridge.serve.site import HttpSettings, Site

log = logging.getLogger(__name__)

DEFAULT_USERNAME: Final = "admin"
DEFAULT_VIEWER: Final = "viewer"

_MAX_BODY_BYTES: Final = 4096
_CAMERA_ID: Final = re.compile(r"[a-z0-9_]{1,32}")
_LOOKS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

# Routes that viewers without headers (a picture's address in a dashboard card or a notification) may open with ?token=.
_TOKEN_IN_QUERY: Final = frozenset({"pictures.stream", "pictures.snapshot", "events.thumbnail", "events.snapshot"})
_OPEN_TO_ALL: Final = frozenset({"api.healthz", "sessions.page", "sessions.sign_in", "sessions.sign_out"})
_OPEN_FILES: Final = frozenset({"page.css", "icon.svg"})
"""What the sign-in page is made of."""

_PAGES: Final = "dashboard"
"""The room whose routes show pages: who is not signed in is shown the way there."""

_CAME_BY_SESSION: Final = "session"


class Gatekeeper:
    """Knows who may come; thread-safe.

    Args:
        settings: passwords and tokens.
        secret: signs sessions.
        clock: for whoever tries passwords.
    """

    def __init__(self, settings: HttpSettings, secret: bytes, clock: Clock) -> None:
        self.secret = secret
        self._clock = clock
        self._attempts = Attempts()
        self._lock = threading.Lock()
        self.take_up(settings)

    def take_up(self, settings: HttpSettings) -> None:
        """Go by other passwords and tokens; sessions of those that were changed end."""
        self.settings = settings
        self.access = Access(
            (
                self._account(Role.ADMIN, settings.username or DEFAULT_USERNAME, settings.password, settings.api_token),
                self._account(
                    Role.VIEWER,
                    settings.viewer_username or DEFAULT_VIEWER,
                    settings.viewer_password,
                    settings.viewer_token,
                ),
            )
        )

    @property
    def closed(self) -> bool:
        """Whether anything but the open door is asked for: a password or a token, or to come through the ingress."""
        return self.access.required or self.settings.ingress

    def sign_in(self, username: str, password: str) -> Account | None:
        """Who this is; None for nobody.

        Raises:
            TooManyRequests: this address, or many together, had it wrong too often.
        """
        return self._tried(username, lambda: self.access.by_password(username, password))

    def caller(self) -> Account | None:
        """Who makes this request; None for somebody who may not.

        Raises:
            TooManyRequests: see ``sign_in``.
        """
        if not self.closed or (self.settings.ingress and request.environ.get(INGRESS)):
            return Account(Role.ADMIN, DEFAULT_USERNAME)
        token = request.args.get("token") if request.endpoint in _TOKEN_IN_QUERY else None
        if token is not None:
            return self._tried("?token", lambda: self.access.by_token(token))
        authorization = request.headers.get("Authorization")
        if authorization:
            return self._tried(_account_of(authorization), lambda: self.access.by_header(authorization))
        found = self.access.by_session(str(session.get("role")), str(session.get("stamp")))
        g.by = _CAME_BY_SESSION if found else ""
        return found

    def _tried(self, username: str, look: Callable[[], Account | None]) -> Account | None:
        address, now_s = request.remote_addr or "", self._clock.mono_s()
        with self._lock:
            wait_s = self._attempts.wait_s(address, username, now_s)
        if wait_s > 0:
            raise TooManyRequests("too many wrong passwords from here: wait", retry_after=math.ceil(wait_s))
        found = look()
        with self._lock:
            if found is not None:
                self._attempts.succeeded(address, username)
                return found
            self._attempts.failed(address, username, now_s)
            last = self._attempts.wait_s(address, username, now_s) > 0
        if last:
            log.warning("too many wrong passwords from %s: it must wait some minutes", address)
        return None

    def _account(self, role: Role, username: str, password: str | None, token: str | None) -> Account:
        stamp = hmac.digest(
            self.secret, f"{role}\0{username}\0{password or ''}\0{token or ''}".encode(), "sha256"
        ).hex()
        return Account(role, username, PasswordCheck(password) if password else None, token or None, stamp)


def let_in(site: Site) -> Response | None:
    """Let a request in that may be made.

    Returns:
        The way to the sign-in page, for a person who opens a page.

    Raises:
        Unauthorized: nobody knows who makes it.
        Forbidden: they may not, or another site's page has the browser make it.
        TooManyRequests: too many wrong passwords.
        NotFound: what is asked for cannot be a camera.
    """
    g.role, g.by = Role.VIEWER, ""
    changes = request.method not in _LOOKS
    if changes:
        _refuse_other_sites(site)
    if request.endpoint in _OPEN_TO_ALL or _is_open_file():
        return None
    account = site.gatekeeper.caller()
    if account is None:
        if request.blueprint == _PAGES and "text/html" in request.headers.get("Accept", ""):
            asked = urlencode({"next": request.full_path.rstrip("?")})
            return redirect(f"{way_up()}sign-in?{asked}", HTTPStatus.SEE_OTHER)
        raise Unauthorized("a user name and password, or a token, is needed")
    g.role = account.role
    if changes and account.role is not Role.ADMIN:
        raise Forbidden("a viewer sees, and changes nothing: sign in as the admin")
    if changes and g.by == _CAME_BY_SESSION and not _says_where_from():
        raise Forbidden("a browser that changes something must say from which page (Origin)")
    camera_id = (request.view_args or {}).get("camera_id")
    if camera_id is not None and not _CAMERA_ID.fullmatch(camera_id):
        raise NotFound(f"{camera_id!r:.60} is no camera's id: those are 1 to 32 of a-z, 0-9 and _")
    return None


def _account_of(authorization: str) -> str:
    """Whose password is tried, for the limits."""
    scheme, _, value = authorization.partition(" ")
    login = basic_login(value.strip()) if scheme.lower() == "basic" else None
    return login[0][:64] if login else scheme.lower()[:64]


def _is_open_file() -> bool:
    return request.endpoint == "static" and (request.view_args or {}).get("filename") in _OPEN_FILES


def _says_where_from() -> bool:
    return bool(request.headers.get("Sec-Fetch-Site") or request.headers.get("Origin"))


def _refuse_other_sites(site: Site) -> None:
    """Refuse what another site's page sends with this browser's login."""
    hosts = {request.host, host_of(site.settings.public_url or "")}
    if is_foreign(request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin"), hosts):
        raise Forbidden("this came from another site's page; only the bridge's own page and programs may change things")


def way_up() -> str:
    """From the page that is asked for to where all of them begin: relative, so that it holds behind a proxy's path."""
    return "../" * (request.path.count("/") - 1) or "./"


def json_body(expected: str, max_bytes: int = _MAX_BODY_BYTES) -> Any:  # noqa: ANN401 - whatever JSON can say
    """The request's body.

    Args:
        expected: what to send instead, for the error's text.
        max_bytes: longer ones are not read.

    Raises:
        HTTPException: it is no JSON, or too long.
    """
    # A form of another site's page can send neither this type nor the method, not even where no header tells of it.
    if request.mimetype != "application/json":
        raise UnsupportedMediaType(f"Content-Type must be application/json; {expected}")
    request.max_content_length = max_bytes
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise BadRequest(f"the body is no JSON; {expected}") from None
