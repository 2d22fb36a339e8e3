from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from bridge.controls.desk import ControlDesk
from bridge.controls.fake import FakeAudience, FakeLine, FakeLoop
from bridge.model import Control, ControlValue
from bridge.runtime.clock import ManualClock
from bridge.runtime.statefile import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIGURED: dict[Control, ControlValue] = {Control.DETECT: True, Control.CONFIDENCE: 0.25, Control.MAX_FPS: 10.0}


def hello(*without: str, **fields: object) -> dict[str, object]:
    """What a board says that can everything but ``without``."""
    capabilities = [name for name in ("restart", "framesize", "quality", "max_fps", "flash") if name not in without]
    names = ["QVGA", "VGA", "UXGA"]
    return {"v": 1, "firmware": "espcam", "version": "1.2", "framesizes": names, "capabilities": capabilities, **fields}


@dataclass
class House:
    """A desk with everything around it; ``front`` is a camera that is connected."""

    memory: StateFile = field(default_factory=lambda: StateFile(None))
    line: FakeLine = field(default_factory=lambda: FakeLine({"front"}))
    loop: FakeLoop = field(default_factory=FakeLoop)
    audience: FakeAudience = field(default_factory=FakeAudience)
    clock: ManualClock = field(default_factory=ManualClock)
    answers: dict[int, list[str]] = field(default_factory=dict)  # by request, in order

    def __post_init__(self) -> None:
        self.hello = hello
        self._requests = itertools.count(1)
        self.desk = ControlDesk(
            line=self.line, apply=self.loop, audience=self.audience, memory=self.memory, clock=self.clock
        )

    def restarted(self, configured: dict[Control, ControlValue] | None = None) -> House:
        """The same house after a restart of the bridge: only the memory is left."""
        house = House(memory=self.memory)
        house.desk.add_camera("front", CONFIGURED if configured is None else configured)
        return house

    def ask(self, control: Control, value: object, camera_id: str = "front") -> int:
        """Make a request; its number is the key in ``answers``."""
        number = next(self._requests)
        self.desk.request(camera_id, control, value, self.note(number))
        return number

    def note(self, number: int) -> Callable[[str], None]:
        def done(error: str) -> None:
            self.answers.setdefault(number, []).append(error)

        return done

    def acknowledge(self, error: str = "", camera_id: str = "front") -> None:
        """Let the camera answer the newest command."""
        self.desk.acknowledged(camera_id, self.line.sent[-1][1], error)

    @property
    def told(self) -> list[tuple[Control, ControlValue]]:
        """The values told of ``front`` since it was last asked."""
        told = [(control, value) for camera_id, control, value in self.audience.states if camera_id == "front"]
        self.audience.states.clear()
        return told


@pytest.fixture
def new_house() -> type[House]:
    return House


@pytest.fixture
def house() -> House:
    house = House()
    house.desk.add_camera("front", CONFIGURED)
    house.desk.greeted("front", hello())
    house.audience.states.clear()
    house.audience.offers.clear()
    return house
