"""The door between connections and the store, with connections that only write down what they are told."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from bridge.ingest.access import Accept, Refuse
from bridge.ingest.door import Door
from bridge.ingest.protocol import Admission
from bridge.ingest.settings import CameraAccess, IngestSettings

if TYPE_CHECKING:
    from bridge.frames.store import FrameStore
    from bridge.runtime.clock import ManualClock

HELLO = '{"type": "hello", "v": 1, "firmware": "espcam", "version": "1.2"}'
SETTINGS = IngestSettings(
    max_frame_bytes=1000,
    cameras={"door": CameraAccess(welcome_values={"max_fps": 7}), "yard": CameraAccess()},
)


@dataclass
class FakePeer:
    """A connection that writes down what it is told."""

    address: str = "10.0.0.7"
    sent: list[str] = field(default_factory=list)
    pings: int = 0
    closed: list[tuple[int, str]] = field(default_factory=list)

    def send(self, text: str) -> None:
        self.sent.append(text)

    def ping(self) -> None:
        self.pings += 1

    def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))


@pytest.fixture
def door(store: FrameStore, clock: ManualClock) -> Door:
    return Door(SETTINGS, store, clock=clock, admit=store.add_camera)


def accept(camera_id: str) -> Accept:
    return Accept(camera_id, Admission.ANY)


def test_a_frame_reaches_the_store_with_its_size(door: Door, store: FrameStore, jpeg: bytes) -> None:
    door.receive(door.enter(FakePeer(), accept("door")), jpeg + bytes(9))
    frame = store.newest("door")
    assert frame is not None
    assert (frame.jpeg, frame.width_px, frame.height_px, frame.captured_unix_s) == (jpeg, 16, 8, None)


def test_damage_is_counted_by_reason_and_the_connection_stays(door: Door, store: FrameStore, jpeg: bytes) -> None:
    peer = FakePeer()
    visit = door.enter(peer, accept("door"))
    for message in (b"", b"text", jpeg[:-1], jpeg + bytes(1000), jpeg):
        door.receive(visit, message)
    status = store.status("door")
    assert dict(status.rejected) == {"empty": 1, "not_jpeg": 1, "truncated": 1, "too_many_bytes": 1}
    assert status.received == 1
    assert peer.closed == []


def test_a_message_too_long_to_be_received_is_counted_as_well(door: Door, store: FrameStore) -> None:
    door.refuse_huge(door.enter(FakePeer(), accept("door")))
    assert dict(store.status("door").rejected) == {"too_many_bytes": 1}


def test_a_hello_is_kept_and_welcomed_with_the_cameras_values(door: Door, store: FrameStore) -> None:
    peer = FakePeer()
    door.receive(door.enter(peer, accept("door")), HELLO)
    assert store.status("door").hello["firmware"] == "espcam"
    (welcome,) = map(json.loads, peer.sent)
    assert (welcome["camera_id"], welcome["values"]) == ("door", {"max_fps": 7})


def test_telemetry_is_kept(door: Door, store: FrameStore) -> None:
    door.receive(door.enter(FakePeer(), accept("door")), '{"type": "telemetry", "rssi_dbm": -70}')
    assert dict(store.status("door").telemetry) == {"rssi_dbm": -70}


def test_the_newest_connection_of_a_camera_wins(door: Door, store: FrameStore, jpeg: bytes) -> None:
    older, newer = FakePeer(), FakePeer()
    first = door.enter(older, accept("door"))
    door.receive(first, jpeg)
    second = door.enter(newer, accept("door"))
    assert older.closed == [(4409, "replaced by a newer connection: one board only as door")]
    for message in (jpeg, b"damaged", HELLO):
        door.receive(first, message)  # still on its way when it was replaced
    assert (store.status("door").received, dict(store.status("door").rejected), older.sent) == (1, {}, [])
    door.receive(second, jpeg)
    assert store.status("door").received == 2


def test_the_end_of_a_replaced_connection_does_not_disturb_the_newer_one(
    door: Door, store: FrameStore, jpeg: bytes
) -> None:
    first, second = door.enter(FakePeer(), accept("door")), door.enter(FakePeer(), accept("door"))
    door.leave(first, "told to")
    door.receive(second, jpeg)
    assert store.status("door").received == 1


def test_after_its_end_a_connection_is_forgotten(door: Door, store: FrameStore, jpeg: bytes) -> None:
    peer = FakePeer()
    visit = door.enter(peer, accept("door"))
    door.leave(visit, "it said 1000")
    door.receive(visit, jpeg)
    door.enter(FakePeer(), accept("door"))
    door.say_goodbye()
    assert peer.closed == []
    assert store.status("door").received == 0


def test_cameras_do_not_replace_each_other(door: Door, store: FrameStore, jpeg: bytes) -> None:
    peers = {camera_id: FakePeer() for camera_id in ("door", "yard")}
    visits = {camera_id: door.enter(peer, accept(camera_id)) for camera_id, peer in peers.items()}
    door.receive(visits["door"], b"damaged")
    door.receive(visits["yard"], jpeg)
    assert not any(peer.closed for peer in peers.values())
    assert (store.status("yard").received, dict(store.status("yard").rejected)) == (1, {})


def test_a_camera_that_is_not_configured_is_admitted_before_anything_of_it_is_stored(
    store: FrameStore, clock: ManualClock, jpeg: bytes
) -> None:
    admitted: list[str] = []

    def admit(camera_id: str) -> None:
        admitted.append(camera_id)
        store.add_camera(camera_id)

    door = Door(SETTINGS, store, clock=clock, admit=admit)
    door.receive(door.enter(FakePeer(), accept("newcomer")), jpeg)
    door.enter(FakePeer(), accept("yard"))
    assert admitted == ["newcomer"]
    assert store.status("newcomer").received == 1


def test_a_malformed_hello_closes_with_4400(door: Door) -> None:
    peer = FakePeer()
    door.receive(door.enter(peer, accept("door")), '{"type": "hello"}')
    assert peer.closed == [(4400, "hello.v is None, must be 1: update firmware or bridge")]


def test_silence_is_asked_about_and_then_ends_the_connection(door: Door, clock: ManualClock, jpeg: bytes) -> None:
    modern, legacy = FakePeer(), FakePeer()
    door.receive(door.enter(modern, accept("door")), HELLO)
    door.receive(door.enter(legacy, accept("yard")), jpeg)
    for _ in range(12):
        clock.advance(5.0)
        door.check_silence()
    assert (modern.pings, legacy.pings) == (2, 0)
    assert [code for code, _ in modern.closed + legacy.closed] == [1011, 1011]


def test_a_heartbeat_keeps_a_silent_camera_connected(door: Door, clock: ManualClock) -> None:
    peer = FakePeer()
    visit = door.enter(peer, accept("door"))
    door.receive(visit, HELLO)
    for _ in range(60):
        clock.advance(5.0)
        pings = peer.pings
        door.check_silence()
        if peer.pings > pings:
            door.receive_heartbeat(visit)
    assert peer.closed == []


def test_everybody_hears_that_the_bridge_stops(door: Door) -> None:
    peers = [FakePeer(), FakePeer()]
    for peer, camera_id in zip(peers, ("door", "yard"), strict=True):
        door.enter(peer, accept(camera_id))
    door.say_goodbye()
    assert [peer.closed for peer in peers] == [[(1001, "the bridge is stopping: connect again in a moment")]] * 2


# --- the log -------------------------------------------------------------------------------------------------------


def test_a_thousand_damaged_frames_make_one_line_a_minute(
    door: Door, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    visit = door.enter(FakePeer(), accept("door"))
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            door.receive(visit, b"damaged")
            clock.advance(0.125)
    assert len(caplog.messages) == 3  # at 0, 60 and 120 s
    assert caplog.messages[0] == "door: dropped a damaged frame: not_jpeg: begins with b'dama'"
    assert caplog.messages[1].endswith("(479 more since the last such line)")


def test_a_refused_client_that_keeps_trying_makes_one_line_a_minute_without_its_token(
    door: Door, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(100):
        door.turn_away(FakePeer(), "/ws/door?token=s3cret", Refuse(4401, "wrong token"))
        clock.advance(1.0)
    door.turn_away(FakePeer(address="10.0.0.8"), "/ws/\nx", Refuse(4401, "wrong token"))
    assert [message.split(" (")[0] for message in caplog.messages] == [
        "refused 10.0.0.7 on /ws/door: 4401 wrong token",
        "refused 10.0.0.7 on /ws/door: 4401 wrong token",
        "refused 10.0.0.8 on /ws/?x: 4401 wrong token",
    ]


def test_a_port_scanner_makes_one_line_a_minute(
    door: Door, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(50):
            door.no_handshake(FakePeer(), "did not receive\na valid HTTP request")
            clock.advance(1.0)
    assert caplog.messages == ["10.0.0.7: no WebSocket handshake: did not receive?a valid HTTP request"]


def test_connections_are_told_of_with_camera_address_and_why(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        visit = door.enter(FakePeer(), accept("door"))
        door.receive(visit, HELLO)
        door.leave(visit, "the connection broke")
    assert caplog.messages == [
        "door: connected from 10.0.0.7",
        "door: hello from espcam 1.2",
        "door: disconnected: the connection broke",
    ]


def test_the_first_sketchs_greeting_is_told_of_once(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    visit = door.enter(FakePeer(), accept("door"))
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            door.receive(visit, "hello from ESP32 camera stream!")
    assert caplog.messages == ["door: ignored the text 'hello from ESP32 camera stream!' (and any later one)"]
