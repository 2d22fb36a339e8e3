"""A camera on a weak link, and the bridge that lowers what it sends: real bridge, real broker, real twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from tests.integration.running_site import Site, running_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import WaitUntil

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A picture that takes many bytes, whatever the quality: 640 x 480."""
    file = tmp_path / "noise.png"
    grey = np.random.default_rng(3).integers(0, 256, (240, 320), np.uint8)
    cv2.imwrite(str(file), cv2.resize(grey, (640, 480)))
    return file


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_site(tmp_path, {"cameras": [{"id": "porch", "adapt": {"idle_fps": None}}]}) as made:
        yield made


def camera(site: Site) -> dict[str, Any]:
    return site.told("/api/cameras/porch")


def told(site: Site) -> dict[str, Any]:
    """The newest telemetry on the broker."""
    heard = site.heard.on("espcam/porch/telemetry")
    found: dict[str, Any] = heard[-1].json() if heard else {}
    return found


def test_a_weak_link_lowers_what_a_camera_sends_and_everybody_is_told_why(
    site: Site, noise: Path, wait_until: WaitUntil
) -> None:
    with site.camera("porch", "--source", str(noise), "--fps", "15", "--weak", "1500") as board:
        wait_until(lambda: told(site).get("adapt_level", 0) > 0, 60, "it is lowered, and told")
        assert "gave way to newer ones" in told(site)["adapt"] or "ms to send" in told(site)["adapt"]
        now = camera(site)
        assert now["adaptation"]["level"] > 0
        assert now["controls"]["quality"] > 12
        assert '{"quality": ' in board.log()
        assert "porch: sends less" in site.bridge.log()
        # What a user sets goes before.
        assert site.send("PATCH", "/api/cameras/porch", {"controls": {"quality": 10}})[0] == 200
        wait_until(lambda: camera(site)["adaptation"]["level"] == 0, 5, "it begins anew from there")
        assert camera(site)["controls"]["quality"] == 10


def test_switched_off_nothing_is_lowered(tmp_path: Path, noise: Path, wait_until: WaitUntil) -> None:
    settings = {"cameras": [{"id": "porch", "adapt": {"enabled": False}}]}
    with (
        running_site(tmp_path, settings) as site,
        site.camera("porch", "--source", str(noise), "--fps", "15", "--weak", "1500") as board,
    ):
        # A report after the first: by then the loop, were it on, would have lowered it.
        wait_until(lambda: camera(site).get("telemetry", {}).get("uptime_s", 0) >= 20, 60, "it has told of its link")
        assert camera(site)["telemetry"]["send_ms"] > 1000 / 15, "its link is too weak"
        assert '"set"' not in board.log()
        assert "quality" not in board.log()
        assert camera(site)["adaptation"] is None
        assert "adapt_level" not in told(site)
