from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from bridge.controls.fake import FakeLine
from bridge.errors import ControlRefused
from bridge.model import Control, Offer
from bridge.publish.settings import PublishedCamera
from bridge.runtime.clock import SystemClock
from bridge.runtime.memory import ShortMemory
from bridge.switchboard import Switchboard

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.model import ControlValue

HELLO = {"framesizes": ["QVGA", "VGA"], "capabilities": ["framesize", "quality", "restart"]}


@dataclass
class _Loop:
    """An inference loop that takes everything over at once."""

    took: list[tuple[str, object]] = field(default_factory=list)

    def set_detect(self, camera_id: str, *, on: bool, done: Callable[[], None]) -> None:
        self.took.append((camera_id, on))
        done()

    def set_confidence(self, camera_id: str, confidence: float, *, done: Callable[[], None]) -> None:
        self.took.append((camera_id, confidence))
        done()


@dataclass
class _Broker:
    states: list[tuple[str, Control, ControlValue]] = field(default_factory=list)
    cameras: list[PublishedCamera] = field(default_factory=list)

    def control_state(self, camera_id: str, control: Control, value: ControlValue) -> None:
        self.states.append((camera_id, control, value))

    def update_camera(self, camera: PublishedCamera) -> None:
        self.cameras.append(camera)


@dataclass
class _House:
    """A camera ``door`` that said hello, and answers each command with ``answer``; empty is yes."""

    answer: str = ""
    loop: _Loop = field(default_factory=_Loop)
    broker: _Broker = field(default_factory=_Broker)
    line: FakeLine = field(default_factory=lambda: FakeLine({"door"}))

    def __post_init__(self) -> None:
        self.board = Switchboard(
            pipeline=self.loop,
            publisher=self.broker,
            describe=lambda camera_id, offer: PublishedCamera(camera_id, "Door", (), {}, offer),
            memory=ShortMemory(),
            clock=SystemClock(),
        )
        self.line.on_send = self._reply
        self.board.connect(self.line)
        self.board.desk.add_camera("door", {Control.DETECT: True, Control.CONFIDENCE: 0.25})
        self.board.desk.greeted("door", HELLO)
        self.broker.states.clear()

    def _reply(self, camera_id: str, command_id: int) -> None:
        self.board.desk.acknowledged(camera_id, command_id, self.answer)


def test_what_the_bridge_does_itself_goes_to_the_loop_and_what_took_effect_to_the_broker() -> None:
    house = _House()
    house.board.set_control("door", "detect", value=False)
    house.board.set_control("door", "confidence", value=0.5)
    assert house.loop.took == [("door", False), ("door", 0.5)]
    assert house.broker.states == [("door", Control.DETECT, False), ("door", Control.CONFIDENCE, 0.5)]
    assert house.line.sent == []


def test_what_the_camera_does_goes_to_the_camera_and_what_took_effect_to_the_broker() -> None:
    house = _House()
    house.board.set_control("door", "quality", value=20)
    house.board.set_control("door", "restart", value=True)
    assert [values for _, _, values in house.line.sent] == [{"quality": 20}, {}]
    assert house.broker.states == [("door", Control.QUALITY, 20)]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("brightness", 3, "there is no control 'brightness'; this camera has: detect, "),
        ("quality", [3], "quality takes one value, not list"),
        ("quality", 3, "quality cannot be 3"),
        ("flash", 3, "flash is not offered"),
        ("framesize", "VGA", "door refused: the sensor hangs"),
    ],
)
def test_what_cannot_be_set_says_why_and_changes_nothing(name: str, value: object, says: str) -> None:
    house = _House(answer="the sensor hangs")
    with pytest.raises(ControlRefused, match=says):
        house.board.set_control("door", name, value)
    assert house.broker.states == []


def test_setting_before_cameras_can_be_reached_is_refused_at_once() -> None:
    house = _House()
    house.line.connected.clear()
    with pytest.raises(ControlRefused, match="door is offline"):
        house.board.set_control("door", "quality", value=20)


def test_camera_that_can_something_else_is_announced_anew_with_what_it_can() -> None:
    house = _House()
    house.board.desk.greeted("door", {"capabilities": ["flash"]})
    assert [set(camera.offer.controls) for camera in house.broker.cameras] == [
        {Control.DETECT, Control.CONFIDENCE, Control.FRAMESIZE, Control.QUALITY, Control.RESTART},
        {Control.DETECT, Control.CONFIDENCE, Control.FLASH},
    ]


def test_page_is_told_what_can_be_set_to_what_and_what_it_is_set_to() -> None:
    house = _House()
    house.board.set_control("door", "quality", value=20)
    told = house.board.controls("door")
    assert told["values"] == {"detect": True, "confidence": 0.25, "quality": 20}
    assert set(told["offers"]) == {"detect", "framesize", "quality", "confidence", "restart"}
    assert told["framesizes"] == ["QVGA", "VGA"]
    assert told["ranges"]["quality"] == {"min": 4, "max": 63, "step": 1}
    assert "flash" not in told["ranges"]
    assert house.board.controls("nobody")["values"] == {}
    assert Offer().controls == tuple(Control(name) for name in house.board.controls("nobody")["offers"])
