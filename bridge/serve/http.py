"""The web: Flask's routes behind cheroot, on threads of their own."""

from __future__ import annotations

import errno
import logging
import socket
import time
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask, Response, g, jsonify, request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, ServiceUnavailable, Unauthorized

from bridge.errors import ConfigError, HistoryError, ListenError, UnknownCamera
from bridge.runtime.worker import Worker
from bridge.serve import (
    adoption,
    api,
    changes,
    controls,
    dashboard,
    events,
    openapi,
    pictures,
    sessions,
    settings,
    updates,
)
from bridge.serve.access import Role
from bridge.serve.eventforms import event_json
from bridge.serve.guard import let_in, way_up
from bridge.serve.listener import Listener
from bridge.serve.origin import is_loopback
from bridge.serve.proxy import TrustProxies
from bridge.serve.site import AdoptionView, BridgeView, HttpSettings, PastEvents, Site, TlsFiles, UpdateView

if TYPE_CHECKING:
    import threading

    from bridge.frames.store import FrameStore
    from bridge.model import EventChange
    from bridge.runtime.clock import Clock
    from bridge.runtime.metrics import Metrics
    from bridge.runtime.worker import Supervisor

__all__ = [
    "AdoptionView",
    "BridgeView",
    "HttpSettings",
    "PastEvents",
    "TlsFiles",
    "UpdateView",
    "WebServer",
    "create_app",
]

log = logging.getLogger(__name__)

# For the page, the API, pictures and the heads of streams; each is busy for milliseconds only.
_THREADS = 8

# Requests that are being answered get 0.5 s to end by themselves when the bridge stops.
_END_STEP_S = 0.02
_END_STEPS = 25

# A database that is locked or restarts is often back within seconds.
_HISTORY_RETRY_S = 10

# Written by hand: the realm must be quoted (RFC 9110, section 11.5), which werkzeug leaves out.
_CHALLENGE = 'Basic realm="espcam-bridge", charset="UTF-8"'

# No frame-ancestors: people show the page in Home Assistant's web page panel. blob: is a live picture in the making.
_SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
        "base-uri 'self'; form-action 'self'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class _Sessions(SecureCookieSessionInterface):
    """Cookies that stay on encrypted connections once they came over one, ours or a trusted proxy's."""

    def get_cookie_secure(self, _app: Flask) -> bool:
        """Whether this request came encrypted."""
        return request.is_secure


def create_app(site: Site) -> Flask:
    """The WSGI application with every route."""
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's default provider has it
    app.session_interface = _Sessions()
    app.secret_key = site.gatekeeper.secret
    app.permanent_session_lifetime = timedelta(days=site.settings.session_days)
    app.config.update(
        SESSION_COOKIE_NAME="espcam_bridge",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
    )

    @app.before_request
    def guard() -> Response | None:
        return let_in(site)  # type: ignore[return-value]  # werkzeug's own Response will do as well

    @app.context_processor
    def everywhere() -> dict[str, object]:
        return {
            "way_up": way_up(),
            "role": g.get("role", Role.VIEWER).value,
            "open_door": is_open(site),
        }

    @app.after_request
    def secure(response: Response) -> Response:
        response.headers.extend(_SECURITY_HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.register_error_handler(HTTPException, _error_json)
    app.register_error_handler(HistoryError, _history_error_json)
    app.register_error_handler(UnknownCamera, _unknown_camera_json)
    app.register_error_handler(ConfigError, _config_error_json)
    for room in (sessions, dashboard, pictures, api, changes, controls, settings, adoption, updates, events):
        app.register_blueprint(room.blueprint(site))
    app.register_blueprint(openapi.blueprint())
    return app


def is_open(site: Site) -> bool:
    """Whether strangers in the network may come in."""
    return not (site.gatekeeper.closed or is_loopback(site.settings.host))


def _error_json(error: HTTPException) -> Response:
    """Every error in one shape: ``{error, detail}``, with the headers that its kind asks for."""
    reply = jsonify(error=error.name.lower().replace(" ", "_"), detail=error.description)
    reply.status_code = error.code or 500
    for name, value in error.get_headers():
        if name.lower() != "content-type":
            reply.headers.add(name, value)
    # A browser whose session has ended goes to the sign-in page, and is not to ask for a password in a box of its own.
    if reply.status_code == Unauthorized.code and not request.cookies:
        reply.headers["WWW-Authenticate"] = _CHALLENGE
    return reply


def _unknown_camera_json(error: UnknownCamera) -> Response:
    return _error_json(NotFound(f"{error}; GET /api/cameras lists them"))


def _config_error_json(error: ConfigError) -> Response:
    reply = jsonify(error="bad_request", detail=str(error), problems=list(error.problems))
    reply.status_code = BadRequest.code
    return reply


def _history_error_json(error: HistoryError) -> Response:
    return _error_json(ServiceUnavailable(str(error), retry_after=_HISTORY_RETRY_S))


class WebServer:
    """Serves the page, the streams, the API and the metrics.

    Args:
        settings: where it listens and whom it lets in.
        bridge: readiness, information and stream options.
        adoption: who waits to be approved.
        updates: cameras' firmware.
        store: frames, tracks and states.
        metrics: what ``/metrics`` shows.
        clock: the time.
        supervisor: told when one of the web's own threads dies.
        events: the history; None while none is kept.
        secret: signs sessions; empty: they end with the bridge.

    Raises:
        ListenError: the TLS files cannot be used.
    """

    def __init__(
        self,
        settings: HttpSettings,
        bridge: BridgeView,
        *,
        adoption: AdoptionView,
        updates: UpdateView,
        store: FrameStore,
        metrics: Metrics,
        clock: Clock,
        supervisor: Supervisor,
        events: PastEvents | None = None,
        secret: bytes = b"",
    ) -> None:
        self._settings = settings
        self.site = Site(
            settings,
            bridge,
            adoption=adoption,
            updates=updates,
            store=store,
            metrics=metrics,
            clock=clock,
            supervisor=supervisor,
            events=events,
            secret=secret,
            news_of=changes.news,
        )
        self._listener = Listener(
            (settings.host, settings.port),
            TrustProxies(create_app(self.site), lambda: self.site.settings.trusted_proxies),
            threads=_THREADS,
            clock=clock,
            tls=settings.tls,
        )
        self._listening: Future[None] = Future()
        self._server = Worker("web", self._serve, supervisor, on_stop=self._listener.stop)
        self._chores = (partial(self._listener.cut, late_only=True), self.site.figures.tick)
        self._watch = Worker("web-chores", self._do_chores, supervisor)

    @property
    def port(self) -> int:
        """The port it listens on, after ``start``."""
        return int(self._listener.bind_addr[1])

    @property
    def url(self) -> str:
        """Where people find the page: ``public_url``, else an address that works on this machine."""
        if self._settings.public_url:
            return self._settings.public_url
        scheme = "https" if self._settings.tls else "http"
        host = "127.0.0.1" if self._settings.host in {"0.0.0.0", "::"} else self._settings.host  # noqa: S104 - a comparison
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def take_up(self, settings: HttpSettings) -> None:
        """Go by changed rules from now on: who may come, how many may watch; where it listens stays as it was."""
        self.site.take_up(settings)

    def event(self, change: EventChange) -> None:
        """Something happened: open pages are told; from any thread, never blocks."""
        self.site.news.happened({"type": change.type.value, **event_json(change.event)})

    def forget(self, camera_id: str) -> None:
        """A camera was removed: its viewers go."""
        self.site.forget(camera_id)

    def start(self) -> None:
        """Listen and begin to serve; returns when connections are accepted.

        Raises:
            ListenError: the address is taken or not this machine's.
        """
        self._server.start()
        self._listening.result()
        self._warn_of_strangers()
        self.site.streams.start()
        self.site.news.start()
        self._watch.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """End every stream and stop serving.

        Returns:
            False when some thread did not end in time.
        """
        streams_ended = self.site.streams.stop(timeout_s)
        news_ended = self.site.news.stop(timeout_s)
        for _ in range(_END_STEPS):
            if not self._listener.busy:
                break
            time.sleep(_END_STEP_S)
        self._listener.cut(late_only=False)  # clients that drip or do not read: their threads are stuck
        watch_ended = self._watch.stop(timeout_s)
        server_ended = self._server.stop(timeout_s)
        self.site.close()
        return streams_ended and news_ended and watch_ended and server_ended

    def _serve(self, _stop: threading.Event) -> None:
        # Here and not in start(): cheroot's threads inherit this thread's being a daemon, so that none of them keeps a
        # crashed process alive.
        try:
            self._listener.prepare()
        except OSError as error:
            self._listening.set_exception(self._explain(self._listener.bind_failure or error))
            return
        except BaseException as error:  # whatever it is, start() must hear of it: it waits
            self._listening.set_exception(error)
            raise
        self._listening.set_result(None)
        self._listener.serve()

    def _warn_of_strangers(self) -> None:
        if not is_open(self.site):
            return
        log.warning(
            "NO PASSWORD IS SET: everybody in the network can watch every camera and change everything. "
            "Set http.password ('espcam-bridge password' makes one), or http.host: 127.0.0.1"
        )

    def _do_chores(self, stop: threading.Event) -> None:
        while not stop.wait(1.0):
            for chore in self._chores:
                chore()

    def _explain(self, error: OSError) -> ListenError:
        address = f"{self._settings.host}:{self._settings.port}"
        match error.errno:
            case errno.EADDRINUSE:
                mend = "another program listens there; stop it, or choose another http.port"
            case errno.EACCES:
                mend = "ports below 1024 are for root; choose a higher http.port"
            case errno.EADDRNOTAVAIL | socket.EAI_NONAME:
                mend = "http.host is no address of this machine; 0.0.0.0 means all of them"
            case _:
                mend = "see http.host and http.port"
        return ListenError(f"cannot listen on {address} ({error.strerror or error}): {mend}")
