"""Below a tile: new firmware for a camera, and how its update goes, in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.model import UpdateStatus, UpdateStep

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import Site, Tab, TabFactory
    from tests.conftest import WaitUntil

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def line(tab: Tab) -> Locator:
    """The line about the firmware."""
    return tab.page.locator(f"{tab.tile('door')} .firmware")


def test_an_update_is_offered_confirmed_followed_and_gone(
    site: Site, open_tab: TabFactory, wait_until: WaitUntil
) -> None:
    site.add("door", "Front door")
    tab = open_tab(site)
    assert line(tab).is_hidden()
    site.updates.statuses["door"] = UpdateStatus("1.1.0", "1.1.0")
    tab.page.wait_for_timeout(2500)
    assert line(tab).is_hidden(), "there is nothing to say"
    site.updates.statuses["door"] = UpdateStatus("1.0.0", "1.1.0")
    line(tab).get_by_text("Firmware 1.0.0 → 1.1.0").wait_for()

    line(tab).get_by_role("button", name="Update").click()
    dialog = tab.page.locator("#confirm")
    assert "Update Front door to firmware 1.1.0? It will be away for half a minute." in dialog.inner_text()
    dialog.get_by_role("button", name="Cancel").click()
    line(tab).get_by_role("button", name="Update").click()
    dialog.get_by_role("button", name="Update").click()
    wait_until(lambda: site.updates.told == ["door"], 5, "it is begun once")

    line(tab).get_by_text("Firmware 1.1.0: 0 %").wait_for()
    assert line(tab).get_by_role("button").count() == 0
    site.updates.statuses["door"] = UpdateStatus("1.0.0", "1.1.0", UpdateStep.LOADING, 43)
    line(tab).get_by_text("Firmware 1.1.0: 43 %").wait_for()
    assert line(tab).get_by_role("progressbar").get_attribute("value") == "43"
    site.updates.statuses["door"] = UpdateStatus("1.0.0", "1.1.0", UpdateStep.RESTARTING, 100)
    line(tab).get_by_text("Starts with firmware 1.1.0").wait_for()
    site.updates.statuses["door"] = UpdateStatus("1.1.0", "1.1.0")
    line(tab).wait_for(state="hidden")
    assert tab.errors == []


def test_what_went_wrong_is_said_and_the_button_stays(site: Site, open_tab: TabFactory) -> None:
    site.add("door", "Front door")
    site.updates.statuses["door"] = UpdateStatus("1.0.0", "1.1.0", problem="<b>no room</b>")
    tab = open_tab(site)
    line(tab).get_by_text("The update failed: <b>no room</b>").wait_for()
    site.updates.statuses["door"] = UpdateStatus("1.0.0", "1.1.0")
    site.updates.refusal = "door is offline"
    line(tab).get_by_role("button", name="Update").click()
    tab.page.locator("#confirm").get_by_role("button", name="Update").click()
    line(tab).get_by_text("door is offline").wait_for()
    assert line(tab).get_by_role("button", name="Update").is_enabled()
