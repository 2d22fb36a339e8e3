"""What leaves the configuration leaves Home Assistant, and nothing else does; in whatever form it is announced."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.homeassistant.harness.house import wait_until
from tests.homeassistant.harness.workshop import (
    AGAIN_S,
    ATTIC,
    DRIVE,
    SHED,
    back_again,
    registry,
    take_up,
    timed,
    wait_for_entities,
)

if TYPE_CHECKING:
    from tests.homeassistant.harness.house import House

pytestmark = [pytest.mark.homeassistant, pytest.mark.timeout(180)]

SMALLER_DRIVE = {**DRIVE, "labels": ["person"], "zones": {"steps": DRIVE["zones"]["steps"]}}
SMALLER = {"cameras": [SMALLER_DRIVE, ATTIC]}
GONE = {
    "binary_sensor.drive_dog",
    "sensor.drive_dog_count",
    "image.drive_dog_thumbnail",
    "binary_sensor.drive_zone_gate_person",
}
GONE_TOPICS = (
    "espcam/drive/dog",
    "espcam/drive/zones/gate/",
    "espcam/shed/",
    "homeassistant/device/espcam-bridge_shed/",
)

# What Home Assistant says of a device's topic that is emptied after it has let go of the device, whatever comes next.
EMPTIED = "No device components to cleanup for {}, node_id 'None'"


def kept(house: House) -> dict[str, Any]:
    """What Home Assistant's registry has of each entity, but for what it notes of the last change."""
    return {
        entity_id: {key: value for key, value in entity.items() if key != "modified_at"}
        for entity_id, entity in registry(house).items()
    }


def without_gone(entities: dict[str, Any]) -> dict[str, Any]:
    shed = {entity_id for entity_id in entities if entity_id.partition(".")[2].startswith("shed_")}
    return {entity_id: entity for entity_id, entity in entities.items() if entity_id not in GONE | shed}


def is_smaller(house: House, before: dict[str, Any]) -> None:
    """What is gone from the configuration is gone everywhere, and nothing else changed."""
    wait_for_entities(house, set(without_gone(before)))
    assert kept(house) == without_gone(before)
    assert "Shed" not in {device["name"] for device in house.home.devices().values()}

    def left() -> list[str]:
        return [topic for topic, payload in house.retained().items() if payload and topic.startswith(GONE_TOPICS)]

    wait_until(lambda: not left(), AGAIN_S, f"still retained: {left()}")
    back_again(house)


def test_what_left_the_configuration_while_the_bridge_was_off_or_by_reload_is_gone_and_nothing_else(
    workshop: House,
) -> None:
    back_again(workshop, "shed")
    before = kept(workshop)
    workshop.bridge.stop()
    workshop.bridge.configure({**workshop.settings, **SMALLER})
    workshop.bridge.start()
    is_smaller(workshop, before)

    take_up(workshop, {})
    wait_for_entities(workshop, set(before))
    back_again(workshop, "shed")

    before = kept(workshop)
    take_up(workshop, SMALLER)
    is_smaller(workshop, before)

    take_up(workshop, {})
    wait_for_entities(workshop, set(before))
    back_again(workshop, "shed")


def test_without_discovery_all_devices_go_and_with_it_they_come_back(workshop: House) -> None:
    before = set(registry(workshop))
    take_up(workshop, {"homeassistant": {"discovery": False}})
    wait_for_entities(workshop, set())
    assert [topic for topic in workshop.retained() if topic.startswith("homeassistant/")] == []
    assert workshop.retained()["espcam/bridge/state"] == b"online"

    workshop.bridge.stop()
    workshop.bridge.configure(workshop.settings)
    workshop.bridge.start()
    wait_for_entities(workshop, before)
    back_again(workshop)


def test_renamed_camera_keeps_its_entities(workshop: House) -> None:
    before = {entity_id: entity["id"] for entity_id, entity in registry(workshop).items()}

    def named(name: str) -> bool:
        return name in {device["name"] for device in workshop.home.devices().values()}

    take_up(workshop, {"cameras": [{**DRIVE, "name": "Long drive"}, SHED, ATTIC]})
    wait_until(lambda: named("Long drive"), AGAIN_S, "the device has its new name")
    back_again(workshop)
    assert {entity_id: entity["id"] for entity_id, entity in registry(workshop).items()} == before
    take_up(workshop, {})
    wait_until(lambda: named("Drive"), AGAIN_S, "the device has its old name")
    back_again(workshop)


def test_another_form_of_discovery_keeps_entities_and_what_users_made_of_them(shared_workshop: House) -> None:
    workshop, home, mine, began_unix_s = (
        shared_workshop,
        shared_workshop.home,
        "binary_sensor.drive_person",
        time.time(),
    )
    home.ask("config/entity_registry/update", entity_id=mine, name="Somebody is coming")
    before = kept(workshop)
    for form in ("single", "device"):
        take_up(workshop, {"homeassistant": {"discovery_format": form}})
        wait_until(lambda form=form: announced_as(workshop) == {form}, AGAIN_S, f"all is announced in the form {form}")
        wait_until(lambda: unavailable(workshop) == set(), AGAIN_S, "all is there again")
        assert kept(workshop) == before
        assert timed(workshop, "switch.turn_off", "switch.drive_detect", "off") < 2
        assert timed(workshop, "switch.turn_on", "switch.drive_detect", "on") < 2
    back_again(workshop)
    assert home.attributes(mine)["friendly_name"].endswith("Somebody is coming")
    home.ask("config/entity_registry/update", entity_id=mine, name=None)
    warnings = [record.text for record in home.problems("mqtt", began_unix_s)]
    nodes = ("espcam-bridge", *(f"espcam-bridge_{camera['id']}" for camera in workshop.settings["cameras"]))
    assert sorted(warnings) == sorted(EMPTIED.format(node) for node in nodes), "one a device, whose topic is emptied"


def announced_as(house: House) -> set[str]:
    """The forms in which the broker has announcements."""
    levels = [topic.split("/") for topic, payload in house.retained().items() if payload]
    return {
        "device" if level[1] == "device" else "single"
        for level in levels
        if level[0] == "homeassistant" and level[-1] == "config"
    }


def unavailable(house: House) -> set[str]:
    states = house.home.states()
    return {
        entity_id
        for entity_id in registry(house)
        if states.get(entity_id, {"state": "unavailable"})["state"] == "unavailable"
    }
