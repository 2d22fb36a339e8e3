"""What the store tells of a camera: its state, its health, its counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.errors import RejectReason
from bridge.model import CameraState, Scene, Track

if TYPE_CHECKING:
    from bridge.frames.store import FrameStore
    from bridge.runtime.clock import ManualClock
    from bridge.runtime.metrics import Metrics


def _put(store: FrameStore) -> None:
    store.put("door", b"jpeg", 640, 480)


def _count(metrics: Metrics, line: str) -> float:
    found = [text for text in metrics.render().decode().splitlines() if text.startswith(line + " ")]
    return float(found[0].split()[-1]) if found else 0.0


def test_a_camera_is_waiting_then_online_then_offline_then_online_again(store: FrameStore, clock: ManualClock) -> None:
    states = [store.state("door")]
    _put(store)
    for seconds in (0.0, 9.9, 0.1):
        clock.advance(seconds)
        states.append(store.state("door"))
    _put(store)
    states.append(store.state("door"))
    assert states == ["waiting", "online", "online", "offline", "online"]
    assert store.state("yard") is CameraState.WAITING


def test_a_jump_of_the_wall_clock_changes_no_state(store: FrameStore, clock: ManualClock) -> None:
    _put(store)
    clock.now_unix_s += 3600
    assert store.state("door") is CameraState.ONLINE
    assert store.status("door").frame_age_ms == 0.0


def test_the_status_tells_everything_known_of_a_camera(store: FrameStore, clock: ManualClock) -> None:
    for _ in range(6):
        _put(store)
        store.take(4, 0.0)
        store.note_detected("door", 41.5)
        clock.advance(0.5)
    store.reject("door", RejectReason.TRUNCATED)
    store.reject("door", RejectReason.TRUNCATED)
    store.reject("door", RejectReason.UNDECODABLE)
    store.note_hello("door", {"firmware": "espcam"})
    store.note_telemetry("door", {"rssi_dbm": -61})
    store.viewer("door", +1)
    tracks = tuple(
        Track(number, label, 0.9, (0, 0, 1, 1), 3) for number, label in enumerate(("person", "person", "dog"))
    )
    store.set_scene(Scene("door", 6, clock.mono_s(), tracks, motion=True))

    status = store.status("door")

    assert (status.camera_id, status.name, status.state) == ("door", "Front door", CameraState.ONLINE)
    assert (status.width_px, status.height_px) == (640, 480)
    assert status.last_frame_unix_s == clock.unix_s() - 0.5
    assert status.frame_age_ms == pytest.approx(500)
    assert status.fps == pytest.approx(2.0)
    assert status.detect_fps == pytest.approx(2.0)
    assert status.inference_ms == 41.5
    assert (status.received, status.detected, status.dropped) == (6, 6, 0)
    assert status.rejected == {"truncated": 2, "undecodable": 1}
    assert (status.viewers, status.motion) == (1, True)
    assert status.present == {"person": 2, "dog": 1}
    assert status.hello == {"firmware": "espcam"}
    assert status.telemetry == {"rssi_dbm": -61}


def test_the_status_before_the_first_frame_knows_nothing(store: FrameStore) -> None:
    status = store.status("yard")
    assert (status.name, status.state) == ("yard", CameraState.WAITING)
    assert (status.frame_age_ms, status.width_px, status.last_frame_unix_s) == (None, None, None)
    assert (status.fps, status.present, status.motion) == (0.0, {}, False)


def test_an_offline_camera_shows_nobody_and_no_motion(store: FrameStore, clock: ManualClock) -> None:
    _put(store)
    store.set_scene(Scene("door", 1, clock.mono_s(), (Track(1, "person", 0.9, (0, 0, 1, 1), 3),), motion=True))
    clock.advance(10)
    status = store.status("door")
    assert (status.state, status.present, status.motion) == (CameraState.OFFLINE, {}, False)


def test_a_camera_that_never_sent_anything_is_not_online_in_the_metrics(store: FrameStore, metrics: Metrics) -> None:
    assert store.camera_ids() == ("door", "yard")
    assert 'espcam_camera_online{camera="yard"} 0.0' in metrics.render().decode().splitlines()


def test_detected_frames_are_counted(store: FrameStore, metrics: Metrics) -> None:
    store.note_detected("door", 40.0)
    store.note_detected("door", 40.0)
    assert _count(metrics, 'espcam_frames_detected_total{camera="door"}') == 2


def test_rejected_frames_are_counted_by_reason(store: FrameStore, metrics: Metrics) -> None:
    store.reject("door", RejectReason.GLUED)
    assert _count(metrics, 'espcam_frames_rejected_total{camera="door",reason="glued"}') == 1
    assert store.status("yard").rejected == {}


def test_what_a_camera_says_of_itself_is_frozen(store: FrameStore) -> None:
    said = {"rssi_dbm": -61}
    store.note_telemetry("door", said)
    store.note_hello("door", said)
    said["rssi_dbm"] = 0
    assert store.status("door").telemetry == {"rssi_dbm": -61}
    assert store.status("door").hello == {"rssi_dbm": -61}


@pytest.mark.parametrize(("rssi", "shown"), [(-61, -61.0), (-60.5, -60.5), ("bad", 0.0), (None, 0.0)])
def test_only_a_number_becomes_the_signal_metric(
    store: FrameStore, metrics: Metrics, rssi: object, shown: float
) -> None:
    store.note_telemetry("door", {"rssi_dbm": rssi})
    assert _count(metrics, 'espcam_camera_rssi_dbm{camera="door"}') == shown


def test_viewers_are_counted_in_and_out(store: FrameStore, metrics: Metrics) -> None:
    assert [store.viewer("door", change) for change in (+1, +1, -1)] == [1, 2, 1]
    assert store.status("door").viewers == 1
    assert _count(metrics, 'espcam_viewers{camera="door"}') == 1


def test_the_scene_is_the_one_that_was_set_last(store: FrameStore) -> None:
    assert store.scene("door") is None
    scene = Scene("door", 1, 1000.0)
    store.set_scene(scene)
    assert store.scene("door") is scene
