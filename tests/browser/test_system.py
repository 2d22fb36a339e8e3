"""The system page in a real Chromium: parts, charts, and the configuration taken up at a click."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.model import Readiness

if TYPE_CHECKING:
    from tests.browser.conftest import Site, TabFactory

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_parts_and_charts_follow_the_bridge(site: Site, open_tab: TabFactory) -> None:
    site.add("door")
    site.feed("door", fps=8)
    tab = open_tab(site, path="/system")
    tab.page.locator(".charts polyline").first.wait_for(state="attached", timeout=15_000)
    assert tab.page.locator("[data-series=memory_mb] output").inner_text() not in {"", "\N{EN DASH}"}
    tab.page.wait_for_function(
        "() => Math.abs(Number(document.querySelector('[data-series=received_fps] output').textContent) - 8) < 3",
        timeout=20_000,
    )
    assert tab.page.locator("#ready").inner_text() == "ready"
    site.bridge.parts = (Readiness("broker", ready=False, detail="nothing listens on 127.0.0.1:1883"),)
    tab.page.get_by_text("nothing listens on").wait_for()
    assert tab.page.locator("#ready").inner_text() == "not ready"
    assert tab.errors == []


def test_the_configuration_is_taken_up_at_a_click(site: Site, open_tab: TabFactory) -> None:
    tab = open_tab(site, path="/system")
    button = tab.page.get_by_role("button", name="Take up the changed configuration")
    button.click()
    tab.page.get_by_text("It is in force.").wait_for()
    assert site.bridge.reloads == 1
    site.bridge.wrong = "espcam-bridge.yaml:3: mqtt.prt: unknown key; did you mean port?"
    button.click()
    tab.page.get_by_text("did you mean port?").wait_for()
    assert site.bridge.reloads == 1
