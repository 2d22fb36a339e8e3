from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from bridge.errors import UpdateRefused
from bridge.model import UpdateStatus, UpdateStep
from bridge.runtime.clock import ManualClock
from bridge.runtime.memory import ShortMemory
from bridge.updates.course import SILENCE_S
from bridge.updates.desk import LOOK_EVERY_S, UpdateDesk
from bridge.updates.fake import FakeUpdateAudience, FakeUpdateLine
from bridge.updates.library import ImageLibrary
from tests.firmware_image import app_image

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.model import UpdateOrder

NEW = app_image("ai-thinker", "1.1.0")


def hello(version: str = "1.0.0", *capabilities: str, board: str = "ai-thinker") -> dict[str, object]:
    return {"v": 1, "board": board, "version": version, "capabilities": ["ecf1", *(capabilities or ("update",))]}


@dataclass
class House:
    """A desk with everything around it; ``front`` is a camera that is connected."""

    folder: Path
    memory: ShortMemory = field(default_factory=ShortMemory)
    line: FakeUpdateLine = field(default_factory=lambda: FakeUpdateLine({"front"}))
    audience: FakeUpdateAudience = field(default_factory=FakeUpdateAudience)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.desk = UpdateDesk(
            library=ImageLibrary(self.folder),
            line=self.line,
            audience=self.audience,
            memory=self.memory,
            numbers=itertools.count(7),
            clock=self.clock,
        )

    def look(self) -> None:
        """Let the desk look into the folder, twice."""
        for _ in range(2):
            self.desk.tick()
            self.clock.advance(LOOK_EVERY_S)
        self.desk.tick()

    def ordered(self) -> UpdateOrder:
        """The last order."""
        return self.line.orders[-1][2]


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A bridge with version 1.1.0 for a camera that runs 1.0.0."""
    (tmp_path / "new.bin").write_bytes(NEW)
    made = House(tmp_path)
    made.look()
    made.desk.greeted("front", hello())
    return made


def test_a_camera_is_offered_what_is_newer_for_its_board(house: House) -> None:
    assert house.audience.heard == [("front", UpdateStatus("1.0.0", "1.1.0"))]
    house.desk.greeted("eye", hello(board="esp-eye"))
    assert house.desk.status("eye") == UpdateStatus("1.0.0", "1.0.0")
    house.desk.greeted("ahead", hello("1.2.0"))
    assert house.desk.status("ahead") == UpdateStatus("1.2.0", "1.2.0")


def test_an_image_that_comes_later_is_offered_by_itself(house: House) -> None:
    (house.folder / "newer.bin").write_bytes(app_image("ai-thinker", "1.2.0"))
    house.look()
    assert house.audience.heard[-1] == ("front", UpdateStatus("1.0.0", "1.2.0"))


def test_an_update_is_ordered_loaded_and_over_when_the_camera_is_back(house: House) -> None:
    house.desk.install("front")
    order = house.ordered()
    assert house.line.orders == [("front", 7, order)]
    assert (order.version, order.size_bytes, order.sha256) == ("1.1.0", len(NEW), hashlib.sha256(NEW).hexdigest())
    assert house.desk.image(order.ticket) == NEW
    house.desk.progressed("front", 7, len(NEW) // 2 + 1, len(NEW))
    house.desk.acknowledged("front", 7, "")
    house.desk.left("front")
    house.desk.greeted("front", hello("1.1.0"))
    assert [status for _, status in house.audience.heard[1:]] == [
        UpdateStatus("1.0.0", "1.1.0", UpdateStep.LOADING, 0),
        UpdateStatus("1.0.0", "1.1.0", UpdateStep.LOADING, 50),
        UpdateStatus("1.0.0", "1.1.0", UpdateStep.RESTARTING, 100),
        UpdateStatus("1.1.0", "1.1.0"),
    ]
    assert house.desk.image(order.ticket) is None, "the ticket is good for this one update"


@pytest.mark.parametrize("how", ["refused", "silent", "rolled back"])
def test_a_failed_update_is_told_with_its_reason_and_may_be_tried_again(house: House, how: str) -> None:
    house.desk.install("front")
    ticket = house.ordered().ticket
    if how == "refused":
        house.desk.acknowledged("front", 7, "the flash cannot be written")
    elif how == "silent":
        house.clock.advance(SILENCE_S)
        house.desk.tick()
    else:
        house.desk.acknowledged("front", 7, "")
        house.desk.left("front")
        house.desk.greeted("front", hello())
    status = house.desk.status("front")
    assert status is not None
    assert (status.installed, status.latest, status.step) == ("1.0.0", "1.1.0", UpdateStep.NONE)
    words = {"refused": "flash cannot", "silent": "said nothing for 90 s", "rolled back": "went back to 1.0.0"}
    assert words[how] in status.problem
    assert house.audience.heard[-1] == ("front", status)
    assert house.desk.image(ticket) is None
    house.desk.install("front")
    assert house.ordered().ticket != ticket
    assert house.audience.heard[-1] == ("front", UpdateStatus("1.0.0", "1.1.0", UpdateStep.LOADING))


def test_answers_to_other_commands_and_of_other_cameras_are_passed_over(house: House) -> None:
    house.line.connected.add("yard")
    house.desk.greeted("yard", hello())
    house.desk.install("front")
    before = house.desk.status("front")
    house.desk.acknowledged("front", 6, "no such size")
    house.desk.acknowledged("yard", 7, "")
    house.desk.progressed("yard", 7, 1, 2)
    house.desk.progressed("nobody", 7, 1, 2)
    assert house.desk.status("front") == before


def test_what_cannot_be_updated_says_why(house: House) -> None:
    house.desk.greeted("sketch", {})
    house.desk.greeted("deaf", hello("1.0.0", "quality"))
    for camera_id in ("sketch", "deaf", "nobody"):
        with pytest.raises(UpdateRefused, match=f"{camera_id} cannot be updated over the link"):
            house.desk.install(camera_id)
        assert house.desk.status(camera_id) is None
    house.desk.greeted("away", hello())
    with pytest.raises(UpdateRefused, match="away is offline"):
        house.desk.install("away")
    assert house.desk.status("away") == UpdateStatus("1.0.0", "1.1.0")
    house.desk.greeted("ahead", hello("1.1.0"))
    with pytest.raises(UpdateRefused, match=r"nothing newer than 1\.1\.0 for the board ai-thinker"):
        house.desk.install("ahead")
    house.desk.install("front")
    with pytest.raises(UpdateRefused, match=r"front is being updated to 1\.1\.0 already"):
        house.desk.install("front")
    (house.folder / "new.bin").unlink()
    house.desk.greeted("late", hello())
    with pytest.raises(UpdateRefused, match="cannot be read"):
        house.desk.install("late")


def test_what_ran_on_a_camera_is_known_before_it_is_back(house: House) -> None:
    again = House(house.folder, memory=house.memory)
    again.desk.add_camera("front")
    again.desk.add_camera("stranger")
    again.look()
    assert again.audience.heard == [
        ("front", UpdateStatus("1.0.0", "1.0.0")),
        ("front", UpdateStatus("1.0.0", "1.1.0")),
    ]
    again.desk.forget("front")
    assert again.desk.status("front") is None
    assert House(house.folder, memory=house.memory).memory.section("firmware") == {}


@pytest.mark.parametrize("kept", [7, {}, {"board": "x"}, {"board": 1, "version": "1"}, None])
def test_a_memory_that_somebody_edited_is_no_trouble(tmp_path: Path, kept: object) -> None:
    house = House(tmp_path)
    house.memory.put("firmware", "front", kept)
    house.desk.add_camera("front")
    assert house.audience.heard == []


def test_a_camera_whose_new_firmware_takes_no_updates_is_offered_none(house: House) -> None:
    house.desk.greeted("front", hello("5.0", "quality"))
    assert house.desk.status("front") is None
    assert house.memory.section("firmware") == {}
