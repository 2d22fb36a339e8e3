"""What people build on it: an automation runs once a visit, whichever of our entities or topics it waits for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.homeassistant.harness.drawn import Somebody
from tests.homeassistant.harness.house import wait_until

if TYPE_CHECKING:
    from tests.homeassistant.harness.house import House

pytestmark = [pytest.mark.homeassistant, pytest.mark.timeout(180)]

VISITS = 3


def test_each_automation_runs_exactly_once_a_visit(house: House) -> None:
    began_unix_s = time.time()
    listener = house.listen("espcam/porch/events")
    for number in range(VISITS):
        house.visit("porch", Somebody("person", ("left", "middle", "right")[number % 3]))
    ids = [heard.json()["id"] for heard in listener.on("espcam/porch/events") if heard.json()["type"] == "new"]
    listener.close()
    assert len(ids) == VISITS
    time.sleep(1)  # for what must not come
    assert [run.detail for run in house.home.runs("mqtt", began_unix_s)] == ids
    assert [run.detail for run in house.home.runs("event", began_unix_s)] == ids
    assert len(house.home.runs("occupancy", began_unix_s)) == VISITS


def test_picture_of_a_visit_is_there_when_the_automation_runs(house: House) -> None:
    before = house.home.state("image.porch_person_thumbnail")
    house.visit()
    wait_until(lambda: house.home.state("image.porch_person_thumbnail") != before, 5, "a new picture")
