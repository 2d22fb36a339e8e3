"""The door between connections and the store, with connections that only write down what they are told."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from bridge.ingest.access import Accept, Refuse
from bridge.ingest.door import Door
from bridge.ingest.fake import FakeTalk
from bridge.ingest.messages import write_set
from bridge.ingest.protocol import Admission
from bridge.ingest.settings import CameraAccess, IngestSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.frames.store import FrameStore
    from bridge.runtime.clock import ManualClock

HELLO = '{"type": "hello", "v": 1, "firmware": "espcam", "version": "1.2"}'
SETTINGS = IngestSettings(
    max_frame_bytes=1000,
    cameras={"door": CameraAccess(), "yard": CameraAccess()},
)


@dataclass
class FakePeer:
    """A connection that writes down what it is told."""

    address: str = "10.0.0.7"
    dialled: str = "http://bridge:3001"
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
def door(store: FrameStore, clock: ManualClock, talk: FakeTalk) -> Door:
    return Door(SETTINGS, store, clock=clock, admit=store.add_camera, talk=talk)


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

    door = Door(SETTINGS, store, clock=clock, admit=admit, talk=FakeTalk())
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


# --- what cameras say of themselves --------------------------------------------------------------------------------

GREETED = ("greeted", "door", {"v": 1, "firmware": "espcam", "version": "1.2"})
LEFT = ("left", "door")


def test_every_hello_is_a_greeting_and_is_welcomed_with_the_newest_values(door: Door, talk: FakeTalk) -> None:
    peer = FakePeer()
    visit = door.enter(peer, accept("door"))
    door.receive(visit, HELLO)
    talk.values["door"] = {"max_fps": 3}
    door.receive(visit, HELLO)
    assert [json.loads(text)["values"] for text in peer.sent] == [{"max_fps": 7}, {"max_fps": 3}]
    assert talk.heard == [GREETED, GREETED]


def test_a_greeting_is_told_before_the_welcome_is_asked_for(store: FrameStore, clock: ManualClock) -> None:
    class Learner(FakeTalk):
        """Welcomes a camera with what it has just said of itself."""

        def greeted(self, camera_id: str, hello: Mapping[str, Any]) -> None:
            self.values[camera_id] = {"framesize": hello["framesizes"][-1]}

    peer = FakePeer()
    door = Door(SETTINGS, store, clock=clock, admit=store.add_camera, talk=Learner())
    door.receive(door.enter(peer, accept("door")), '{"type": "hello", "v": 1, "framesizes": ["QVGA", "VGA"]}')
    assert json.loads(peer.sent[0])["values"] == {"framesize": "VGA"}


def test_a_legacy_camera_is_greeted_once_with_nothing(door: Door, talk: FakeTalk, jpeg: bytes) -> None:
    visit = door.enter(FakePeer(), accept("door"))
    for message in (jpeg, jpeg, HELLO, '{"type": "ack", "id": 1, "ok": true}', '{"type": "state", "quality": 9}'):
        door.receive(visit, message)
    door.leave(visit, "the connection broke")
    assert talk.heard == [("greeted", "door", {}), LEFT]


def test_states_and_answers_are_told_in_order(door: Door, talk: FakeTalk) -> None:
    visit = door.enter(FakePeer(), accept("door"))
    door.receive(visit, HELLO)
    door.receive(visit, '{"type": "state", "quality": 12, "flash": true}')
    door.receive(visit, '{"type": "ack", "id": 7, "ok": true}')
    door.receive(visit, '{"type": "ack", "id": 8, "error": "no lamp"}')
    door.receive(visit, '{"type": "progress", "id": 9, "written_bytes": 1, "size": 2}')
    assert talk.heard[1:] == [
        ("told_state", "door", {"quality": 12, "flash": 255}),
        ("acknowledged", "door", 7, ""),
        ("acknowledged", "door", 8, "no lamp"),
        ("progressed", "door", 9, 1, 2),
    ]


def test_a_camera_that_never_said_anything_does_not_leave(door: Door, talk: FakeTalk) -> None:
    door.leave(door.enter(FakePeer(), accept("door")), "the connection broke")
    door.enter(FakePeer(), accept("yard"))
    door.enter(FakePeer(), accept("yard"))
    assert talk.heard == []


def test_a_refused_hello_is_no_greeting(door: Door, talk: FakeTalk) -> None:
    visit = door.enter(FakePeer(), accept("door"))
    door.receive(visit, '{"type": "hello", "v": 2}')
    door.leave(visit, "told to")
    assert talk.heard == []


def test_a_replaced_connection_leaves_before_the_newer_one_greets_and_never_after(door: Door, talk: FakeTalk) -> None:
    older = door.enter(FakePeer(), accept("door"))
    door.receive(older, HELLO)
    newer = door.enter(FakePeer(), accept("door"))
    door.receive(newer, HELLO)
    door.receive(older, '{"type": "ack", "id": 1, "ok": true}')  # still on its way when it was replaced
    door.leave(older, "told to")
    assert talk.heard == [GREETED, LEFT, GREETED]
    door.leave(newer, "it said 1000")
    assert talk.heard == [GREETED, LEFT, GREETED, LEFT]


# --- commands ------------------------------------------------------------------------------------------------------

COMMAND = write_set(7, {"quality": 20})


def test_a_command_goes_to_a_camera_that_said_hello(door: Door) -> None:
    peer = FakePeer()
    visit = door.enter(peer, accept("door"))
    assert door.modern("door") is None
    assert not door.command(visit, COMMAND)
    door.receive(visit, HELLO)
    assert door.modern("door") is visit
    assert door.command(visit, COMMAND)
    assert peer.sent[1:] == [COMMAND]


def test_a_legacy_camera_gets_no_command(door: Door, jpeg: bytes) -> None:
    peer = FakePeer()
    visit = door.enter(peer, accept("door"))
    door.receive(visit, jpeg)
    assert door.modern("door") is None
    assert not door.command(visit, COMMAND)
    assert peer.sent == []


def test_a_camera_may_be_commanded_as_soon_as_its_greeting_is_told(store: FrameStore, clock: ManualClock) -> None:
    class Eager(FakeTalk):
        """Looks at once whether the camera takes commands."""

        def greeted(self, camera_id: str, hello: Mapping[str, Any]) -> None:
            self.heard.append((entrance.modern(camera_id) is not None, bool(hello)))

    talk = Eager()
    entrance = Door(SETTINGS, store, clock=clock, admit=store.add_camera, talk=talk)
    entrance.receive(entrance.enter(FakePeer(), accept("door")), HELLO)
    assert talk.heard == [(True, True)]


def test_who_leaves_takes_no_more_commands_when_that_is_told(store: FrameStore, clock: ManualClock) -> None:
    class Late(FakeTalk):
        """Looks whether a camera that left takes commands."""

        def left(self, camera_id: str) -> None:
            self.heard.append((entrance.modern(camera_id),))

    talk = Late()
    entrance = Door(SETTINGS, store, clock=clock, admit=store.add_camera, talk=talk)
    for _ in range(2):  # the first is replaced
        visit = entrance.enter(FakePeer(), accept("door"))
        entrance.receive(visit, HELLO)
    entrance.leave(visit, "the connection broke")
    assert [told for told in talk.heard if len(told) == 1] == [(None,), (None,)]


def test_a_command_never_goes_to_another_connection_than_the_one_it_was_meant_for(door: Door) -> None:
    older, newer = FakePeer(), FakePeer()
    first = door.enter(older, accept("door"))
    door.receive(first, HELLO)
    second = door.enter(newer, accept("door"))
    assert door.modern("door") is None  # the newer one has not said hello
    door.receive(second, HELLO)
    assert not door.command(first, COMMAND)
    assert (older.sent[1:], newer.sent[1:]) == ([], [])


def test_a_connection_that_is_told_to_close_takes_no_more_commands(door: Door, clock: ManualClock) -> None:
    refused, silent = (door.enter(FakePeer(), accept(camera_id)) for camera_id in ("door", "yard"))
    for visit in (refused, silent):
        door.receive(visit, HELLO)
    door.receive(refused, '{"type": "hello", "v": 2}')
    clock.advance(61)
    door.check_silence()
    assert [door.modern(camera_id) for camera_id in ("door", "yard")] == [None, None]


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
