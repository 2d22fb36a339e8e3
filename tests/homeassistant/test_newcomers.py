"""A camera that nobody configured, and firmware that a camera has not yet: both are dealt with in Home Assistant."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from bridge import __version__
from tests.firmware_image import app_image
from tests.homeassistant.harness.bridge import Camera
from tests.homeassistant.harness.house import wait_until
from tests.homeassistant.harness.workshop import AGAIN_S, IMAGES, back_again, registry, wait_for_entities

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.homeassistant.harness.house import House

# The first test of a session waits until Home Assistant is up.
pytestmark = [pytest.mark.homeassistant, pytest.mark.timeout(180)]

NEWEST = "99.0.0"


def ask(house: House, request: str, **payload: str) -> None:
    """A request to the bridge, as an automation or a button of Home Assistant makes it."""
    house.home.call_service("mqtt.publish", topic=f"espcam/bridge/request/{request}", payload=json.dumps(payload))


def test_camera_that_comes_by_itself_shows_is_approved_and_removed(workshop: House, tmp_path: Path) -> None:
    home, before = workshop.home, set(registry(workshop))
    with Camera(tmp_path, "cellar", workshop.bridge.ingest_port):
        home.wait_for("sensor.espcam_bridge_waiting", "1", 40)
        assert set(registry(workshop)) == before, "who waits is nobody yet"
        ask(workshop, "approve", id="cellar", name="Wine cellar")
        wait_until(lambda: home.state("binary_sensor.cellar_motion") in ("on", "off"), AGAIN_S, "it is there")
        assert "Wine cellar" in {device["name"] for device in home.devices().values()}
        home.wait_for("sensor.espcam_bridge_waiting", "0", 40)
        ask(workshop, "remove", id="cellar")
        wait_for_entities(workshop, before)
    back_again(workshop)


@pytest.fixture
def newest(workshop: House) -> Iterator[None]:
    """There is newer firmware for the cameras; in the end they run their own again."""
    folder = workshop.bridge.config_file.parent / IMAGES
    folder.mkdir()
    (folder / "simulated.bin").write_bytes(app_image("simulated", NEWEST))
    yield
    shutil.rmtree(folder)
    workshop.cameras["drive"].kill()
    workshop.cameras["drive"].start()
    wait_until(lambda: firmware(workshop, "drive").get("installed_version") == __version__, AGAIN_S, "it is as before")
    back_again(workshop)


def firmware(house: House, camera_id: str) -> dict[str, Any]:
    """What Home Assistant shows of a camera's firmware."""
    return house.home.attributes(f"update.{camera_id}_firmware")


@pytest.mark.usefixtures("newest")
def test_firmware_is_offered_installed_and_its_progress_shows(workshop: House) -> None:
    home = workshop.home
    home.wait_for("update.drive_firmware", "on", AGAIN_S)
    shown = firmware(workshop, "drive")
    assert (shown["installed_version"], shown["latest_version"]) == (__version__, NEWEST)
    assert shown["device_class"] == "firmware"
    assert shown["in_progress"] is False
    home.call_service("update.install", "update.drive_firmware")
    wait_until(lambda: firmware(workshop, "drive")["in_progress"], AGAIN_S, "it is under way")
    home.wait_for("update.drive_firmware", "off", AGAIN_S)
    shown = firmware(workshop, "drive")
    assert (shown["installed_version"], shown["in_progress"]) == (NEWEST, False)
    assert f"drive: runs version {NEWEST} now" in workshop.bridge.log()


@pytest.mark.usefixtures("newest")
def test_update_that_fails_is_told_and_offered_again(workshop: House) -> None:
    home, shed = workshop.home, workshop.cameras["shed"]
    shed.stop()
    shed.start("--updates", "fails")
    home.wait_for("update.shed_firmware", "on", AGAIN_S)
    back_again(workshop, "shed")
    home.call_service("update.install", "update.shed_firmware")
    wait_until(lambda: firmware(workshop, "shed").get("release_summary"), AGAIN_S, "the failure shows")
    shown = firmware(workshop, "shed")
    assert "the flash cannot be written" in shown["release_summary"]
    assert (shown["installed_version"], shown["in_progress"]) == (__version__, False)
    assert home.state("update.shed_firmware") == "on"
    shed.stop()
    shed.start()
