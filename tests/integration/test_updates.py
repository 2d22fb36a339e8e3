"""New firmware for a camera, from the folder to the camera's return: real bridge, real broker, real twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.firmware_image import app_image
from tests.integration.running_site import Site, running_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import WaitUntil

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

BOARD = "ai-thinker"
STATE = "espcam/porch/update/state"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A bridge with a camera ``porch`` and firmware 1.1.0."""
    folder = tmp_path / "firmware"
    folder.mkdir()
    (folder / "camera.bin").write_bytes(app_image(BOARD, "1.1.0", 1_200_000))
    settings = {"cameras": [{"id": "porch"}], "firmware": {"dir": str(folder)}}
    with running_site(tmp_path, settings) as made:
        yield made


def board(site: Site, *more: str) -> Any:  # noqa: ANN401 - a camera
    """A board that runs 1.0.0."""
    return site.camera("porch", "--board", BOARD, "--firmware-version", "1.0.0", *more)


def states(site: Site) -> list[dict[str, Any]]:
    """What the broker was told of the firmware."""
    return [heard.json() for heard in site.heard.on(STATE) if heard.payload]


def parts(site: Site) -> dict[str, Any]:
    """What Home Assistant knows of the camera."""
    topic = "homeassistant/device/espcam-bridge_porch/config"
    site.heard.wait_for(topic)
    found: dict[str, Any] = site.heard.on(topic)[-1].json()["cmps"]
    return found


def firmware(site: Site) -> dict[str, Any]:
    """What the API tells of it."""
    found: dict[str, Any] = site.told("/api/cameras/porch").get("update") or {}
    return found


def test_over_mqtt_a_camera_is_offered_new_firmware_takes_it_and_says_so(site: Site, wait_until: WaitUntil) -> None:
    with board(site):
        wait_until(lambda: states(site) and states(site)[-1]["latest_version"] == "1.1.0", 30, "it is offered")
        wait_until(lambda: "update" in parts(site), 20, "Home Assistant is told that it can be updated")
        assert parts(site)["update"]["p"] == "update"
        site.heard.publish(parts(site)["update"]["command_topic"], b"install")
        wait_until(lambda: states(site)[-1]["installed_version"] == "1.1.0", 30, "it runs")
    told = states(site)
    assert told[-1] == {
        "installed_version": "1.1.0",
        "latest_version": "1.1.0",
        "in_progress": False,
        "update_percentage": None,
        "release_summary": "",
    }
    busy = [state for state in told if state["in_progress"]]
    assert busy[0]["update_percentage"] == 0
    assert busy[-1]["update_percentage"] is None, "it starts with it"
    assert all(state["installed_version"] == "1.0.0" for state in busy)
    assert "porch: runs version 1.1.0 now" in site.bridge.log()


def test_over_http_and_by_request_it_says_what_cannot_be(site: Site, wait_until: WaitUntil) -> None:
    with board(site):
        wait_until(lambda: firmware(site).get("latest") == "1.1.0", 30, "it is offered")
        status, told = site.send("POST", "/api/cameras/porch/update")
        assert (status, told["latest"], told["step"]) == (202, "1.1.0", "loading")
        wait_until(lambda: firmware(site).get("installed") == "1.1.0", 30, "it runs")
        status, told = site.send("POST", "/api/cameras/porch/update")
        assert status == 409
        assert told["detail"] == f"there is nothing newer than 1.1.0 for the board {BOARD} in firmware.dir"
        assert site.ask("update", {"id": "porch"})["error"] == told["detail"]
        assert site.send("POST", "/api/cameras/nobody/update")[0] == 404
        (site.folder / "firmware" / "newer.bin").write_bytes(app_image(BOARD, "1.2.0"))
        wait_until(lambda: firmware(site).get("latest") == "1.2.0", 30, "a newer one is found while the bridge runs")
        assert site.ask("update", {"id": "porch"}) == {"status": "ok", "data": {}}
        wait_until(lambda: firmware(site).get("installed") == "1.2.0", 30, "it runs")


@pytest.mark.parametrize(
    ("manner", "said"), [("fails", "flash cannot be written"), ("rolls_back", "went back to 1.0.0")]
)
def test_an_update_that_fails_changes_nothing_and_tells_why(
    site: Site, wait_until: WaitUntil, manner: str, said: str
) -> None:
    with board(site, "--updates", manner):
        wait_until(lambda: firmware(site).get("latest") == "1.1.0", 30, "it is offered")
        site.send("POST", "/api/cameras/porch/update")
        wait_until(lambda: firmware(site).get("problem"), 30, "it fails")
        assert said in firmware(site)["problem"]
        assert (firmware(site)["installed"], firmware(site)["step"]) == ("1.0.0", "none")
        assert said in states(site)[-1]["release_summary"]
        before = site.told("/api/cameras/porch")["received"]
        wait_until(lambda: site.told("/api/cameras/porch")["received"] > before, 10, "its pictures go on")
    with board(site):
        wait_until(lambda: site.send("POST", "/api/cameras/porch/update")[0] == 202, 20, "it is back")
        wait_until(lambda: firmware(site).get("installed") == "1.1.0", 30, "another try works")


def test_after_a_kill_the_bridge_offers_the_same_while_the_camera_is_away(site: Site, wait_until: WaitUntil) -> None:
    with board(site):
        wait_until(lambda: firmware(site).get("latest") == "1.1.0", 30, "it is offered")
    site.bridge.kill()
    count = len(states(site))
    site.bridge.start()
    wait_until(lambda: len(states(site)) > count, 30, "it is told while the camera is away")
    wait_until(lambda: firmware(site).get("latest") == "1.1.0", 30, "and offered")
    status, told = site.send("POST", "/api/cameras/porch/update")
    assert (status, told["detail"].partition(",")[0]) == (409, "porch is offline")
    assert not firmware(site)["problem"], "nothing was tried"
