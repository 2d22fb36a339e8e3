"""The twins' links to the bridge over WebSocket; the only file here that knows ``websockets``.

``dial`` connects as our firmware does. ``dial_as_sketch`` connects as the first sketch does, through gilmaimon's
ArduinoWebsockets (facts read from its source): the same header lines in the same order, ``Host`` without a port, a
second of patience for each answer during the handshake, an answer that must say ``Connection: Upgrade`` and nothing
else. A ping is never answered: that client does so only while it polls, and it polls only between pictures.
"""

from __future__ import annotations

import asyncio
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from bridge import __version__
from bridge.errors import LinkLost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from websockets.asyncio.client import ClientConnection
    from websockets.http11 import Request
    from websockets.protocol import Event

USER_AGENT = f"espcam-bridge-simulate/{__version__}"

# Two or three VGA pictures. Left alone the kernel grows this to megabytes, and a slow bridge would be shown the past.
_SEND_BUFFER_BYTES = 64 * 1024
_MAX_MESSAGE_BYTES = 15 * 1024  # Links2004's client, which our firmware uses, refuses more
_CLOSE_TIMEOUT_S = 1.0
_SKETCH_ANSWER_WITHIN_S = 1.0
_SKETCH_ORIGIN = "https://github.com/gilmaimon/TinyWebsockets"
_SKETCH_USER_AGENT = "TinyWebsockets Client"
_REFUSING_CODES = range(4400, 4500)
_ABNORMAL = 1006  # RFC 6455: the connection ended without a close frame


class FirmwareLink:
    """A link as our firmware makes it; build it with ``dial``."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        _keep_send_buffer_small(connection.transport)

    async def send(self, message: str | bytes) -> None:
        """Send; waits while the network cannot take more."""
        try:
            await self._connection.send(message)
        except ConnectionClosed as closed:
            raise _lost(closed.rcvd) from closed

    async def receive(self) -> str | bytes:
        """Wait for a message."""
        try:
            return await self._connection.recv()
        except ConnectionClosed as closed:
            raise _lost(closed.rcvd) from closed

    async def close(self) -> None:
        """Say goodbye, and hang up when the bridge does not answer within a second."""
        try:
            # The library's own limit begins when the goodbye is sent; a bridge that reads no more prevents that.
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._connection.close()
        except TimeoutError:
            self._connection.transport.abort()

    def abort(self) -> None:
        """End without a word."""
        self._connection.transport.abort()


async def dial(url: str, token: str | None = None) -> FirmwareLink:
    """Connect as our firmware does.

    Args:
        url: ``ws://`` or ``wss://``, with the path.
        token: the camera's secret.

    Raises:
        LinkLost: nobody answers, or the bridge refuses.
    """
    try:
        return FirmwareLink(
            await connect(
                url,
                additional_headers={"Authorization": f"Bearer {token}"} if token else None,
                user_agent_header=USER_AGENT,
                compression=None,  # JPEG does not compress
                proxy=None,  # boards know none
                max_size=_MAX_MESSAGE_BYTES,
            )
        )
    except InvalidStatus as refused:
        raise _refusal(refused.response) from refused
    except (OSError, WebSocketException) as error:  # a TimeoutError is an OSError
        raise LinkLost(f"cannot connect to {_without_secrets(url)}: {_words(error)}") from error


class SketchLink:
    """A link as the first sketch makes it; build it with ``dial_as_sketch``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: ClientProtocol) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = protocol
        self._received: list[str | bytes] = []
        _keep_send_buffer_small(writer.transport)

    async def send(self, message: str | bytes) -> None:
        """Send; waits while the network cannot take more."""
        if self._protocol.close_rcvd is not None:
            raise _lost(self._protocol.close_rcvd)
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)
        await self._flush()

    async def receive(self) -> str | bytes:
        """Wait for a message."""
        while not self._received:
            await self._read()
        return self._received.pop(0)

    async def close(self) -> None:
        """Hang up; the sketch never says goodbye."""
        self._writer.close()
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._writer.wait_closed()
        except OSError:  # a bridge that reads no more, or a connection that was broken already
            self._writer.transport.abort()

    def abort(self) -> None:
        """End without a word."""
        self._writer.transport.abort()

    async def shake_hands(self, request: Request) -> None:
        """Send the request and wait for the answer, line by line as slowly as the sketch allows.

        Raises:
            LinkLost: the bridge refuses, or answers in a way that the sketch's client does not take.
        """
        self._protocol.send_request(request)
        await self._flush()
        events: list[Event] = []
        while not events and self._protocol.handshake_exc is None:
            async with asyncio.timeout(_SKETCH_ANSWER_WITHIN_S):
                self._protocol.receive_data(await self._chunk())
            events = self._protocol.events_received()
        if isinstance(self._protocol.handshake_exc, InvalidStatus):
            raise _refusal(self._protocol.handshake_exc.response)
        if self._protocol.handshake_exc is not None:
            raise self._protocol.handshake_exc
        response = events[0]
        assert isinstance(response, Response)  # noqa: S101 - nothing else can come first
        if (connection := response.headers["Connection"]).lower() != "upgrade":
            raise LinkLost(f"the answer says 'Connection: {connection}', which the sketch's client does not take")
        await self._take(events[1:])

    async def _read(self) -> None:
        self._protocol.receive_data(await self._chunk())
        await self._take(self._protocol.events_received())

    async def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            assert isinstance(event, Frame)  # noqa: S101 - the handshake is over
            match event.opcode:
                case Opcode.TEXT:
                    self._received.append(bytes(event.data).decode(errors="replace"))
                case Opcode.BINARY:
                    self._received.append(bytes(event.data))
                case Opcode.CLOSE:
                    await self._flush()
                    raise _lost(self._protocol.close_rcvd)
        # Whatever the protocol wants to answer now is a pong, and the sketch is deaf.
        self._protocol.data_to_send()

    async def _chunk(self) -> bytes:
        try:
            chunk = await self._reader.read(65536)
        except OSError as error:
            raise LinkLost(_words(error), _ABNORMAL) from error
        if not chunk:
            raise _lost(self._protocol.close_rcvd)
        return chunk

    async def _flush(self) -> None:
        try:
            for data in self._protocol.data_to_send():
                self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise LinkLost(_words(error), _ABNORMAL) from error


async def dial_as_sketch(url: str) -> SketchLink:
    """Connect as the first sketch does.

    Args:
        url: ``ws://``, with the path; that client has no TLS.

    Raises:
        LinkLost: nobody answers, or the bridge refuses.
    """
    uri = parse_uri(url)
    protocol = ClientProtocol(uri)
    try:
        reader, writer = await asyncio.open_connection(uri.host, uri.port)
        link = SketchLink(reader, writer, protocol)
        try:
            await link.shake_hands(_as_sketch(protocol.connect(), uri.host))
        except BaseException:
            await link.close()
            raise
    except (OSError, WebSocketException) as error:  # a TimeoutError is an OSError
        raise LinkLost(f"cannot connect to {_without_secrets(url)}: {_words(error)}") from error
    return link


def _as_sketch(request: Request, host: str) -> Request:
    key = request.headers["Sec-WebSocket-Key"]
    request.headers.clear()
    request.headers.update(
        [
            ("Host", host),
            ("Sec-WebSocket-Key", key),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"),
            ("User-Agent", _SKETCH_USER_AGENT),
            ("Origin", _SKETCH_ORIGIN),
        ]
    )
    return request


def _keep_send_buffer_small(transport: asyncio.BaseTransport) -> None:
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)


def _lost(close: Close | None) -> LinkLost:
    if close is None:
        return LinkLost("the connection broke", _ABNORMAL)
    return LinkLost(close.reason, close.code, refused=close.code in _REFUSING_CODES)


def _refusal(response: Response) -> LinkLost:
    said = " ".join((response.body or b"").decode(errors="replace").split())
    refused = HTTPStatus.BAD_REQUEST <= response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    return LinkLost(
        f"the bridge refused: HTTP {response.status_code} {said or response.reason_phrase}", refused=refused
    )


def _without_secrets(url: str) -> str:
    return url.partition("?")[0]  # a token may stand in the query


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
