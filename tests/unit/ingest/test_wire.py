"""The short way for whole binary frames, against websockets alone: the same bytes, cut anywhere, the same outcome."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.utils import apply_mask

from bridge.ingest import wire
from bridge.ingest.wire import CameraProtocol

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, MASKED = 0x80, 0x80
MAX_BYTES = 300
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: 192.168.0.15\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def frame(
    payload: bytes, first: int = FIN | BINARY, *, mask: bytes | None = b"\x37\xfa\x21\x3d", length_bytes: int = 0
) -> bytes:
    """A client's frame; the length is written no shorter than ``length_bytes``."""
    size = len(payload)
    masked = 0 if mask is None else MASKED
    if size < 126 and length_bytes == 0:
        head = bytes([first, masked | size])
    elif size < 65_536 and length_bytes <= 2:
        head = bytes([first, masked | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, masked | 127]) + size.to_bytes(8, "big")
    if mask is None:
        return head + payload
    return head + mask + bytes(octet ^ mask[at % 4] for at, octet in enumerate(payload))


@dataclass
class Peer:
    """A protocol and everything that came out of it; ``shortcut`` says which way the bytes take."""

    shortcut: bool
    max_bytes: int = MAX_BYTES
    events: list[object] = field(default_factory=list)
    sent: bytes = b""

    def __post_init__(self) -> None:
        self.protocol = CameraProtocol(self.max_bytes)

    def take(self, data: bytes) -> None:
        if self.shortcut:
            buffer = bytearray(data)
            for event in self.protocol.receive(memoryview(buffer)):
                self._note(event)
            buffer[:] = bytes(len(buffer))  # it is used again for the next read
        else:
            self.protocol.receive_data(data)
            for event in self.protocol.events_received():
                self._note(event)
        self.flush()

    def flush(self) -> None:
        self.sent += b"".join(data or b"<EOF>" for data in self.protocol.data_to_send())

    def _note(self, event: object) -> None:
        if isinstance(event, Request):
            self.protocol.send_response(self.protocol.accept(event))
        elif isinstance(event, Frame):
            self.events.append((event.opcode, event.fin, bytes(event.data)))
        else:
            self.events.append((Opcode.BINARY, True, event))

    @property
    def outcome(self) -> tuple[object, ...]:
        protocol = self.protocol
        sent = self.sent.split(b"\r\n\r\n", 1)[1]  # the answer to the handshake has the time in it
        return self.events, sent, protocol.state, protocol.close_sent, protocol.close_rcvd, protocol.close_expected()


def met(shortcut: bool = True, max_bytes: int = MAX_BYTES) -> Peer:
    """A peer after the opening handshake."""
    peer = Peer(shortcut, max_bytes)
    peer.take(HANDSHAKE)
    return peer


PAYLOADS = st.one_of(
    st.binary(max_size=8), st.sampled_from([bytes(125), b"\xff\xd8" * 63, bytes(200), bytes(MAX_BYTES), bytes(301)])
)
MASKS = st.sampled_from([b"\x37\xfa\x21\x3d", b"\0\0\0\0", b"\xff\xff\xff\xff"])
PICTURES = st.builds(frame, PAYLOADS, mask=MASKS, length_bytes=st.sampled_from([0, 2, 8]))
LAWFUL = st.one_of(
    PICTURES,
    PICTURES,
    st.builds(frame, st.binary(max_size=125), st.sampled_from([FIN | PING, FIN | PONG]), mask=MASKS),
    st.builds(frame, PAYLOADS, st.sampled_from([FIN | TEXT, TEXT, BINARY, CONT, CONT, FIN | CONT]), mask=MASKS),
)
ANY_FRAME = st.builds(
    frame, PAYLOADS, st.integers(0, 255), mask=MASKS | st.none(), length_bytes=st.sampled_from([0, 2, 8])
)
CLOSES = st.builds(frame, st.sampled_from([b"", b"\x03\xe8", b"\x03\xe8bye", b"\x03", b"\x03\xe8\xff"]), st.just(0x88))
TOO_LONG = st.sampled_from([bytes([0x82, 0xFF]) + size.to_bytes(8, "big") for size in (301, 2**31, 2**63, 2**64 - 1)])
STREAMS = st.lists(st.one_of(LAWFUL, LAWFUL, LAWFUL, ANY_FRAME, CLOSES, TOO_LONG, st.binary(max_size=6)), max_size=12)


# --- against websockets alone --------------------------------------------------------------------------------------


@given(frames=STREAMS, cuts=st.lists(st.integers(0, 3000), max_size=12), close_before=st.none() | st.integers(0, 12))
@example(frames=[frame(b"a" * 299), frame(b"b" * 299)], cuts=list(range(600)), close_before=None)
@example(frames=[frame(b"x", BINARY), frame(b"y")], cuts=[], close_before=None)
def test_whatever_comes_in_whatever_pieces_the_outcome_is_that_of_websockets(
    frames: list[bytes], cuts: list[int], close_before: int | None
) -> None:
    stream = b"".join(frames)
    ours, theirs = met(shortcut=True), met(shortcut=False)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for step, (start, end) in enumerate(pairwise(edges)):
        if step == close_before:
            for peer in (ours, theirs):
                if peer.protocol.state is State.OPEN:
                    peer.protocol.send_close(4409, "replaced")
        ours.take(stream[start:end])
        theirs.take(stream[start:end])
        assert ours.outcome == theirs.outcome
    for peer in (ours, theirs):
        peer.protocol.receive_eof()
        peer.flush()
    assert ours.outcome == theirs.outcome


@given(frames=st.lists(LAWFUL, max_size=4), cuts=st.lists(st.integers(0, 500), max_size=8))
@example(frames=[frame(b"eager")], cuts=[])
@example(frames=[frame(b"eager")], cuts=list(range(300)))
def test_frames_may_follow_the_handshake_without_waiting_for_the_answer(frames: list[bytes], cuts: list[int]) -> None:
    stream = HANDSHAKE + b"".join(frames)
    ours, theirs = Peer(shortcut=True), met(shortcut=False)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for start, end in pairwise(edges):
        ours.take(stream[start:end])
    if frames:
        theirs.take(b"".join(frames))
    assert ours.outcome == theirs.outcome


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
@example(b"GET /ws HTTP/1.1\r\n" + b"x" * 9000 + b"\r\n", [])
@example(b"GET /ws HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", [])
@example(b"\n" * 5000, [])
def test_what_is_no_handshake_is_refused_as_websockets_does(data: bytes, cuts: list[int]) -> None:
    ours, theirs = CameraProtocol(MAX_BYTES), CameraProtocol(MAX_BYTES)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in pairwise(edges):
        assert not list(ours.receive(memoryview(data)[start:end]))
        theirs.receive_data(data[start:end])
    assert ours.data_to_send() == theirs.data_to_send()
    assert str(ours.handshake_exc) == str(theirs.handshake_exc)
    assert (ours.state, ours.close_expected()) == (theirs.state, theirs.close_expected())


def test_a_flood_of_lines_that_are_no_handshake_is_not_read_line_by_line() -> None:
    class Counted(CameraProtocol):
        calls = 0

        def receive_data(self, data: bytes) -> None:
            self.calls += 1
            super().receive_data(data)

    protocol = Counted(MAX_BYTES)
    assert not list(protocol.receive(memoryview(b"\n" * 100_000)))
    assert protocol.calls == 2


# --- the short way itself ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 70_000])
@pytest.mark.parametrize("read_bytes", [1436, 65_536, 262_144])
def test_a_picture_of_any_length_takes_the_short_way(size: int, read_bytes: int) -> None:
    picture = bytes(range(256)) * (size // 256) + bytes(size % 256)
    stream = frame(picture) * 3
    protocol = met(max_bytes=70_000).protocol
    taken = []
    for start in range(0, len(stream), read_bytes):
        taken += protocol.receive(memoryview(stream)[start : start + read_bytes])
    assert taken == [picture] * 3
    assert all(type(message) is bytes for message in taken)


def test_without_the_compiled_part_of_websockets_the_messages_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "apply_mask", apply_mask)
    data = frame(b"a picture") + frame(b"") + frame(bytes(200))
    assert list(met().protocol.receive(memoryview(data))) == [b"a picture", b"", bytes(200)]


def test_text_fragments_and_control_frames_take_the_long_way() -> None:
    stream = frame(b"{}", FIN | TEXT) + frame(b"a", BINARY) + frame(b"", FIN | PING) + frame(b"b", FIN | CONT)
    protocol = met().protocol
    events = list(protocol.receive(memoryview(stream + frame(b"whole"))))
    assert [type(event) for event in events] == [Frame, Frame, Frame, Frame, bytes]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(b"picture", mask=None)[:2], 1002),
        (frame(bytes(200), mask=None)[:2], 1002),
        (frame(b"", FIN | 0x3)[:2], 1002),
        (frame(bytes(200), FIN | 0x3)[:2], 1002),
        (frame(b"picture", 0xC0 | BINARY), 1002),
        (frame(bytes(126), FIN | PING), 1002),
        (frame(b"stray", FIN | CONT), 1002),
        (frame(b"begun", BINARY) + frame(b"another"), 1002),
        (frame(bytes(301))[:4], 1009),
        (frame(bytes(200), BINARY) + frame(bytes(101), FIN | CONT)[:2], 1009),
    ],
)
def test_who_breaks_the_rules_hears_so_as_soon_as_it_shows(data: bytes, code: int) -> None:
    peer = met()
    for at in range(len(data)):
        assert peer.protocol.state is State.OPEN
        peer.take(data[at : at + 1])
    assert peer.protocol.close_sent is not None
    assert peer.protocol.close_sent.code == code
    peer.take(frame(b"too late"))
    assert (Opcode.BINARY, True, b"too late") not in peer.events


def test_a_camera_that_is_told_to_close_is_heard_until_it_answers() -> None:
    peer = met()
    picture = frame(b"picture")
    peer.take(picture[:9])
    peer.protocol.send_close(4409, "replaced")
    peer.take(picture[9:] + frame(b"one more"))
    assert [event[2] for event in peer.events] == [b"picture", b"one more"]  # type: ignore[index]
    peer.take(frame(b"\x11\x39", FIN | CLOSE) + frame(b"too late"))
    assert len(peer.events) == 3
    assert peer.sent.endswith(b"<EOF>")


def test_an_announcement_pins_no_memory_and_a_picture_is_let_go() -> None:
    protocol = met(max_bytes=1_000_000).protocol
    message = frame(bytes(1_000_000))
    tracemalloc.start()
    try:
        list(protocol.receive(memoryview(message)[:20]))
        assert tracemalloc.get_traced_memory()[0] < 10_000
        for start in range(20, len(message), 50_000):
            list(protocol.receive(memoryview(message)[start : start + 50_000]))
        assert tracemalloc.get_traced_memory()[0] < 10_000
        assert tracemalloc.get_traced_memory()[1] < 2_300_000  # as it came, a copy while it is unmasked
    finally:
        tracemalloc.stop()
