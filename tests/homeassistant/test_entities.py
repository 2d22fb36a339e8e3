"""Every entity that the bridge tells of is in Home Assistant: with its id, its device, its category and its state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.homeassistant.harness.drawn import Somebody
from tests.homeassistant.harness.house import OFFLINE_AFTER_S, wait_until
from tests.homeassistant.harness.truth import components

if TYPE_CHECKING:
    from tests.homeassistant.harness.house import House
    from tests.homeassistant.harness.truth import Component

# The first test of a session waits until Home Assistant is up.
pytestmark = [pytest.mark.homeassistant, pytest.mark.timeout(180)]


def announced(house: House) -> list[Component]:
    return list(components([message["payload"] for message in house.bridge.discovery()]))


def test_home_assistant_has_exactly_the_entities_that_the_discovery_command_prints(house: House) -> None:
    devices = {device_id: device["identifiers"] for device_id, device in house.home.devices().items()}
    there = {
        (
            entity["unique_id"],
            entity["entity_id"],
            entity["entity_category"],
            tuple(tuple(identifier) for identifier in devices[entity["device_id"]]),
        )
        for entity in house.home.entities()
    }
    assert there == {
        (one.unique_id, one.entity_id, one.config.get("entity_category"), (("mqtt", one.device),))
        for one in announced(house)
    }


def test_every_camera_is_a_device_reached_through_the_bridge(house: House) -> None:
    devices = {device["identifiers"][0][1]: device for device in house.home.devices().values() if device["identifiers"]}
    bridge = devices["espcam-bridge"]
    for message in house.bridge.discovery():
        told = message["payload"]["dev"]
        device = devices[told["ids"][0]]
        assert (device["name"], device["model"]) == (told["name"], told["mdl"])
        assert device["configuration_url"] == told["configuration_url"]
        assert device["via_device_id"] == (bridge["id"] if "via_device" in told else None)


def test_every_entity_has_the_state_that_the_broker_keeps(house: House) -> None:
    house.settle(10)
    # Of visitors there may be nothing to tell yet; a button is unknown until it is pressed.
    ours = {one.entity_id for one in announced(house) if one.platform not in ("event", "image", "button")}

    def unknown() -> set[str]:
        return ours.intersection(id_ for id_, known in house.home.states().items() if known["state"] == "unknown")

    wait_until(lambda: not unknown(), 25, "every figure, such as the first inference time, is told within two rounds")


def test_somebody_there_is_on_counted_and_in_the_right_zone_only(house: House) -> None:
    home, porch = house.home, house.cameras["porch"]
    porch.show(Somebody("person", "left"), Somebody("dog", "right"))
    for entity_id in ("porch_person", "porch_zone_steps_person", "porch_dog", "porch_zone_gate_dog"):
        home.wait_for(f"binary_sensor.{entity_id}", "on")
    assert home.state("binary_sensor.porch_zone_gate_person") == "off"
    assert home.state("binary_sensor.yard_person") == "off"
    home.wait_for("sensor.porch_person_count", "1")
    house.settle(10)
    porch.show()
    for entity_id in ("porch_person", "porch_zone_steps_person", "porch_dog", "porch_zone_gate_dog"):
        home.wait_for(f"binary_sensor.{entity_id}", "off")
    home.wait_for("sensor.porch_person_count", "0")


def test_pictures_that_home_assistant_serves_are_the_brokers_byte_for_byte(house: House) -> None:
    house.visit()
    pictures = {
        "camera.porch_snapshot": "espcam/porch/snapshot",
        "image.porch_person_thumbnail": "espcam/porch/person/thumbnail",
        "camera.yard_snapshot": "espcam/yard/snapshot",
    }
    for entity_id, topic in pictures.items():

        def same(entity_id: str = entity_id, topic: str = topic) -> bool:
            answer = house.home.picture(entity_id)
            assert (answer.status, answer.content_type) == (200, "image/jpeg")
            assert answer.body.startswith(b"\xff\xd8")
            return answer.body == house.retained()[topic]

        wait_until(same, 10, f"{entity_id} is {topic}")


def test_event_entity_tells_who_it_was(house: House) -> None:
    listener = house.listen("espcam/porch/detected")
    house.visit("porch", Somebody("dog", "right"))
    told = listener.wait_for("espcam/porch/detected").json()
    listener.close()
    known = house.home.attributes("event.porch_detected")
    assert known["event_type"] == "dog"
    assert known["event_types"] == ["person", "dog"]
    assert {key: known[key] for key in ("id", "score", "zones")} == {key: told[key] for key in ("id", "score", "zones")}


def test_camera_that_falls_silent_is_unavailable_alone_and_comes_back(house: House) -> None:
    yard = house.cameras["yard"]
    yard.stop()
    house.home.wait_for("binary_sensor.yard_motion", "unavailable", OFFLINE_AFTER_S + 5)
    assert house.home.state("binary_sensor.porch_motion") != "unavailable"
    assert house.wrong() == {}
    yard.start()
    house.home.wait_for("binary_sensor.yard_motion", lambda state: state in ("on", "off"))
    house.settle(10)
