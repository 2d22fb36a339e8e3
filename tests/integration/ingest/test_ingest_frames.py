"""Frames over real sockets: whole ones in, damaged ones counted, one camera never at another's cost."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from bridge.frames.jpeg import with_comment

if TYPE_CHECKING:
    from tests.conftest import WaitUntil
    from tests.integration.ingest.conftest import DialRaw, Port, StartPort

pytestmark = pytest.mark.integration

TEXT, BINARY, CONTINUATION = 1, 2, 0
TIMES = 20
REASONS = {
    "bad-bomb-65500": "too_many_pixels",
    "bad-empty": "empty",
    "bad-no-eoi": "truncated",
    "bad-no-soi": "not_jpeg",
    "bad-png": "not_jpeg",
    "bad-soi-eoi-only": "truncated",
    "bad-text": "not_jpeg",
    "bad-truncated-half": "truncated",
    "bad-two-frames-glued": "glued",
}


def test_everything_that_boards_send_twenty_times_over_on_one_connection(
    port: Port, camera_files: dict[str, bytes], jpeg: bytes, wait_until: WaitUntil
) -> None:
    expected: dict[str, int] = {}
    for name in camera_files:
        if name in REASONS:
            expected[REASONS[name]] = expected.get(REASONS[name], 0) + TIMES
    with connect(port.url("/ws")) as camera, connect(port.url("/ws/yard")) as other:
        for _ in range(TIMES):
            for data in camera_files.values():
                camera.send(data)
            other.send(jpeg)
        wait_until(lambda: port.messages() == TIMES * len(camera_files), what="every message judged")
        wait_until(lambda: port.messages("yard") == TIMES, what="the other camera's frames")
        assert dict(port.status().rejected) == expected
        assert port.status().received == TIMES * len(camera_files) - sum(expected.values())
        assert dict(port.status("yard").rejected) == {}
        camera.ping().wait(5)  # still open


def test_padding_is_gone_when_a_frame_reaches_the_store(
    port: Port, samples: dict[str, bytes], jpeg: bytes, wait_until: WaitUntil
) -> None:
    with connect(port.url()) as camera:
        camera.send(samples["ok-trailing-zeros"])
        wait_until(lambda: port.status().received == 1)
    frame = port.store.newest("camera")
    assert frame is not None
    assert (frame.jpeg, frame.width_px, frame.height_px) == (jpeg, 160, 120)


def test_a_header_carries_the_capture_time(port: Port, jpeg: bytes, wait_until: WaitUntil) -> None:
    captured_unix_s = port.clock.unix_s() - 0.125
    with connect(port.url()) as camera:
        camera.send(struct.pack(">4sIQI", b"ECF1", 1, int(captured_unix_s * 1e6), 0) + jpeg)
        wait_until(lambda: port.status().received == 1)
    frame = port.store.newest("camera")
    assert frame is not None
    assert (frame.jpeg, frame.captured_unix_s) == (jpeg, captured_unix_s)


def test_a_frame_in_many_fragments_with_a_ping_in_between_arrives_whole(
    port: Port, jpeg: bytes, dial_raw: DialRaw, wait_until: WaitUntil
) -> None:
    camera = dial_raw(port)
    camera.handshake()
    camera.send(BINARY, jpeg[:1000], fin=False)
    camera.send(CONTINUATION, jpeg[1000:1001], fin=False)
    camera.send(9, b"are you there")
    camera.send(CONTINUATION, jpeg[1001:], fin=True)
    camera.send(TEXT, b'{"type": "telem', fin=False)
    camera.send(CONTINUATION, b'etry", "fps": 3}', fin=True)
    wait_until(lambda: port.status().telemetry == {"fps": 3})
    assert port.status().received == 1
    assert camera.frame() == (10, b"are you there")


def test_a_frame_that_dribbles_in_byte_by_byte_arrives_whole(
    port: Port, dial_raw: DialRaw, jpeg: bytes, wait_until: WaitUntil
) -> None:
    camera = dial_raw(port)
    camera.handshake()
    message = camera.masked(BINARY, jpeg)
    for offset in range(200):
        camera.socket.sendall(message[offset : offset + 1])
    camera.socket.sendall(message[200:])
    wait_until(lambda: port.status().received == 1)


def test_a_camera_that_stalls_in_the_middle_of_a_frame_holds_up_nobody(
    port: Port, jpeg: bytes, dial_raw: DialRaw, wait_until: WaitUntil
) -> None:
    stalled = dial_raw(port)
    stalled.handshake("/ws/yard")
    stalled.send(BINARY, jpeg[:1000], fin=False)
    with connect(port.url()) as camera:
        for _ in range(50):
            camera.send(jpeg)
        wait_until(lambda: port.status().received == 50)
    assert port.messages("yard") == 0


def test_the_frames_of_two_cameras_never_mix_though_they_arrive_in_alternating_pieces(
    port: Port, jpeg: bytes, dial_raw: DialRaw, wait_until: WaitUntil
) -> None:
    pictures = {"camera": jpeg, "yard": with_comment(jpeg, "from the yard")}
    cameras = {camera_id: dial_raw(port) for camera_id in pictures}
    for camera_id, camera in cameras.items():
        camera.handshake(f"/ws/{camera_id}")
    for start in range(0, len(jpeg) + 1000, 1000):
        for camera_id, camera in cameras.items():
            camera.socket.sendall(camera.masked(BINARY, pictures[camera_id])[start : start + 1000])
            time.sleep(0.005)  # so that each piece is a read of its own
    for camera_id, picture in pictures.items():
        wait_until(lambda camera_id=camera_id: port.status(camera_id).received == 1)
        frame = port.store.newest(camera_id)
        assert frame is not None
        assert frame.jpeg == picture


def test_nothing_waits_but_the_newest_frame(port: Port, jpeg: bytes, wait_until: WaitUntil) -> None:
    with connect(port.url()) as camera:
        for _ in range(30):
            camera.send(jpeg)
        wait_until(lambda: port.status().received == 30)
    (frame,) = port.store.take(limit=8, timeout_s=0)
    assert frame.seq == 30
    assert port.store.take(limit=8, timeout_s=0) == []


def test_a_frame_over_the_limit_is_dropped_and_one_far_over_it_ends_the_connection(
    start_port: StartPort, jpeg: bytes, wait_until: WaitUntil
) -> None:
    port = start_port(max_frame_bytes=len(jpeg))
    with connect(port.url()) as camera:
        camera.send(jpeg)
        camera.send(jpeg + b"\0")
        wait_until(lambda: port.messages() == 2)
        camera.send(jpeg)
        wait_until(lambda: port.messages() == 3)
        camera.send(bytes(2 * len(jpeg) + 21))
        with pytest.raises(ConnectionClosedError):
            camera.recv(timeout=5)
        assert camera.close_code == 1009
        assert "lower framesize or JPEG quality, or raise that limit" in str(camera.close_reason)
    wait_until(lambda: port.status().rejected["too_many_bytes"] == 2)
    assert port.status().received == 2


def test_text_that_is_no_utf_8_ends_the_connection_with_the_mend(port: Port, dial_raw: DialRaw) -> None:
    camera = dial_raw(port)
    camera.handshake()
    camera.send(TEXT, b"\xff\xd8\xff")
    opcode, payload = camera.frame()
    assert (opcode, payload[:2]) == (8, (1007).to_bytes(2, "big"))
    assert b"send pictures as binary messages" in payload
