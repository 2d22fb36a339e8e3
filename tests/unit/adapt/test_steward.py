from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.adapt.ports import AdaptPlan
from bridge.adapt.steward import ACTIVE_FOR_S, Steward
from bridge.controls.desk import ControlDesk
from bridge.controls.fake import FakeAudience, FakeLine, FakeLoop
from bridge.model import Adaptation, CameraState, CameraStatus, Control
from bridge.runtime.clock import ManualClock
from bridge.runtime.memory import ShortMemory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.model import ControlValue

WANTED: dict[Control, ControlValue] = {Control.DETECT: True, Control.CONFIDENCE: 0.25, Control.MAX_FPS: 15.0}
OWN: dict[str, ControlValue] = {"framesize": "SVGA", "quality": 12, "max_fps": 15.0, "flash": 0}
HELLO = {
    "v": 1,
    "framesizes": ["QVGA", "VGA", "SVGA"],
    "capabilities": ["framesize", "quality", "max_fps", "flash"],
}


@dataclass
class FakeCameras:
    """How the one camera is; set by hand."""

    now: CameraStatus = field(
        default_factory=lambda: CameraStatus("door", "", CameraState.ONLINE, fps=15.0, frame_age_ms=50.0)
    )
    told: list[Adaptation] = field(default_factory=list)

    def statuses(self) -> tuple[CameraStatus, ...]:
        return (self.now,)

    def note_adaptation(self, camera_id: str, adaptation: Adaptation) -> None:
        assert camera_id == "door"
        self.told.append(adaptation)


class House:
    """A steward, the real desk, and a camera ``door`` that does as it is told, at once."""

    def __init__(self, plan: AdaptPlan | None = None, memory: ShortMemory | None = None) -> None:
        self.clock = ManualClock()
        self.memory = memory or ShortMemory()
        self.line = FakeLine({"door"})
        self.refuses = ""
        self.desk = ControlDesk(
            line=self.line, apply=FakeLoop(), audience=FakeAudience(), memory=self.memory, clock=self.clock
        )
        self.cameras = FakeCameras()
        self.steward = Steward(cameras=self.cameras, steering=self.desk, memory=self.memory, clock=self.clock)
        self.desk.add_camera("door", WANTED)
        self.steward.add_camera("door", plan or AdaptPlan())
        self.own = dict(OWN)
        self.line.on_send = self._obey
        self.come()

    def come(self) -> None:
        """The camera connects."""
        self.desk.greeted("door", HELLO)
        self.own.update(self.desk.welcome_values("door"))
        self.desk.told_state("door", self.own)

    def _obey(self, camera_id: str, number: int) -> None:
        if not self.refuses:
            self.own.update(self.line.sent[-1][2])
        self.desk.acknowledged(camera_id, number, self.refuses)
        self.desk.told_state(camera_id, self.own)

    def run(self, seconds: int, *, busy: bool = False, bad: int = 0, **now: Any) -> Mapping[str, ControlValue]:  # noqa: ANN401
        """So long, on a link that is busy all the time, or damages so many of ten; what the camera is set to then."""
        for _ in range(seconds):
            self.clock.advance(1)
            status = self.cameras.now
            rejected = {"truncated": status.rejected.get("truncated", 0) + bad}
            self.cameras.now = replace(status, received=status.received + 10, rejected=rejected, **now)
            if busy:  # a report each second, none like the one before
                self.cameras.now = replace(self.cameras.now, telemetry={"send_ms": 200 + self.clock.mono_s() % 7})
            self.steward.tick()
        return dict(self.own)

    def user_sets(self, control: Control, value: ControlValue) -> None:
        """A user sets something, and it works."""
        problems: list[str] = []
        self.desk.request("door", control, value, problems.append)
        assert problems == [""]


def test_a_camera_with_a_good_link_is_left_alone() -> None:
    house = House()
    assert house.run(300) == OWN
    assert house.line.sent == []
    assert house.cameras.told[-1] == Adaptation(0, 8, "", "SVGA, quality 12, 15 fps")


def test_a_bad_link_lowers_it_step_by_step_and_a_good_one_raises_it_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="bridge.adapt")
    house = House()
    assert house.run(10, busy=True)["quality"] == 18
    assert house.cameras.told[-1].level == 1
    assert "ms to send" in house.cameras.told[-1].reason
    assert house.run(60, busy=True) == {**OWN, "quality": 26, "framesize": "VGA", "max_fps": 5.0}
    house.run(900)
    assert house.own == OWN
    assert house.cameras.told[-1] == Adaptation(0, 8, "", "SVGA, quality 12, 15 fps")
    assert re.fullmatch(
        r"door: sends less, SVGA, quality 18, 15 fps: a picture takes 20\d ms to send \(step 1 of 8\)",
        caplog.messages[0],
    )
    assert caplog.messages[-1] == "door: sends more again, SVGA, quality 12, 15 fps (step 0 of 8)"


def test_nothing_that_is_set_here_is_taken_for_a_wish() -> None:
    house = House()
    house.run(60, busy=True)
    assert house.desk.wishes("door").values == {Control.MAX_FPS: 15.0}
    assert house.memory.section("controls") == {}


def test_what_a_user_sets_is_in_force_at_once_and_tried_first() -> None:
    house = House()
    house.run(60, busy=True)
    house.user_sets(Control.QUALITY, 10)
    assert house.own["quality"] == 10
    house.run(2)
    assert house.own == {**OWN, "quality": 10}
    house.run(20, busy=True)
    assert house.own["quality"] == 16, "and lowered from there"
    house.run(900)
    assert house.own["quality"] == 10


def test_a_camera_that_comes_again_is_welcomed_with_what_its_link_carries() -> None:
    house = House()
    house.run(60, busy=True)
    lower = dict(house.own)
    house.own = dict(OWN)
    house.come()
    assert house.own == lower


def test_a_restart_of_the_bridge_does_not_take_the_lower_setting_for_what_was_wanted() -> None:
    house = House()
    house.run(60, busy=True)
    again = House(memory=house.memory)
    again.own = dict(house.own)
    again.come()
    assert again.run(5) == house.own
    assert again.cameras.told[-1].level == house.cameras.told[-1].level
    again.run(3000)
    assert again.own == OWN
    assert again.memory.section("adapt") == {}


def test_switched_off_it_sets_back_what_it_lowered_and_does_nothing_more() -> None:
    house = House()
    house.run(60, busy=True)
    off = House(AdaptPlan(enabled=False), house.memory)
    off.own = dict(house.own)
    off.come()
    assert off.run(5, busy=True) == OWN
    assert off.memory.section("adapt") == {}
    sent = len(off.line.sent)
    assert off.run(300, busy=True) == OWN
    assert len(off.line.sent) == sent
    never = House(AdaptPlan(enabled=False))
    never.run(300, busy=True)
    assert never.line.sent == []
    assert never.cameras.told == []


def test_while_nothing_happens_the_rate_is_that_of_idleness() -> None:
    house = House(AdaptPlan(idle_fps=2.0))
    house.run(1)
    assert house.run(int(ACTIVE_FOR_S) + 2)["max_fps"] == 2.0
    for happens in ({"motion": True}, {"eventful": True}, {"viewers": 1}):
        assert house.run(1, **happens)["max_fps"] == 15.0
        quiet = dict.fromkeys(happens, 0)
        assert house.run(int(ACTIVE_FOR_S) - 1, **quiet)["max_fps"] == 15.0
        assert house.run(3, **quiet)["max_fps"] == 2.0


def test_an_open_event_gets_the_detectors_rate_whatever_the_link() -> None:
    house = House()
    assert house.run(200, busy=True)["max_fps"] == 1.0
    assert house.run(2, busy=True, eventful=True)["max_fps"] == 5.0
    assert house.run(2, busy=True, eventful=False)["max_fps"] == 1.0


def test_a_camera_that_refuses_is_asked_ever_more_seldom(caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    house.refuses = "busy"
    house.run(400, busy=True)
    early = len(house.line.sent)
    house.run(400, busy=True)
    assert 0 < len(house.line.sent) - early <= 2 * len(house.own), "three controls at most, each once or twice"
    assert "quality was not adapted to 26: door refused: busy" in caplog.text


def test_a_camera_that_is_away_or_takes_no_settings_is_left_alone() -> None:
    house = House()
    house.run(100, busy=True, state=CameraState.OFFLINE)
    assert house.line.sent == []
    sketch = House()
    sketch.desk.greeted("door", {})
    sketch.run(100, busy=True)
    assert sketch.line.sent == []


def test_the_lamp_helps_at_night_and_leaves_what_it_found() -> None:
    house = House(AdaptPlan(flash_at_night=200))
    house.run(5, brightness=20.0)
    assert house.run(2, motion=True)["flash"] == 200
    assert house.run(60, brightness=90.0, eventful=True)["flash"] == 200
    assert house.run(30, eventful=False, motion=False)["flash"] == 0
    assert house.desk.wishes("door").asked == {}


def test_who_switches_the_lamp_has_it() -> None:
    house = House(AdaptPlan(flash_at_night=200))
    house.run(5, brightness=20.0)
    house.run(2, motion=True)
    house.user_sets(Control.FLASH, 0)
    assert house.run(100, motion=True, eventful=True)["flash"] == 0
    house.user_sets(Control.FLASH, 90)
    assert house.run(100, motion=True, eventful=True)["flash"] == 90


def test_by_default_the_lamp_is_never_touched() -> None:
    house = House()
    house.run(100, brightness=5.0, motion=True, eventful=True)
    assert all("flash" not in sent for _, _, sent in house.line.sent)


@pytest.mark.parametrize(
    "kept", [7, {}, {"level": "2"}, {"level": -3}, {"level": 99}, {"level": True, "quality": "x"}, {"quality": 1.5}]
)
def test_a_memory_that_somebody_edited_is_no_trouble(kept: object) -> None:
    memory = ShortMemory()
    memory.put("adapt", "door", kept)
    house = House(memory=memory)
    house.run(5000)
    assert house.own == OWN


def test_a_removed_camera_is_forgotten() -> None:
    house = House()
    house.run(60, busy=True)
    house.steward.forget("door")
    assert house.memory.section("adapt") == {}
    sent = len(house.line.sent)
    house.run(60, busy=True)
    assert len(house.line.sent) == sent


def test_what_sending_less_does_not_help_is_taken_back_and_said(caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    house.run(50, bad=1)
    assert house.own != OWN
    house.run(60, bad=1)
    assert house.own == OWN
    assert caplog.messages[-1] == "door: sending less did not help; see its sensor's cable and its supply"
    assert house.run(600, bad=1) == OWN
