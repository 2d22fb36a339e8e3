"""What is set in Home Assistant reaches the camera, or the bridge, and shows when it took effect; and stays set."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
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
    from tests.homeassistant.harness.report import Report

# The first test of a session waits until Home Assistant is up.
pytestmark = [pytest.mark.homeassistant, pytest.mark.timeout(180)]

AT_ONCE_S = 1.0
NEWS_S = 10.0  # what a camera can, from its hello to Home Assistant's entities

CAMERA_CONTROLS: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("select.select_option", "select.drive_framesize", {"option": "QVGA"}, "QVGA", '{"framesize": "QVGA"}'),
    ("number.set_value", "number.drive_quality", {"value": 30}, "30", '{"quality": 30}'),
    ("number.set_value", "number.drive_max_fps", {"value": 3.5}, "3.5", '{"max_fps": 3.5}'),
    ("light.turn_on", "light.drive_flash", {"brightness": 90}, "on", '{"flash": 90}'),
    ("light.turn_off", "light.drive_flash", {}, "off", '{"flash": 0}'),
]
BRIDGE_CONTROLS: list[tuple[str, str, dict[str, Any], str]] = [
    ("switch.turn_off", "switch.drive_detect", {}, "off"),
    ("switch.turn_on", "switch.drive_detect", {}, "on"),
    ("number.set_value", "number.drive_confidence", {"value": 0.6}, "0.6"),
]
QQVGA_WIDTH_PX = 160
BOARDS_OWN_QUALITY = "12"
SETTINGS = {
    "select.drive_framesize": "QQVGA",
    "number.drive_quality": "17",
    "number.drive_max_fps": "2.5",
    "switch.drive_detect": "off",
    "number.drive_confidence": "0.45",
}


def controls_of(house: House, camera_id: str) -> set[str]:
    """What of a camera can be set in Home Assistant."""
    platforms = ("switch", "number", "select", "light", "button")
    return {one for one in registry(house) if one.startswith(tuple(f"{name}.{camera_id}_" for name in platforms))}


def settings_of_drive(house: House) -> dict[str, str | None]:
    return {entity_id: house.home.state(entity_id) for entity_id in SETTINGS}


@pytest.mark.parametrize(("service", "entity_id", "data", "state", "told"), CAMERA_CONTROLS)
def test_setting_of_a_camera_reaches_it_and_shows_within_a_second(
    workshop: House, report: Report, service: str, entity_id: str, data: dict[str, Any], state: str, told: str
) -> None:
    took_s = timed(workshop, service, entity_id, state, **data)
    report.controls[f"{service} {entity_id}"] = round(took_s, 2)
    assert f": set {told}: done" in workshop.cameras["drive"].log()
    if "brightness" in data:
        assert workshop.home.attributes(entity_id)["brightness"] == data["brightness"]
    assert took_s < AT_ONCE_S


@pytest.mark.parametrize(("service", "entity_id", "data", "state"), BRIDGE_CONTROLS)
def test_setting_that_the_bridge_carries_out_shows_within_a_second(
    workshop: House, report: Report, service: str, entity_id: str, data: dict[str, Any], state: str
) -> None:
    took_s = timed(workshop, service, entity_id, state, **data)
    report.controls[f"{service} {entity_id}"] = round(took_s, 2)
    assert took_s < AT_ONCE_S


def test_setting_from_the_bridges_page_shows_at_once(workshop: House, report: Report) -> None:
    began_s = time.monotonic()
    assert workshop.bridge.set_controls("drive", quality=25) == HTTPStatus.OK
    workshop.home.wait_for("number.drive_quality", "25")
    report.controls["the bridge's page: quality"] = round(time.monotonic() - began_s, 2)


def test_camera_restarts_at_the_press_of_its_button_and_is_there_again(workshop: House, report: Report) -> None:
    assert workshop.home.state("sensor.drive_reset_reason") == "power_on"
    began_s = time.monotonic()
    workshop.home.call_service("button.press", "button.drive_restart")
    workshop.home.wait_for("sensor.drive_reset_reason", "software", 15)
    back_again(workshop)
    report.controls["button.press button.drive_restart, there again"] = round(time.monotonic() - began_s, 2)


def test_settings_survive_the_end_of_the_bridge_and_of_the_camera(workshop: House) -> None:
    home, drive = workshop.home, workshop.cameras["drive"]
    home.call_service("select.select_option", "select.drive_framesize", option="QQVGA")
    home.call_service("number.set_value", "number.drive_quality", value=17)
    home.call_service("number.set_value", "number.drive_max_fps", value=2.5)
    home.call_service("number.set_value", "number.drive_confidence", value=0.45)
    home.call_service("switch.turn_off", "switch.drive_detect")
    wait_until(lambda: settings_of_drive(workshop) == SETTINGS, 5, "all is set")
    time.sleep(0.5)  # for the disk

    workshop.bridge.kill()
    drive.kill()
    workshop.bridge.start()
    drive.start()  # a board that was without power begins with its own settings until it is welcomed
    home.wait_for("sensor.drive_reset_reason", "power_on", AGAIN_S)
    back_again(workshop)
    assert settings_of_drive(workshop) == SETTINGS
    told = json.loads(workshop.bridge.get("/api/cameras/drive")[1])
    assert told["width_px"] == QQVGA_WIDTH_PX, "what it sends is of that size"
    home.call_service("switch.turn_on", "switch.drive_detect")
    home.wait_for("switch.drive_detect", "on")


def test_camera_that_does_not_answer_keeps_its_old_value_and_holds_nothing_up(workshop: House) -> None:
    back_again(workshop, "attic")
    before = workshop.home.state("number.attic_quality")
    assert before == BOARDS_OWN_QUALITY
    began_s = time.monotonic()
    workshop.home.call_service("number.set_value", "number.attic_quality", value=40)
    assert timed(workshop, "number.set_value", "number.drive_quality", "18", value=18) < AT_ONCE_S
    wait_until(lambda: "attic: quality was not set to 40" in workshop.bridge.log(), 10, "the bridge gives up")
    assert time.monotonic() - began_s < 10
    assert workshop.home.state("number.attic_quality") == before
    assert '{"quality": 40}: passed over' in workshop.cameras["attic"].log()


def test_only_what_a_camera_can_is_offered_and_new_firmware_changes_that_at_once(
    workshop: House, report: Report
) -> None:
    always = {"switch.shed_detect", "number.shed_confidence"}
    old = always | {"select.shed_framesize", "number.shed_quality", "number.shed_max_fps"}
    shed = workshop.cameras["shed"]
    assert controls_of(workshop, "shed") == old

    more, first_sketch = ("--without", ""), ("--without", "", "--legacy")
    for what, options, wanted in (
        ("more", more, old | {"light.shed_flash", "button.shed_restart"}),
        ("fewer", (), old),
        ("more again", more, old | {"light.shed_flash", "button.shed_restart"}),
        ("nothing, being the first sketch", first_sketch, always),
    ):
        shed.stop()
        shed.start(*options)
        took_s = wait_until(lambda wanted=wanted: controls_of(workshop, "shed") == wanted, NEWS_S + 15, what)
        report.controls[f"new firmware of a camera that can do {what}"] = round(took_s, 2)
        assert took_s < NEWS_S + 3  # its start and its hello
        if "light.shed_flash" in wanted:
            workshop.home.wait_for("light.shed_flash", "off")
    assert "sensor.shed_rssi_dbm" not in registry(workshop)
    shed.stop()
    shed.start()
    wait_until(lambda: controls_of(workshop, "shed") == old, AGAIN_S, "the old firmware again")


def test_reload_takes_up_what_changed_and_leaves_all_as_it_was_when_that_is_wrong(
    workshop: House, report: Report
) -> None:
    before, pid = set(registry(workshop)), workshop.bridge.pid
    began_s = time.monotonic()
    take_up(workshop, {"cameras": [DRIVE, {**SHED, "labels": ["person", "dog"]}, ATTIC]})
    new = {"binary_sensor.shed_dog", "sensor.shed_dog_count", "image.shed_dog_thumbnail"}
    wait_for_entities(workshop, before | new)
    back_again(workshop)
    report.controls["reload with a new label, all right again"] = round(time.monotonic() - began_s, 2)

    workshop.bridge.config_file.write_text("cameras: [{id: BAD ID}]")
    listener = workshop.listen("espcam/bridge/#")
    workshop.home.call_service("button.press", "button.espcam_bridge_reload")
    answer = listener.wait_for("espcam/bridge/response/reload").json()
    time.sleep(1)
    assert answer["status"] == "error"
    assert "cameras" in answer["error"]
    assert not listener.on("espcam/bridge/state")[1:], "the bridge did not go"
    listener.close()
    assert set(registry(workshop)) == before | new
    assert workshop.wrong() == {}
    assert workshop.bridge.pid == pid

    take_up(workshop, {})
    wait_for_entities(workshop, before)
    back_again(workshop)


def test_bridge_restarts_at_the_press_of_its_button_as_the_same_process(workshop: House, report: Report) -> None:
    pid, starts = workshop.bridge.pid, workshop.bridge.log().count("configuration: ")
    began_s = time.monotonic()
    workshop.home.call_service("button.press", "button.espcam_bridge_restart")
    wait_until(lambda: workshop.bridge.log().count("configuration: ") == starts + 1, AGAIN_S, "it began anew")
    workshop.bridge.wait()
    back_again(workshop)
    took_s = time.monotonic() - began_s
    report.controls["button.press button.espcam_bridge_restart, all right again"] = round(took_s, 2)
    assert took_s < AGAIN_S
    assert workshop.bridge.pid == pid
