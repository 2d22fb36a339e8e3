"""What people build on it: an automation runs once a visit, whichever of our entities or topics it waits for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.homeassistant.harness.drawn import Somebody
from tests.homeassistant.harness.house import wait_until

if TYPE_CHECKING:
    from tests.homeassistant.harness.house import House
    from tests.homeassistant.harness.report import Report

pytestmark = [pytest.mark.homeassistant, pytest.mark.timeout(180)]

VISITS = 3


def test_each_automation_runs_exactly_once_a_visit(house: House, report: Report) -> None:
    began_unix_s = time.time()
    listener = house.listen("espcam/porch/events")
    for number in range(VISITS):
        house.visit("porch", Somebody("person", ("left", "middle", "right")[number % 3]))
    ids = [heard.json()["id"] for heard in listener.on("espcam/porch/events") if heard.json()["type"] == "new"]
    listener.close()
    assert len(ids) == VISITS
    time.sleep(1)  # for what must not come
    runs = {name: house.home.runs(name, began_unix_s) for name in ("mqtt", "event", "occupancy")}
    report.visits, report.runs = VISITS, {name: len(found) for name, found in runs.items()}
    assert [run.detail for run in runs["mqtt"]] == ids
    assert [run.detail for run in runs["event"]] == ids
    assert len(runs["occupancy"]) == VISITS


def test_picture_of_a_visit_is_there_when_the_automation_runs(house: House) -> None:
    before = house.home.state("image.porch_person_thumbnail")
    house.visit()
    wait_until(lambda: house.home.state("image.porch_person_thumbnail") != before, 5, "a new picture")
