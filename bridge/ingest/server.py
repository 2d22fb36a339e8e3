"""The camera link on real sockets: one thread named ``ingest`` with the bridge's only asyncio loop (``websockets``).

What a message means is decided in ``protocol``, who may connect in ``access``; here the outcomes are carried out.
Nothing here waits for anything but the network: frames go to the store by value, so a camera that stalls, floods or
lies harms only itself. The newest connection of a camera wins; what still comes from the older one is thrown away.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bridge.errors import RejectReason
from bridge.ingest.access import CAMERA_PATH, Accept, Decision, Refuse, answer_plain, decide
from bridge.ingest.intake import Intake
from bridge.ingest.listen import bind, tls_context
from bridge.ingest.messages import close_reason
from bridge.ingest.protocol import (
    Ask,
    CameraSession,
    Close,
    FrameLimits,
    FrameRefused,
    Outcome,
    Send,
)
from bridge.ingest.quiet import OncePerMinute, OneLine
from bridge.ingest.settings import CameraAccess
from bridge.runtime.worker import Worker

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Coroutine

    from websockets.http11 import Request, Response

    from bridge.frames.store import FrameStore
    from bridge.ingest.settings import IngestSettings
    from bridge.runtime.clock import Clock
    from bridge.runtime.worker import Supervisor

log = logging.getLogger(__name__)

TOO_BIG: Final = 1009
REPLACED: Final = 4409
STOPPING: Final = 1001

_TOO_BIG_REASON: Final = "far over ingest.max_frame_bytes: lower framesize or JPEG quality, or raise that limit"
_STOPPING_REASON: Final = "the bridge is stopping: connect again in a moment"

_MAX_SIZE_FACTOR: Final = 2  # a frame over the limit is counted and dropped; only one far over it costs the connection
_HEADER_BYTES: Final = 20  # ECF1
_WAITING_MESSAGES: Final = 1  # more would be pictures growing old; websockets would keep 16
_CLOSE_TIMEOUT_S: Final = 2.0  # for a camera to answer a close; the first sketch's client does between two frames
_STOP_GRACE_S: Final = 0.7  # the same while stopping: stop() promises 1 s
_CHECK_INTERVAL_S: Final = 5.0  # a fourth of the shortest time that a session watches (ASK_AFTER_S)
_START_TIMEOUT_S: Final = 5.0


class IngestServer:
    """Listens for cameras and feeds the store.

    Args:
        settings: where to listen, who may come, how large a frame may be.
        store: takes frames, damaged frames, hellos and telemetry; knows every configured camera already.
        clock: where the time comes from.
        supervisor: told when the thread dies.
        admit: called with the id of a camera that is not configured before anything of it reaches the store.
        redirect_url: makes the address of the default camera's live stream from the host that a browser asked for.
    """

    def __init__(
        self,
        settings: IngestSettings,
        store: FrameStore,
        *,
        clock: Clock,
        supervisor: Supervisor,
        admit: Callable[[str], None],
        redirect_url: Callable[[str], str],
    ) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._door = _Door(settings, store, clock, supervisor, admit, redirect_url)
        self._worker = Worker("ingest", self._run, supervisor, on_stop=self._wake)
        self._socket: socket.socket | None = None
        self._tls: ssl.SSLContext | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._started = threading.Event()
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; returns when cameras can connect.

        Raises:
            ListenError: the port is taken or not allowed, or a certificate cannot be read.
        """
        self._tls = tls_context(self._settings.tls) if self._settings.tls else None
        self._socket = bind(self._settings.host, self._settings.port)
        self._port = self._socket.getsockname()[1]
        self._worker.start()
        self._started.wait(_START_TIMEOUT_S)

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Say goodbye to every camera (1001) and end the thread; takes less than a second.

        Returns:
            False when it did not end in time.
        """
        return self._worker.stop(timeout_s)

    @property
    def port(self) -> int:
        """The port listened on, also when the settings said 0."""
        return self._port

    @property
    def listening(self) -> bool:
        """Whether cameras can connect now."""
        return self._stopping is not None and not self._stopping.is_set()

    def _run(self, _stop: threading.Event) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._stopping = None
            self._started.set()

    def _wake(self) -> None:
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await serve(
            self._door.handle,
            sock=self._socket,
            ssl=self._tls,
            process_request=self._door.answer_request,
            select_subprotocol=lambda _, offered: offered[0] if offered else None,  # Links2004 offers "arduino"
            create_connection=_CameraConnection,
            compression=None,  # JPEG does not compress; deflate costs time and 64 KB a camera
            max_size=_MAX_SIZE_FACTOR * self._settings.max_frame_bytes + _HEADER_BYTES,
            max_queue=_WAITING_MESSAGES,
            ping_interval=None,  # its time-out would drop the first sketch's client; see rule 7 in protocol
            close_timeout=_CLOSE_TIMEOUT_S,
            logger=_websockets_log,
        )
        self._door.open()
        self._started.set()
        scheme = "wss" if self._tls else "ws"
        log.info("listening for cameras on %s://%s:%d%s", scheme, self._settings.host, self._port, CAMERA_PATH)
        await self._stopping.wait()
        await self._door.shut(server)


@dataclass(frozen=True, slots=True, eq=False)
class _Link:
    """One admitted connection and its session."""

    connection: ServerConnection
    session: CameraSession


class _CameraConnection(ServerConnection):
    """A connection that remembers what was decided at its handshake."""

    decision: Decision

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - websockets' own, they differ by version
        super().__init__(*args, **kwargs)
        fail = self.protocol.fail

        def fail_with_mend(code: int, reason: str = "") -> None:
            # websockets closes with 1009 by itself, and says only how large the message was.
            fail(code, _TOO_BIG_REASON if code == TOO_BIG else reason)

        self.protocol.fail = fail_with_mend  # type: ignore[method-assign]  # no hook exists for this


class _Door:
    """Lets cameras in and carries out what their sessions decide; lives in the ingest thread."""

    def __init__(
        self,
        settings: IngestSettings,
        store: FrameStore,
        clock: Clock,
        supervisor: Supervisor,
        admit: Callable[[str], None],
        redirect_url: Callable[[str], str],
    ) -> None:
        self._settings = settings
        self._limits = FrameLimits(settings.max_frame_bytes, settings.max_frame_pixels)
        self._intake = Intake(store, clock)
        self._clock = clock
        self._supervisor = supervisor
        self._admit = admit
        self._redirect_url = redirect_url
        self._links: dict[str, _Link] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._quiet = OncePerMinute()

    def open(self) -> None:
        """Begin to watch for silent cameras."""
        self._spawn(self._watch())

    async def shut(self, server: Server) -> None:
        """Close every camera with 1001, then whatever is left without ceremony."""
        # The mend belongs into the reason, which Server.close() of websockets 15 cannot send.
        links = list(self._links.values())
        for link in links:
            self._close_soon(link.connection, STOPPING, _STOPPING_REASON)
        server.close(close_connections=False)
        if links:
            closed = [asyncio.ensure_future(link.connection.wait_closed()) for link in links]
            await asyncio.wait(closed, timeout=_STOP_GRACE_S)
        for link in links:
            link.connection.transport.abort()
        await asyncio.sleep(0)

    # --- opening handshake -------------------------------------------------------------------------------------

    def answer_request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer what is no admissible WebSocket handshake; None goes on with it."""
        assert isinstance(connection, _CameraConnection)  # noqa: S101 - create_connection makes no other
        if "websocket" not in (_header(request, "Upgrade") or "").lower():
            plain = answer_plain(request.path, _header(request, "Host"), self._redirect_url)
            response = connection.respond(plain.status, plain.text)
            if plain.location is not None:
                response.headers["Location"] = plain.location
            return response
        connection.decision = decide(
            request.path, _header(request, "Authorization"), _header(request, "Origin"), self._settings
        )
        if isinstance(connection.decision, Refuse):
            self._log_refusal(connection, request.path, connection.decision)
            if connection.decision.is_http:
                return connection.respond(connection.decision.code, f"{connection.decision.reason}\n")
        return None

    def _log_refusal(self, connection: ServerConnection, path: str, refusal: Refuse) -> None:
        address = _address(connection)
        passed_over = self._quiet.due(f"{address} {refusal.code}", self._clock.mono_s())
        if passed_over is not None:
            where = close_reason(path.partition("?")[0], 60)  # the query may hold a token
            more = f" ({passed_over} more before)" if passed_over else ""
            log.warning("refused %s on %s: %d %s%s", address, where, refusal.code, refusal.reason, more)

    # --- sessions ----------------------------------------------------------------------------------------------

    async def handle(self, connection: ServerConnection) -> None:
        """Serve one accepted connection to its end."""
        assert isinstance(connection, _CameraConnection)  # noqa: S101 - create_connection makes no other
        try:
            if isinstance(connection.decision, Accept):
                await self._serve_camera(connection, connection.decision)
            else:
                self._close_soon(connection, connection.decision.code, connection.decision.reason)
                await _drain(connection)
        except Exception as error:
            self._supervisor.crashed("ingest", error)
            raise

    async def _serve_camera(self, connection: ServerConnection, accept: Accept) -> None:
        camera_id = accept.camera_id
        link = self._link(connection, accept)
        log.info("%s: connected from %s", camera_id, _address(connection))
        try:
            while True:
                message = await connection.recv()
                if self._links.get(camera_id) is link:
                    await self._take(link, message)
        except ConnectionClosed as closed:
            if closed.sent is not None and closed.sent.code == TOO_BIG:
                self._intake.take(camera_id, FrameRefused(RejectReason.TOO_MANY_BYTES, _TOO_BIG_REASON))
            log.info("%s: disconnected: %s", camera_id, _why(closed))
        finally:
            if self._links.get(camera_id) is link:
                del self._links[camera_id]

    def _link(self, connection: ServerConnection, accept: Accept) -> _Link:
        """Make the newest connection of a camera the one that counts."""
        camera = self._settings.cameras.get(accept.camera_id)
        if camera is None:
            self._admit(accept.camera_id)
            camera = CameraAccess()
        session = CameraSession(
            accept.camera_id,
            limits=self._limits,
            welcome_values=camera.welcome_values,
            admission=accept.admission,
            now_mono_s=self._clock.mono_s(),
        )
        link = _Link(connection, session)
        older = self._links.get(accept.camera_id)
        self._links[accept.camera_id] = link
        if older is not None:
            self._close_soon(
                older.connection, REPLACED, f"replaced by a newer connection: one board only as {accept.camera_id}"
            )
        return link

    async def _take(self, link: _Link, message: str | bytes) -> None:
        link.session.heard(self._clock.mono_s())
        now_unix_s = self._clock.unix_s()
        if isinstance(message, bytes):
            outcomes = link.session.receive_binary(message, now_unix_s)
        else:
            outcomes = link.session.receive_text(message, now_unix_s)
        for outcome in outcomes:
            await self._carry_out(link, outcome)

    async def _carry_out(self, link: _Link, outcome: Outcome) -> None:
        match outcome:
            case Send(text):
                await link.connection.send(text)
            case Close(code, reason):
                log.warning("%s: closing: %d %s", link.session.camera_id, code, reason)
                self._close_soon(link.connection, code, reason)
            case _:
                self._intake.take(link.session.camera_id, outcome)

    # --- silence and the end -----------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_INTERVAL_S)
            now_mono_s = self._clock.mono_s()
            for link in list(self._links.values()):
                match link.session.check(now_mono_s):
                    case Ask():
                        self._spawn(self._ask(link))
                    case Close(code, reason):
                        log.warning("%s: closing: %d %s", link.session.camera_id, code, reason)
                        self._close_soon(link.connection, code, reason)

    async def _ask(self, link: _Link) -> None:
        try:
            await (await link.connection.ping())
        except ConnectionClosed:
            return
        link.session.heard(self._clock.mono_s())

    def _close_soon(self, connection: ServerConnection, code: int, reason: str) -> None:
        """Close without waiting: the reader goes on, or it would never see the camera's answer."""
        self._spawn(connection.close(code, reason))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)  # asyncio itself holds tasks weakly
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._supervisor.crashed("ingest", error)


_websockets_log = logging.getLogger("bridge.ingest.websockets")
_websockets_log.setLevel(logging.WARNING)  # below it, websockets logs requests with their tokens
_websockets_log.addFilter(OneLine())


async def _drain(connection: ServerConnection) -> None:
    """Throw away whatever comes until the connection is closed."""
    try:
        while True:
            await connection.recv()
    except ConnectionClosed:
        pass


def _why(closed: ConnectionClosed) -> str:
    if closed.sent is not None and not closed.rcvd_then_sent:
        return f"told to: {closed.sent}"
    if closed.rcvd is not None:
        return f"it said {close_reason(str(closed.rcvd))}"
    return "the connection broke"


def _header(request: Request, name: str) -> str | None:
    """A header; repeated ones are joined, so that no rule can be met by one of two."""
    return ", ".join(request.headers.get_all(name)) or None


def _address(connection: ServerConnection) -> str:
    address = connection.remote_address  # None when the peer was gone before we looked
    return str(address[0]) if address else "?"
