"""The camera link on real sockets: one thread named ``ingest`` with the bridge's only asyncio loop.

``wire`` speaks the protocol, with ``websockets`` in its sans-I/O form, asyncio moves the bytes, ``access`` decides who
may connect and ``door`` what becomes of what cameras say. A message is handled in the very call that read its last
byte: there is no queue in which pictures grow old, nothing waits for anything but the network, and a camera that
stalls, floods or lies harms only itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar

from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State

from bridge.ingest.access import CAMERA_PATH, Accept, Refuse, Wait, answer_plain, decide
from bridge.ingest.door import Door
from bridge.ingest.listen import bind, tls_context
from bridge.ingest.lobby import Lobby
from bridge.ingest.messages import close_reason, write_restart, write_set
from bridge.ingest.reception import NobodyAtReception
from bridge.ingest.wire import CameraProtocol
from bridge.link.table import CLOSE_NOT_UTF8, CLOSE_TOO_BIG, FRAME_HEADER_BYTES
from bridge.runtime.worker import Worker

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Mapping

    from bridge.frames.store import FrameStore
    from bridge.ingest.access import Decision
    from bridge.ingest.reception import Reception
    from bridge.ingest.settings import IngestSettings
    from bridge.ingest.talk import CameraTalk
    from bridge.model import ControlValue
    from bridge.runtime.clock import Clock
    from bridge.runtime.worker import Supervisor

log = logging.getLogger(__name__)

_MAX_SIZE_FACTOR: Final = 2  # a frame over the limit is counted and dropped; only one far over it costs the connection
_READ_BYTES: Final = 262_144  # what asyncio reads; one for all connections, because each empties it at once
_MAX_UNSENT_BYTES: Final = 65_536  # we send a few hundred bytes at a time: a peer so far behind does not read at all
_HANDSHAKE_TIMEOUT_S: Final = 10.0  # the first sketch's client allows 1 s a line, the rest is the network's
_CLOSE_TIMEOUT_S: Final = 2.0  # to answer a close; the first sketch's client does so between two frames
_STOP_GRACE_S: Final = 0.7  # the same while stopping: stop() promises 1 s
_CHECK_INTERVAL_S: Final = 1.0  # for silence of 20 s and more; looking costs nothing
_START_TIMEOUT_S: Final = 5.0


class IngestServer:
    """Listens for cameras, feeds the store, and takes commands to cameras.

    Args:
        settings: where to listen, who may come, how large a frame may be.
        store: takes frames, damaged frames, hellos and telemetry; knows every configured camera already.
        clock: where the time comes from.
        supervisor: told when the thread dies.
        admit: called with the id of a camera that is not configured before anything of it goes anywhere.
        talk: hears what cameras say of themselves, and says what to welcome them with.
        redirect_url: makes the address of the default camera's live stream from the host that a browser asked for.
        reception: knows the adopted cameras, and is told of those that wait; None: there are none.
    """

    def __init__(
        self,
        settings: IngestSettings,
        store: FrameStore,
        *,
        clock: Clock,
        supervisor: Supervisor,
        admit: Callable[[str], None],
        talk: CameraTalk,
        redirect_url: Callable[[str], str],
        reception: Reception | None = None,
    ) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._reception = reception or NobodyAtReception()
        self._lobby = Lobby(settings, clock=clock, reception=self._reception)
        self._door = Door(settings, store, clock=clock, admit=admit, talk=talk)
        self._house = _House(settings, self._door, self._lobby, self._decide, redirect_url)
        self._worker: Worker | None = None
        self._connections: set[_Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._started = threading.Event()
        self._port = 0
        self._buffer = memoryview(bytearray(_READ_BYTES))

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
        tls = tls_context(self._settings.tls) if self._settings.tls else None
        listener = bind(self._settings.host, self._settings.port)
        self._port = listener.getsockname()[1]
        self._worker = Worker("ingest", lambda _: self._run(listener, tls), self._supervisor, on_stop=self._wake)
        self._worker.start()
        self._started.wait(_START_TIMEOUT_S)

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Say goodbye to every camera (1001) and end the thread; takes less than a second.

        Returns:
            False when it did not end in time.
        """
        return self._worker is None or self._worker.stop(timeout_s)

    @property
    def port(self) -> int:
        """The port listened on, also when the settings said 0."""
        return self._port

    @property
    def listening(self) -> bool:
        """Whether cameras can connect now."""
        return self._stopping is not None and not self._stopping.is_set()

    # --- commands ----------------------------------------------------------------------------------------------

    def set_values(self, camera_id: str, command_id: int, values: Mapping[str, ControlValue]) -> bool:
        """Send ``set`` to a camera; from any thread, without waiting.

        Args:
            camera_id: which camera.
            command_id: comes back in ``CameraTalk.acknowledged``.
            values: settings by name; those that are not in it stay as they are.

        Returns:
            True when the camera is connected and takes commands at this moment. Afterwards ``CameraTalk`` hears its
            answer, or that it left, or neither if the camera never answers. Commands given by one thread go out in
            order, each on the connection that was there, or not at all.

        Raises:
            ValueError: the values are too long for a camera, or none that JSON has.
        """
        return self._command(camera_id, write_set(command_id, values))

    def restart(self, camera_id: str, command_id: int) -> bool:
        """Send ``restart`` to a camera; as ``set_values`` otherwise."""
        return self._command(camera_id, write_restart(command_id))

    def _command(self, camera_id: str, text: str) -> bool:
        visit = self._door.modern(camera_id)
        if visit is None or self._loop is None or not self.listening:
            return False
        try:
            self._loop.call_soon_threadsafe(self._door.command, visit, text)
        except RuntimeError:  # the loop has ended since
            return False
        return True

    # --- the thread --------------------------------------------------------------------------------------------

    def _run(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        try:
            asyncio.run(self._serve(listener, tls))
        finally:
            self._stopping = None
            self._started.set()

    def _wake(self) -> None:
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def _serve(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._on_exception)
        self._stopping = asyncio.Event()
        server = await self._loop.create_server(
            self._make_connection,
            sock=listener,
            ssl=tls,
            ssl_handshake_timeout=_HANDSHAKE_TIMEOUT_S if tls else None,
            ssl_shutdown_timeout=_CLOSE_TIMEOUT_S if tls else None,
        )
        scheme = "wss" if tls else "ws"
        log.info("listening for cameras on %s://%s:%d%s", scheme, self._settings.host, self._port, CAMERA_PATH)
        self._started.set()
        while not self._stopping.is_set():
            self._door.check_silence()
            self._lobby.check()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _CHECK_INTERVAL_S)
        server.close()
        await self._close_connections()

    async def _close_connections(self) -> None:
        self._door.say_goodbye()
        deadline_s = asyncio.get_running_loop().time() + _STOP_GRACE_S
        while any(connection.is_open for connection in self._connections):
            if asyncio.get_running_loop().time() > deadline_s:
                break
            await asyncio.sleep(0.01)
        while self._connections:  # browsers and scanners in mid-handshake, cameras that did not answer
            for connection in self._connections:
                connection.abort()
            await asyncio.sleep(0)

    def _make_connection(self) -> _Connection:
        return _Connection(self._house, self._connections, self._buffer)

    def _decide(self, request: Request) -> Decision:
        return decide(
            request.path,
            _header(request, "Authorization"),
            _header(request, "Origin"),
            self._settings,
            self._reception.adopted(),
        )

    def _on_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Whatever escapes a callback: a fault of ours ends the process, the network's troubles are logged."""
        error = context.get("exception")
        if error is None or isinstance(error, OSError):
            log.warning("%s: %s", context.get("message"), error)
        else:
            self._supervisor.crashed("ingest", error)


@dataclass(frozen=True, slots=True)
class _House:
    """What every connection finds behind it."""

    settings: IngestSettings
    door: Door
    lobby: Lobby
    decide: Callable[[Request], Decision]
    redirect_url: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class _Seat:
    """Where a connection's messages go: the door's, or the lobby's."""

    receive: Callable[[str | bytes], None]
    heartbeat: Callable[[], None]
    refuse_huge: Callable[[], None]
    leave: Callable[[str], None]


_V = TypeVar("_V")
_V_contra = TypeVar("_V_contra", contravariant=True)


class _Room(Protocol[_V_contra]):
    """Door or lobby: where a visit may take place."""

    def receive(self, visit: _V_contra, message: str | bytes, /) -> None:
        """Take one whole message."""

    def receive_heartbeat(self, visit: _V_contra, /) -> None:
        """Take a sign of life."""

    def refuse_huge(self, visit: _V_contra, /) -> None:
        """Take note of a message that was too long."""

    def leave(self, visit: _V_contra, why: str, /) -> None:
        """The connection has ended."""


def _seat(room: _Room[_V], visit: _V) -> _Seat:
    return _Seat(
        partial(room.receive, visit),
        partial(room.receive_heartbeat, visit),
        partial(room.refuse_huge, visit),
        partial(room.leave, visit),
    )


class _Connection(asyncio.BufferedProtocol):
    """One TCP connection: bytes between asyncio and the wire protocol, whole messages to the door or the lobby."""

    def __init__(self, house: _House, registry: set[_Connection], buffer: memoryview) -> None:
        self._house = house
        self._registry = registry
        self._protocol = CameraProtocol(_MAX_SIZE_FACTOR * house.settings.max_frame_bytes + FRAME_HEADER_BYTES)
        self._buffer = buffer
        self._parts: list[bytes] = []  # of a fragmented message
        self._is_text = False
        self._seat: _Seat | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._address = "?"

    # --- what the door asks for --------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """Where it comes from, for the log."""
        return self._address

    @property
    def is_open(self) -> bool:
        """Whether it is a WebSocket that has not ended."""
        return self._protocol.state in (State.OPEN, State.CLOSING)

    def send(self, text: str) -> None:
        """Send a text message."""
        # The transport knows earlier of a broken connection, and complains of every message that it is given then.
        if self._protocol.state is State.OPEN and not self._transport.is_closing():
            self._protocol.send_text(text.encode())
            self._flush()

    def ping(self) -> None:
        """Send a ping."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_ping(b"")
            self._flush()

    def close(self, code: int, reason: str) -> None:
        """Begin to close."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)
            self._flush()

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    # --- asyncio's callbacks -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the opening handshake."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of TCP and of TLS
        self._transport = transport
        peer = transport.get_extra_info("peername")  # None when it is gone already
        self._address = str(peer[0]) if peer else "?"
        self._registry.add(self)
        self._abort_after(_HANDSHAKE_TIMEOUT_S)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Where the next bytes go."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has arrived."""
        for event in self._protocol.receive(self._buffer[:nbytes]):
            if isinstance(event, bytes):
                if self._seat is not None:
                    self._seat.receive(event)
            elif isinstance(event, Frame):
                self._take_frame(event)
            elif isinstance(event, Request):
                self._answer(event)
        self._flush()

    def eof_received(self) -> None:
        """The other side has ended; asyncio closes the transport."""
        self._protocol.receive_eof()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - close_exc says more
        """Clean up."""
        self._protocol.receive_eof()
        self._registry.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
        if self._seat is not None:
            if self._protocol.close_sent is not None and self._protocol.close_sent.code == CLOSE_TOO_BIG:
                self._seat.refuse_huge()
            self._seat.leave(self._why())
        elif self._protocol.handshake_exc is not None:
            self._house.door.no_handshake(self, str(self._protocol.handshake_exc))

    # --- inside ------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        writes = self._protocol.data_to_send()
        if not writes:  # after nearly every frame
            return
        for data in writes:
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
            else:  # TLS
                self._transport.close()
        if self._transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            self._transport.abort()
        elif self._deadline is None and self._protocol.close_expected():
            self._abort_after(_CLOSE_TIMEOUT_S)

    def _abort_after(self, seconds: float) -> None:
        self._deadline = asyncio.get_running_loop().call_later(seconds, self._transport.abort)

    def _answer(self, request: Request) -> None:
        """Answer the opening handshake, or what is none."""
        if "websocket" not in (_header(request, "Upgrade") or "").lower():
            self._respond(self._answer_browser(request))
            return
        decision = self._house.decide(request)
        if isinstance(decision, Refuse):
            self._house.door.turn_away(self, request.path, decision)
            if decision.is_http:
                self._respond(self._protocol.reject(decision.code, f"{decision.reason}\n"))
                return
        self._respond(self._protocol.accept(request))
        if self._protocol.state is not State.OPEN:
            return  # no valid handshake
        match decision:
            case Accept():
                self._seat = _seat(self._house.door, self._house.door.enter(self, decision))
            case Wait():
                self._seat = _seat(self._house.lobby, self._house.lobby.enter(self, decision))
            case Refuse():
                self.close(decision.code, decision.reason)

    def _answer_browser(self, request: Request) -> Response:
        plain = answer_plain(request.path, _header(request, "Host"), self._house.redirect_url)
        response = self._protocol.reject(plain.status, plain.text)
        if plain.location is not None:
            response.headers["Location"] = plain.location
        return response

    def _respond(self, response: Response) -> None:
        self._protocol.send_response(response)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _take_frame(self, frame: Frame) -> None:
        """Put messages together; a camera sends each in one frame."""
        if frame.opcode in (Opcode.PING, Opcode.PONG) and self._seat is not None:
            self._seat.heartbeat()
        if frame.opcode not in (Opcode.BINARY, Opcode.TEXT, Opcode.CONT) or self._seat is None:
            return
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if frame.fin:
            message = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts.clear()
            self._take_message(self._seat, message)

    def _take_message(self, seat: _Seat, message: bytes) -> None:
        if not self._is_text:
            seat.receive(message)
            return
        try:
            text = message.decode()
        except UnicodeDecodeError:
            self.close(CLOSE_NOT_UTF8, "a text message must be UTF-8: send pictures as binary messages")
            return
        seat.receive(text)

    def _why(self) -> str:
        sent, received = self._protocol.close_sent, self._protocol.close_rcvd
        if sent is not None and not self._protocol.close_rcvd_then_sent:
            return f"told to: {sent}"
        return f"it said {close_reason(str(received))}" if received is not None else "the connection broke"


def _header(request: Request, name: str) -> str | None:
    """A header; repeated ones are joined, so that no rule can be met by one of two."""
    return ", ".join(request.headers.get_all(name)) or None
