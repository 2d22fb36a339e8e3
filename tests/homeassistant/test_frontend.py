"""Home Assistant's own page of a camera, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.homeassistant.harness.browser import signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from tests.homeassistant.harness.house import House

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.mark.parametrize(
    ("device_name", "texts", "picture"),
    [
        ("Front porch", ("Person", "Detected", "Flash", "Restart", "Frame rate"), "homeassistant-device.png"),
        ("ESP32-CAM bridge", ("Cameras online", "Inference time", "Restart"), "homeassistant-bridge.png"),
    ],
)
def test_a_device_page_shows_its_entities_and_none_is_unavailable(
    house: House, request: pytest.FixtureRequest, device_name: str, texts: tuple[str, ...], picture: str
) -> None:
    device = next(id_ for id_, one in house.home.devices().items() if one["name"] == device_name)
    house.visit("porch")  # so that there are pictures to show
    with signed_in(house.home, width_px=1100, height_px=2200) as page:
        page.goto(f"{house.home.url}/config/devices/device/{device}")
        for text in texts:
            page.get_by_text(text, exact=True).first.wait_for(timeout=30_000)
        shown = page.locator("ha-config-device-page").inner_text()
        assert re.search(r"unavailable", shown, re.IGNORECASE) is None, shown
        folder: Path | None = request.config.getoption("--ha-screenshots")
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            page.wait_for_timeout(3000)  # thumbnails fade in
            cards = page.locator("ha-config-device-page .container").first.bounding_box()
            assert cards is not None
            page.screenshot(
                path=folder / picture, clip={**cards, "width": 2 / 3 * cards["width"]}
            )  # the third is empty
