from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from bridge.adoption.adopted import SECTION, adopted_from_json, tidy_name
from bridge.adoption.desk import AdoptionDesk
from bridge.errors import AdoptionRefused
from bridge.model import Guest
from bridge.runtime.clock import ManualClock
from bridge.runtime.statefile import StateFile

KEY, OTHER_KEY = "ab" * 32, "cd" * 32


@dataclass
class Household:
    told: list[tuple[str, str]] = field(default_factory=list)
    immovable: str = ""

    def move_in(self, camera_id: str) -> None:
        self.told.append(("in", camera_id))

    def move_out(self, camera_id: str) -> None:
        self.told.append(("out", camera_id))

    def strike(self, camera_id: str) -> None:
        if self.immovable:
            raise AdoptionRefused(self.immovable)
        self.told.append(("strike", camera_id))


@dataclass
class House:
    memory: StateFile = field(default_factory=lambda: StateFile(None))
    household: Household = field(default_factory=Household)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.desk = self.again()

    def again(self) -> AdoptionDesk:
        """As after a restart of the bridge."""
        return AdoptionDesk(memory=self.memory, household=self.household, clock=self.clock)

    def comes(self, camera_id: str = "porch", key: str = KEY, **more: object) -> None:
        self.desk.came(Guest(camera_id, key, "192.0.2.7", **more))  # type: ignore[arg-type]


def test_an_approved_camera_is_bound_to_its_key_and_moves_in_for_good() -> None:
    house = House()
    house.comes(hello={"board": "ai-thinker", "version": "1.0.0"}, jpeg=b"picture")
    (shown,) = house.desk.waiting()
    assert (shown["id"], shown["board"], shown["version"], shown["has_key"]) == ("porch", "ai-thinker", "1.0.0", True)
    assert house.desk.picture("porch") == b"picture"
    assert house.desk.count() == 1
    assert house.desk.adopted() == {}

    assert house.desk.approve("porch", " Front\n porch ") == {
        "id": "porch",
        "name": "Front porch",
        "bound_to_key": True,
    }
    assert house.household.told == [("in", "porch")]
    assert house.desk.waiting() == []
    for desk in (house.desk, house.again()):
        assert desk.adopted() == {"porch": KEY}
        assert desk.names() == {"porch": "Front porch"}


def test_another_key_waits_and_takes_over_only_when_it_is_approved() -> None:
    house = House()
    house.comes()
    house.desk.approve("porch", "Porch")
    house.comes(key=OTHER_KEY, known=True)
    assert house.desk.waiting()[0]["another_key"] is True
    assert house.desk.adopted() == {"porch": KEY}
    assert house.desk.approve("porch")["name"] == "Porch"  # it keeps its name
    assert house.desk.adopted() == {"porch": OTHER_KEY}


def test_a_camera_without_a_key_is_approved_by_its_name_alone_and_that_is_said() -> None:
    house = House()
    house.comes(key="")
    assert house.desk.waiting()[0]["has_key"] is False
    assert house.desk.approve("porch")["bound_to_key"] is False
    assert house.desk.adopted() == {"porch": ""}


def test_two_boards_under_one_name_are_not_told_apart_by_guessing() -> None:
    house = House()
    house.comes()
    house.comes(key=OTHER_KEY)
    with pytest.raises(AdoptionRefused, match="2 boards call themselves porch"):
        house.desk.approve("porch")
    assert house.desk.adopted() == {}


def test_nobody_who_does_not_wait_is_approved_or_dismissed() -> None:
    house = House()
    with pytest.raises(AdoptionRefused, match="nobody waits as porch"):
        house.desk.approve("porch")
    with pytest.raises(AdoptionRefused, match="nobody waits as porch"):
        house.desk.dismiss("porch")
    house.comes()
    house.clock.advance(301)
    with pytest.raises(AdoptionRefused, match="nobody waits as porch"):
        house.desk.approve("porch")
    assert house.household.told == []


def test_a_dismissed_camera_is_gone_until_it_comes_again() -> None:
    house = House()
    house.comes()
    house.desk.dismiss("porch")
    assert house.desk.count() == 0
    house.comes()
    assert house.desk.count() == 1


def test_a_removed_camera_is_no_longer_kept() -> None:
    house = House()
    house.comes()
    house.desk.approve("porch")
    house.desk.remove("porch")
    assert house.household.told == [("in", "porch"), ("strike", "porch"), ("out", "porch")]
    assert house.desk.adopted() == house.again().adopted() == {}
    with pytest.raises(AdoptionRefused, match="take it out of the configuration"):
        house.desk.remove("porch")


def test_a_camera_that_cannot_be_taken_out_of_the_configuration_keeps_its_key() -> None:
    house = House()
    house.comes()
    house.desk.approve("porch")
    kept = dict(house.desk.adopted())
    house.household.immovable = "porch is in the configuration as well: read-only file system"
    with pytest.raises(AdoptionRefused, match="read-only"):
        house.desk.remove("porch")
    assert house.desk.adopted() == house.again().adopted() == kept != {}


def test_the_default_camera_is_kept_once_and_never_instead_of_a_key() -> None:
    house = House()
    house.desk.keep("camera")
    assert house.desk.adopted() == {"camera": ""}
    house.comes("porch")
    house.desk.approve("porch")
    house.desk.keep("porch")
    assert house.desk.adopted() == {"camera": "", "porch": KEY}


@pytest.mark.parametrize(
    "kept",
    [
        None,
        5,
        {},
        {"key_sha256": 5},
        {"key_sha256": "short"},
        {"key_sha256": KEY, "name": 7},
        {"key_sha256": KEY.upper()},
    ],
)
def test_what_somebody_broke_in_the_file_lets_nobody_in(kept: object) -> None:
    assert adopted_from_json(kept) is None
    memory = StateFile(None)
    memory.put(SECTION, "porch", kept)
    assert House(memory).desk.adopted() == {}


def test_a_name_is_one_line_of_printable_characters() -> None:
    assert tidy_name("a\x00b\u202e" + "x" * 100) == "a b " + "x" * 60
