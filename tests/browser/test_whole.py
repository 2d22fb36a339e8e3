"""The whole bridge behind the page: approve a camera, draw a zone, find it in the events, lose the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.homeassistant.harness.bridge import Camera
from tests.homeassistant.harness.drawn import Somebody
from tests.integration.running_site import running_site

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.conftest import WaitUntil

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_from_approval_to_an_event_in_a_zone_that_was_drawn(
    tmp_path: Path, chromium: Browser, wait_until: WaitUntil
) -> None:
    defaults = {"motion": {"enabled": False}, "events": {"min_hits": 2, "end_after_s": 1}, "offline_after_s": 3}
    with (
        running_site(tmp_path, {"defaults": defaults}) as site,
        Camera(tmp_path, "porch", site.bridge.ingest_port) as camera,
    ):
        page = chromium.new_context().new_page()
        page.set_default_timeout(20_000)
        page.goto(site.bridge.url + "/")
        guest = page.locator(".guest[data-camera=porch]")
        guest.get_by_label("Name").fill("Front porch")
        guest.get_by_role("button", name="Approve").click()
        page.locator(".tile[data-camera=porch] .badge", has_text="online").wait_for(timeout=40_000)
        page.locator(".tile[data-camera=porch] .picture").click()
        page.get_by_role("heading", name="Front porch").wait_for()
        page.wait_for_function("() => document.querySelector('.stage img.live').naturalWidth > 0")

        page.get_by_role("button", name="Draw a zone").click()
        box = page.locator(".stage").bounding_box()
        assert box is not None
        for x, y in ((0.003, 0.1), (0.5, 0.1), (0.5, 0.997), (0.003, 0.997)):
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.keyboard.press("Enter")
        page.get_by_label("Name", exact=True).fill("step")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Saved, and in force.").wait_for()
        written = site.bridge.config_file.read_text()
        assert "step" in written
        assert site.state("porch") == "online", "it never went"
        assert site.bridge.log().count("porch: connected from") == 1

        camera.show(Somebody("person", "left"))
        site.heard.wait_for("espcam/porch/zones/step/person", b"ON", 30)
        page.locator(".recent").get_by_text("person, step").wait_for()
        camera.show()
        site.heard.wait_for("espcam/porch/zones/step/person", b"OFF", 30)

        page.locator(".recent a").first.click()
        page.locator("#event").get_by_text("step").first.wait_for()
        page.keyboard.press("Escape")
        page.get_by_label("Zone").fill("step")
        page.get_by_label("Zone").press("Tab")
        wait_until(lambda: page.locator("#gallery .card").count() == 1, 20, "the filter finds the visit")
        page.goto(site.bridge.url + "/")
        camera.kill()
        page.locator(".tile[data-camera=porch] .badge", has_text="offline since").wait_for()
        page.context.close()
