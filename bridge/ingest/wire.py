"""The WebSocket protocol, with a short way for what cameras send all day: whole binary frames.

``websockets`` takes a frame apart in steps that cost more than its bytes do: a generator for each field, four copies,
an object for the frame. Here a frame that holds a whole binary message is found where it lies in the receive buffer
and unmasked straight into the message. All else, that is the opening handshake, text, control frames, fragments and
whatever breaks the rules, goes to ``websockets`` untouched.

Its parser stays in step because each byte goes one way or the other, and the way changes only between two frames: of
the handshake it is fed one line at a time, of a frame the bytes up to its end. Once the connection is closing, it gets
everything.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from websockets.protocol import State
from websockets.server import ServerProtocol

from bridge.link.table import CLOSE_TOO_BIG

try:
    from websockets.speedups import apply_mask
except ImportError:  # no compiled part for this machine
    from websockets.utils import apply_mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from websockets.protocol import Event
    from websockets.typing import Subprotocol

_TOO_BIG_REASON: Final = "far over ingest.max_frame_bytes: lower framesize or JPEG quality, or raise that limit"

# The header of a frame: RFC 6455, section 5.2.
_SHORTEST_HEADER_BYTES: Final = 2
_FIN: Final = 0x80
_WHOLE_BINARY: Final = _FIN | 0x02
_OPCODE: Final = 0x0F
_OPCODES: Final = frozenset({0x0, 0x1, 0x2, 0x8, 0x9, 0xA})
_DATA_OPCODES: Final = frozenset({0x0, 0x1, 0x2})  # continuation, text, binary
_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
_LENGTH_IN_2_BYTES: Final = 126
_MASK_BYTES: Final = 4

_MAX_LINE_BYTES: Final = 8192  # of the handshake; websockets refuses longer ones

_log = logging.getLogger("bridge.ingest.websockets")
_log.setLevel(logging.WARNING)  # below it, websockets logs requests with the tokens in them


class CameraProtocol(ServerProtocol):
    """The server's end of one connection, with reasons that say the mend.

    Args:
        max_message_bytes: a longer message ends the connection (1009).
    """

    def __init__(self, max_message_bytes: int) -> None:
        super().__init__(max_size=max_message_bytes, logger=_log)
        self._max_message_bytes = max_message_bytes
        self._begun = bytearray()  # a frame that has not arrived as far as needed
        self._needed_bytes = 0  # how far that is
        self._parser_bytes = 0  # still to come of the frame that websockets is reading
        self._fragmented = False  # websockets has the beginning of a message

    def fail(self, code: int, reason: str = "") -> None:
        """End the connection at once; websockets itself says of 1009 only how long the message was."""
        super().fail(code, _TOO_BIG_REASON if code == CLOSE_TOO_BIG else reason)

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """Agree to whatever is offered: Links2004's client offers ``arduino`` and means nothing by it."""
        return subprotocols[0] if subprotocols else None

    def receive(self, data: memoryview) -> Iterator[Event | bytes]:
        """Take what has arrived; stands for ``receive_data`` and ``events_received``.

        Between two steps the caller may answer, send or close. The memory under ``data`` is the caller's again when
        the iterator has ended.

        Yields:
            Whole binary messages as ``bytes``, all else as the events of websockets.
        """
        while self._begun and data:
            missing_bytes = self._needed_bytes - len(self._begun)
            self._begun += data[:missing_bytes]
            data = data[missing_bytes:]
            if len(self._begun) < self._needed_bytes:
                return
            begun, self._begun = self._begun, bytearray()
            yield from self._take(memoryview(begun))
        yield from self._take(data)

    def _take(self, data: memoryview) -> Iterator[Event | bytes]:
        """Take all that there is; the beginning of a frame is put aside."""
        while data:
            if self._parser_bytes or self.state is not State.OPEN:
                part = data[: self._parser_bytes or self._next_bytes(data)]
                data = data[len(part) :]
                self._parser_bytes = max(0, self._parser_bytes - len(part))
                self.receive_data(bytes(part))
                yield from self.events_received()
                continue
            start, end = _extent(data)
            if start and not self._is_picture(data, end - start):
                self._parser_bytes = end
                if data[0] & _OPCODE in _DATA_OPCODES:
                    self._fragmented = not data[0] & _FIN
            elif end <= len(data):
                mask = bytes(data[start - _MASK_BYTES : start])
                yield apply_mask(data[start:end], mask)  # type: ignore[arg-type]  # it takes any buffer
                data = data[end:]
            else:
                self._begun, self._needed_bytes = bytearray(data), end
                return

    def _next_bytes(self, data: memoryview) -> int:
        """How much the parser may have outside of frames: a line of the handshake, and at the end whatever comes."""
        if self.state is not State.CONNECTING or self.close_expected():
            return len(data)
        return bytes(data[:_MAX_LINE_BYTES]).find(b"\n") + 1 or _MAX_LINE_BYTES

    def _is_picture(self, data: memoryview, length: int) -> bool:
        """Whether the frame that begins in ``data`` needs no parser."""
        is_binary = data[0] == _WHOLE_BINARY and data[1] & _MASKED
        return bool(is_binary) and not self._fragmented and length <= self._max_message_bytes


def _extent(data: memoryview) -> tuple[int, int]:
    """Where the payload of a frame starts and ends; 0 and how many bytes it takes to know, if those are missing.

    A header that is wrong in its first two bytes ends there, because the parser looks no further.
    """
    if len(data) < _SHORTEST_HEADER_BYTES:
        return 0, _SHORTEST_HEADER_BYTES
    if not data[1] & _MASKED or data[0] & _OPCODE not in _OPCODES:
        return _SHORTEST_HEADER_BYTES, _SHORTEST_HEADER_BYTES
    length, start = data[1] & _LENGTH, _SHORTEST_HEADER_BYTES
    if length >= _LENGTH_IN_2_BYTES:
        start += 2 if length == _LENGTH_IN_2_BYTES else 8
        if len(data) < start:
            return 0, start
        length = int.from_bytes(data[_SHORTEST_HEADER_BYTES:start], "big")
    start += _MASK_BYTES
    return start, start + length
