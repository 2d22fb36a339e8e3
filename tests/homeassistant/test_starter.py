"""The model in the box finds a person, and Home Assistant shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.demo.footage import FPS, demo_sources
from tests.homeassistant.harness.house import CAMERAS, House

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.homeassistant, pytest.mark.timeout(240)]

ABSENT_S, THERE_S = 0.5, 9.0  # in the demo's first walk


def test_the_model_in_the_box_tells_home_assistant_of_a_person(home_assistant_is_there: None, tmp_path: Path) -> None:  # noqa: ARG001
    (film,) = demo_sources(1)
    room, with_her = film.read(int(ABSENT_S * FPS)), film.read(int(THERE_S * FPS))
    assert room is not None
    assert with_her is not None
    with House(tmp_path, bridge={"detector": {"model": "starter"}, "cameras": CAMERAS[:1]}) as house:
        porch = house.cameras["porch"]
        porch.show_picture(room)
        house.home.wait_for("binary_sensor.porch_person", "off")
        porch.show_picture(with_her)
        house.home.wait_for("binary_sensor.porch_person", "on")
        house.home.wait_for("sensor.porch_person_count", "1")
        porch.show_picture(room)
        house.home.wait_for("binary_sensor.porch_person", "off")
        told = house.home.states()["event.porch_detected"]
        assert told["attributes"]["event_type"] == "person"
        assert house.wrong() == {}
