"""The firmware's library and the bridge itself: from the first knock over the approval to a new version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.firmware_image import app_image
from tests.integration.running_site import Site, running_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import WaitUntil
    from tests.firmware.conftest import StartCamera
    from tests.firmware.host_camera import HostCamera

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

BOARD = "ai-thinker"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A bridge that knows no camera and has firmware 1.1.0."""
    folder = tmp_path / "firmware-images"
    folder.mkdir()
    (folder / "camera.bin").write_bytes(app_image(BOARD, "1.1.0", 1_500_000))
    with running_site(tmp_path, {"firmware": {"dir": str(folder)}}) as made:
        yield made


@pytest.fixture
def camera(site: Site, drawn_frames: Path, host_camera: StartCamera, wait_until: WaitUntil) -> HostCamera:
    """A board of version 1.0.0 that came by itself and was approved."""
    url = f"ws://127.0.0.1:{site.bridge.ingest_port}/ws/porch"
    made = host_camera(url, drawn_frames, "--board", BOARD, "--version", "1.0.0")
    wait_until(lambda: site.waiting(), 20, "it waits")  # noqa: PLW0108 - asked anew each time
    (guest,) = site.waiting()
    assert (guest["board"], guest["has_key"], guest["has_picture"]) == (BOARD, True, True)
    site.ask("approve", {"id": "porch"})
    wait_until(lambda: site.state("porch") == "online", 40, "its pictures come")
    return made


def firmware(site: Site) -> dict[str, Any]:
    """What the bridge tells of its firmware."""
    found: dict[str, Any] = site.told("/api/cameras/porch").get("update") or {}
    return found


def test_update_goes_from_the_folder_to_the_flash(site: Site, camera: HostCamera, wait_until: WaitUntil) -> None:
    wait_until(lambda: firmware(site).get("latest") == "1.1.0", 20, "it is offered")
    assert site.send("POST", "/api/cameras/porch/update")[0] == 202
    camera.wait_for("image_valid", version="1.1.0", timeout_s=30)
    wait_until(lambda: firmware(site).get("installed") == "1.1.0", 10, "it runs")
    assert (firmware(site)["step"], firmware(site)["problem"]) == ("none", "")
    assert (camera.state / "firmware.bin").read_bytes() == (site.folder / "firmware-images/camera.bin").read_bytes()
    busy = [state.json() for state in site.heard.on("espcam/porch/update/state") if state.json()["in_progress"]]
    assert [state["update_percentage"] for state in busy] == sorted(
        [state["update_percentage"] for state in busy], key=lambda percent: 101 if percent is None else percent
    )
    wait_until(lambda: site.state("porch") == "online", 20, "its pictures come")
