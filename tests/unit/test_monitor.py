from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.frames.store import FrameStore
from bridge.monitor import HealthMonitor
from bridge.runtime.clock import ManualClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from bridge.model import CameraStatus


@dataclass
class _Sink:
    came_and_went: list[tuple[str, bool]] = field(default_factory=list)
    health: list[CameraStatus] = field(default_factory=list)
    infos: list[Mapping[str, Any]] = field(default_factory=list)
    bridge: list[Mapping[str, Any]] = field(default_factory=list)

    def availability(self, camera_id: str, online: bool) -> None:
        self.came_and_went.append((camera_id, online))

    def telemetry(self, status: CameraStatus) -> None:
        self.health.append(status)

    def info(self, info: Mapping[str, Any]) -> None:
        self.infos.append(info)

    def bridge_telemetry(self, values: Mapping[str, Any]) -> None:
        self.bridge.append(values)


@dataclass
class _Scene:
    clock: ManualClock = field(default_factory=ManualClock)
    sink: _Sink = field(default_factory=_Sink)
    info: dict[str, Any] = field(default_factory=lambda: {"version": "1"})
    figures: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = FrameStore(self.clock, Metrics())
        self.store.add_camera("door", offline_after_s=10)
        self.monitor = HealthMonitor(
            store=self.store,
            sink=self.sink,
            describe=lambda: dict(self.info),
            figures=lambda: dict(self.figures),
            clock=self.clock,
            supervisor=Supervisor(),
        )

    def frame(self) -> None:
        self.store.put("door", b"", 640, 480)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.monitor.look()


def test_camera_that_never_came_is_not_told_of() -> None:
    scene = _Scene()
    scene.pass_time(60)
    assert scene.sink.came_and_went == []
    assert scene.sink.health == []


def test_camera_comes_goes_and_comes_again_each_told_once() -> None:
    scene = _Scene()
    scene.frame()
    for _ in range(3):
        scene.pass_time(1)
    scene.pass_time(10)
    scene.pass_time(10)
    scene.frame()
    scene.pass_time(1)
    assert scene.sink.came_and_went == [("door", True), ("door", False), ("door", True)]


def test_health_is_told_on_every_change_and_every_ten_seconds() -> None:
    scene = _Scene()
    for _ in range(21):
        scene.frame()
        scene.pass_time(1)
    assert len(scene.sink.health) == 3
    assert scene.sink.health[0].fps == 0.0
    assert scene.sink.health[-1].received == 21
    scene.pass_time(10)
    assert len(scene.sink.health) == 4, "at once when it goes offline"


def test_info_is_told_at_the_start_and_when_it_changes() -> None:
    scene = _Scene()
    scene.pass_time(1)
    scene.pass_time(1)
    scene.info["model"] = "yolo11n"
    scene.pass_time(1)
    assert scene.sink.infos == [{"version": "1"}, {"version": "1", "model": "yolo11n"}]


def test_log_says_who_went_and_for_how_long(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene = _Scene()
    scene.frame()
    scene.pass_time(1)
    scene.pass_time(11)
    assert [record.getMessage() for record in caplog.records] == [
        "door is online (640 x 480 px)",
        "door is offline: no frame for 12 s",
    ]


def test_a_detector_that_cannot_keep_up_is_one_line_and_so_is_its_recovery(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bridge.monitor")
    scene = _Scene()

    def second(looks: int) -> None:
        """Five are promised."""
        for number in range(5):
            scene.frame()
            if number >= 5 - looks:
                assert len(scene.store.take(1, 0.0)) == 1
                scene.store.note_still("door")
            scene.clock.advance(0.2)
        scene.monitor.look()

    for looks, seconds in ((5, 100), (2, 300), (5, 100)):
        for _ in range(seconds):
            second(looks)
    lines = [record.message for record in caplog.records if "keep" in record.message]
    assert len(lines) == 2
    assert "cannot keep up: 5.0 looks a second are asked for" in lines[0]
    assert "keeps up again" in lines[1]


def test_the_bridges_own_health_is_told_at_once_every_ten_seconds_and_when_a_camera_comes() -> None:
    scene = _Scene()
    scene.store.add_camera("yard")
    for _ in range(20):
        scene.pass_time(1)
    assert [values["uptime_s"] for values in scene.sink.bridge] == [1, 11]
    assert scene.sink.bridge[0] == {
        "cameras": 2, "cameras_online": 0, "inference_ms": None, "viewers": 0, "uptime_s": 1,
    }  # fmt: skip
    scene.frame()
    scene.store.note_detected("door", 20.0)
    scene.store.note_detected("yard", 40.0)
    scene.pass_time(0.25)
    told = scene.sink.bridge[-1]
    assert (told["cameras_online"], told["inference_ms"]) == (1, 30.0)
