"""The web: Flask's routes behind cheroot, on threads of their own."""

from __future__ import annotations

import errno
import logging
import socket
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException, ServiceUnavailable, Unauthorized

from bridge.errors import HistoryError, ListenError
from bridge.runtime.worker import Worker
from bridge.serve import adoption, api, controls, dashboard, events, pictures, updates
from bridge.serve.access import Access
from bridge.serve.listener import Listener
from bridge.serve.password import PasswordCheck
from bridge.serve.site import AdoptionView, BridgeView, HttpSettings, PastEvents, Site, TlsFiles, UpdateView

if TYPE_CHECKING:
    import threading

    from bridge.frames.store import FrameStore
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

# Routes that viewers without headers (a picture's address in a dashboard card or a notification) may open with ?token=.
_TOKEN_IN_QUERY = frozenset({"pictures.stream", "pictures.snapshot", "events.thumbnail", "events.snapshot"})
_OPEN_TO_ALL = frozenset({"api.healthz"})

# A database that is locked or restarts is often back within seconds.
_HISTORY_RETRY_S = 10

# Written by hand: the realm must be quoted (RFC 9110, section 11.5), which werkzeug leaves out.
_CHALLENGE = 'Basic realm="espcam-bridge", charset="UTF-8"'

# No frame-ancestors: people show the page in Home Assistant's web page panel. blob: is a live picture in the making.
_SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def create_app(site: Site) -> Flask:
    """The WSGI application with every route."""
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's default provider has it
    settings = site.settings
    access = Access(
        username=settings.username,
        is_password=PasswordCheck(settings.password) if settings.password else None,
        api_token=settings.api_token,
    )

    @app.before_request
    def guard() -> None:
        if request.endpoint in _OPEN_TO_ALL:
            return
        token = request.args.get("token") if request.endpoint in _TOKEN_IN_QUERY else None
        if not access.allows(request.headers.get("Authorization"), token):
            raise Unauthorized("a user name and password, or the API token, is needed")

    @app.after_request
    def secure(response: Response) -> Response:
        response.headers.extend(_SECURITY_HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.register_error_handler(HTTPException, _error_json)
    app.register_error_handler(HistoryError, _history_error_json)
    for room in (dashboard, pictures, api, controls, adoption, updates, events):
        app.register_blueprint(room.blueprint(site))
    return app


def _error_json(error: HTTPException) -> Response:
    """Every error in one shape: ``{error, detail}``, with the headers that its kind asks for."""
    reply = jsonify(error=error.name.lower().replace(" ", "_"), detail=error.description)
    reply.status_code = error.code or 500
    for name, value in error.get_headers():
        if name.lower() != "content-type":
            reply.headers.add(name, value)
    if reply.status_code == Unauthorized.code:
        reply.headers["WWW-Authenticate"] = _CHALLENGE
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
        )
        self._listener = Listener(
            (settings.host, settings.port),
            create_app(self.site),
            threads=_THREADS,
            clock=clock,
            tls=settings.tls,
        )
        self._listening: Future[None] = Future()
        self._server = Worker("web", self._serve, supervisor, on_stop=self._listener.stop)
        self._watch = Worker("web-deadlines", self._cut_late, supervisor)

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

    def start(self) -> None:
        """Listen and begin to serve; returns when connections are accepted.

        Raises:
            ListenError: the address is taken or not this machine's.
        """
        self._server.start()
        self._listening.result()
        self.site.streams.start()
        self._watch.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """End every stream and stop serving.

        Returns:
            False when some thread did not end in time.
        """
        streams_ended = self.site.streams.stop(timeout_s)
        for _ in range(_END_STEPS):
            if not self._listener.busy:
                break
            time.sleep(_END_STEP_S)
        self._listener.cut(late_only=False)  # clients that drip or do not read: their threads are stuck
        watch_ended = self._watch.stop(timeout_s)
        server_ended = self._server.stop(timeout_s)
        self.site.close()
        return streams_ended and watch_ended and server_ended

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

    def _cut_late(self, stop: threading.Event) -> None:
        while not stop.wait(1.0):
            self._listener.cut(late_only=True)

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
