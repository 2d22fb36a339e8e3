"""One TCP connection of a camera: bytes between asyncio and the wire protocol, whole messages to where they belong."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State

from bridge.ingest.access import NOT_FOUND, Accept, Refuse, Wait, address_dialled, answer_plain
from bridge.ingest.messages import close_reason
from bridge.ingest.wire import CameraProtocol
from bridge.link.table import CLOSE_NOT_UTF8, CLOSE_TOO_BIG, FRAME_HEADER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.ingest.access import Decision
    from bridge.ingest.door import Door
    from bridge.ingest.lobby import Lobby
    from bridge.ingest.settings import IngestSettings

HANDSHAKE_TIMEOUT_S: Final = 10.0
"""The first sketch's client allows 1 s a line, the rest is the network's."""

CLOSE_TIMEOUT_S: Final = 2.0
"""To answer a close; the first sketch's client does so between two frames."""

IMAGE_PATH: Final = "/firmware/"
"""Where images are handed out; a ticket follows."""

_IMAGE_TIMEOUT_S: Final = 300.0  # two megabytes over bad Wi-Fi into a slow flash; the firmware gives up at its own time
_MAX_SIZE_FACTOR: Final = 2  # a frame over the limit is counted and dropped; only one far over it costs the connection
_MAX_UNSENT_BYTES: Final = 65_536  # we send a few hundred bytes at a time: a peer so far behind does not read at all


@dataclass(slots=True)
class House:
    """What every connection finds behind it; ``settings`` may be replaced."""

    settings: IngestSettings
    door: Door
    lobby: Lobby
    decide: Callable[[str, str | None, str | None], Decision]  # path, Authorization, Origin
    redirect_url: Callable[[str], str]
    image: Callable[[str], bytes | None]  # by its ticket


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


class Connection(asyncio.BufferedProtocol):
    """One TCP connection; everything of it happens in the loop's thread.

    Args:
        house: what is behind it.
        registry: all connections there are; it enters and leaves by itself.
        buffer: where bytes arrive; one for all connections, because each empties it at once.
    """

    def __init__(self, house: House, registry: set[Connection], buffer: memoryview) -> None:
        self._house = house
        self._registry = registry
        self._protocol = CameraProtocol(_MAX_SIZE_FACTOR * house.settings.max_frame_bytes + FRAME_HEADER_BYTES)
        self._buffer = buffer
        self._parts: list[bytes] = []  # of a fragmented message
        self._is_text = False
        self._seat: _Seat | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._address = "?"
        self._dialled = ""
        self._max_unsent_bytes = _MAX_UNSENT_BYTES

    # --- what the door asks for --------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """Where it comes from, for the log."""
        return self._address

    @property
    def dialled(self) -> str:
        """How it reached us: ``http://host:port`` or ``https://``; empty when it did not say."""
        return self._dialled

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
        self._abort_after(HANDSHAKE_TIMEOUT_S)

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
        if self._transport.get_write_buffer_size() > self._max_unsent_bytes:
            self._transport.abort()
        elif self._deadline is None and self._protocol.close_expected():
            self._abort_after(CLOSE_TIMEOUT_S)

    def _abort_after(self, seconds: float) -> None:
        self._deadline = asyncio.get_running_loop().call_later(seconds, self._transport.abort)

    def _answer(self, request: Request) -> None:
        """Answer the opening handshake, or what is none."""
        if request.path.startswith(IMAGE_PATH):
            self._hand_out(request.path.removeprefix(IMAGE_PATH))
            return
        if "websocket" not in (_header(request, "Upgrade") or "").lower():
            self._respond(self._answer_browser(request))
            return
        decision = self._house.decide(request.path, _header(request, "Authorization"), _header(request, "Origin"))
        if isinstance(decision, Refuse):
            self._house.door.turn_away(self, request.path, decision)
            if decision.is_http:
                self._respond(self._protocol.reject(decision.code, f"{decision.reason}\n"))
                return
        self._dialled = self._base_url(request)
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

    def _base_url(self, request: Request) -> str:
        scheme = "https" if self._transport.get_extra_info("ssl_object") is not None else "http"
        place = address_dialled(_header(request, "Host"), self._transport.get_extra_info("sockname")[1])
        return f"{scheme}://{place}" if place else ""

    def _hand_out(self, ticket: str) -> None:
        """Send a camera its image, at the camera's own pace: its flash is slow."""
        image = self._house.image(ticket)
        if image is None:
            self._respond(self._protocol.reject(NOT_FOUND, "There is no such image, or its update is over.\n"))
            return
        headers = Headers()
        headers["Content-Type"] = "application/octet-stream"
        headers["Content-Length"] = str(len(image))
        headers["Connection"] = "close"
        self._max_unsent_bytes += len(image)
        self._respond(Response(200, "OK", headers, image))
        self._abort_after(_IMAGE_TIMEOUT_S)

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
