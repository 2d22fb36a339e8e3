"""Below a tile: its addresses for Home Assistant, and what can be set, in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator

    from tests.browser.conftest import Site, SiteFactory, Tab, TabFactory
    from tests.conftest import WaitUntil

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

HOSTILE = """<img src=x onerror="window.hit=1">'"{{7*7}}"""


def _panel() -> dict[str, Any]:
    """A camera that can do everything."""
    return {
        "values": {
            "detect": True,
            "confidence": 0.25,
            "flash": 0,
            "framesize": "VGA",
            "quality": 12,
            "max_fps": 15.0,
        },
        "offers": ["detect", "confidence", "flash", "framesize", "quality", "max_fps", "restart"],
        "framesizes": ["QVGA", "VGA", "UXGA"],
        "ranges": {
            "confidence": {"min": 0.05, "max": 0.95, "step": 0.05},
            "flash": {"min": 0, "max": 255, "step": 1},
            "quality": {"min": 4, "max": 63, "step": 1},
            "max_fps": {"min": 0.5, "max": 60, "step": 0.5},
        },
    }


def _open(tab: Tab, camera_id: str, panel: str) -> Locator:
    """Open what is folded below a tile."""
    found = tab.page.locator(f"{tab.tile(camera_id)} .{panel}")
    found.locator("summary").click()
    return found


@pytest.fixture
def door(site: Site) -> Site:
    """A site with a camera that can do everything."""
    site.bridge.panels["door"] = _panel()
    site.add("door", "Front door")
    return site


# --- addresses ----------------------------------------------------------------------------------------------------


def test_the_addresses_are_those_that_this_browser_reached_and_give_pictures(site: Site, open_tab: TabFactory) -> None:
    site.add("door", "Front door")
    tab = open_tab(site)
    panel = _open(tab, "door", "addresses")
    root = f"http://127.0.0.1:{site.server.port}/cameras/door"
    assert panel.get_by_label("Live stream", exact=True).input_value() == f"{root}/stream.mjpg"
    still = panel.get_by_label("Still picture", exact=True).input_value()
    assert still == f"{root}/snapshot.jpg"
    assert tab.page.request.get(still).headers["content-type"] == "image/jpeg"
    link = panel.get_by_role("link", name="MJPEG IP Camera")
    assert link.get_attribute("href") == "https://my.home-assistant.io/redirect/config_flow_start/?domain=mjpeg"
    assert "on this machine only" in panel.inner_text(), "127.0.0.1 is of no use to another machine"
    assert "protected" not in panel.inner_text()
    assert tab.errors == []


def test_with_a_public_url_the_addresses_are_below_that_for_cameras_that_come_later_too(
    make_site: SiteFactory, open_tab: TabFactory
) -> None:
    site = make_site(public_url="https://home.example/cams")
    tab = open_tab(site)
    site.add("door", HOSTILE)
    tab.page.locator(tab.tile("door")).wait_for()
    panel = _open(tab, "door", "addresses")
    assert panel.locator("input.live").input_value() == "https://home.example/cams/cameras/door/stream.mjpg"
    assert "on this machine only" not in panel.inner_text()
    assert tab.page.evaluate("window.hit") is None


def test_a_click_copies_an_address(site: Site, open_tab: TabFactory) -> None:
    site.add("door")
    tab = open_tab(site, permissions=["clipboard-read", "clipboard-write"])
    panel = _open(tab, "door", "addresses")
    panel.get_by_role("button", name="Copy the address: Still picture").click()
    panel.get_by_text("Copied").wait_for()
    still = panel.locator("input.still").input_value()
    assert tab.page.evaluate("navigator.clipboard.readText()") == still
    panel.get_by_text("Copied").wait_for(state="detached")


def test_a_page_without_a_clipboard_of_its_own_copies_too(site: Site, open_tab: TabFactory) -> None:
    site.add("door")
    tab = open_tab(site, permissions=["clipboard-read", "clipboard-write"])
    # As a page over plain HTTP on another machine finds it.
    tab.page.evaluate(
        "window.real = navigator.clipboard; Object.defineProperty(navigator, 'clipboard', { value: undefined })"
    )
    panel = _open(tab, "door", "addresses")
    panel.get_by_role("button", name="Copy the address: Live stream").click()
    panel.get_by_text("Copied").wait_for()
    assert tab.page.evaluate("window.real.readText()") == panel.locator("input.live").input_value()


# --- controls -----------------------------------------------------------------------------------------------------


def test_a_control_acts_and_shows_what_is_in_force(door: Site, open_tab: TabFactory, wait_until: WaitUntil) -> None:
    tab = open_tab(door)
    panel = _open(tab, "door", "controls")
    detection = panel.get_by_role("switch", name="Detection")
    assert detection.is_checked()
    detection.click()
    panel.get_by_text("Detection: done").wait_for()
    assert not detection.is_checked()
    tab.page.locator(f"{tab.tile('door')} .facts", has_text="detection off").wait_for()
    panel.get_by_label("Picture size").select_option("UXGA")
    panel.get_by_text("Picture size: done").wait_for()
    panel.get_by_label("JPEG quality").fill("20")
    panel.get_by_label("JPEG quality").press("Enter")
    wait_until(lambda: door.bridge.told[-1:] == [("door", "quality", 20)])
    panel.get_by_label("Lamp").fill("200")
    wait_until(lambda: door.bridge.told[-1:] == [("door", "flash", 200)])
    assert door.bridge.told[:2] == [("door", "detect", False), ("door", "framesize", "UXGA")]
    assert panel.get_by_label("Picture size").input_value() == "UXGA"
    assert tab.errors == []


def test_a_control_that_is_refused_says_why_and_goes_back(door: Site, open_tab: TabFactory) -> None:
    door.bridge.refusals["quality"] = f"quality takes 4 to 63 {HOSTILE}"
    tab = open_tab(door)
    panel = _open(tab, "door", "controls")
    quality = panel.get_by_label("JPEG quality")
    quality.fill("99")
    quality.press("Tab")
    panel.get_by_text("JPEG quality (small is good): quality takes 4 to 63").wait_for()
    assert panel.locator(".outcome").inner_text().endswith(HOSTILE)
    assert quality.input_value() == "12"
    assert tab.page.evaluate("window.hit") is None
    assert door.bridge.told == [("door", "quality", 99)]


def test_what_somebody_else_sets_is_shown_but_not_over_what_is_being_typed(door: Site, open_tab: TabFactory) -> None:
    tab = open_tab(door)
    panel = _open(tab, "door", "controls")
    quality, rate = panel.get_by_label("JPEG quality"), panel.get_by_label("Pictures a second")
    rate.press_sequentially("7")
    door.bridge.panels["door"]["values"] |= {"quality": 30, "max_fps": 3.0}
    tab.page.wait_for_function("() => document.querySelector('.controls input[max=\"63\"]').value === '30'")
    assert quality.input_value() == "30"
    assert "7" in rate.input_value()


@pytest.mark.parametrize(("camera_s", "late_ms"), [(3.0, 0), (0.0, 500)], ids=["a slow camera", "news that are late"])
def test_the_old_value_does_not_flicker_back(door: Site, open_tab: TabFactory, camera_s: float, late_ms: int) -> None:
    door.bridge.answers_after_s = camera_s  # several looks at all cameras come between
    tab = open_tab(door)
    tab.page.add_init_script(f"({_LATE})({late_ms})")
    tab.page.reload()
    panel = _open(tab, "door", "controls")
    panel.get_by_role("switch", name="Detection").click()
    assert not any(tab.page.evaluate(_WATCH_SWITCH))
    panel.get_by_text("Detection: done").wait_for()


# Whatever the bridge tells of itself reaches the page late.
_LATE = """(late_ms) => {
  const real = EventSource.prototype.addEventListener;
  EventSource.prototype.addEventListener = function (kind, listener) {
    real.call(this, kind, (message) => setTimeout(() => listener(message), late_ms));
  };
}"""

# Whether the switch is on, every 50 ms for a while.
_WATCH_SWITCH = """() => new Promise((resolve) => {
  const box = document.querySelector(".controls [role=switch]"), seen = [];
  const timer = setInterval(() => seen.push(box.checked), 50);
  setTimeout(() => { clearInterval(timer); resolve(seen); }, 4500);
})"""


def test_a_restart_is_asked_about_first(door: Site, open_tab: TabFactory, wait_until: WaitUntil) -> None:
    tab = open_tab(door)
    panel = _open(tab, "door", "controls")
    restart = panel.get_by_role("button", name="Restart the camera")
    question = tab.page.get_by_role("dialog", name="Restart Front door?")
    restart.click()
    question.get_by_role("button", name="Cancel").click()
    restart.click()
    tab.page.keyboard.press("Escape")
    question.wait_for(state="hidden")
    assert door.bridge.told == []
    restart.click()
    question.get_by_role("button", name="Restart").click()
    wait_until(lambda: door.bridge.told == [("door", "restart", True)])
    panel.get_by_text("Restart the camera: done").wait_for()
    assert tab.errors == []


def test_everything_can_be_done_from_the_keyboard(door: Site, open_tab: TabFactory, wait_until: WaitUntil) -> None:
    tab = open_tab(door)
    tab.page.locator(f"{tab.tile('door')} .controls summary").wait_for()
    press = tab.page.keyboard.press
    tab.page.locator(f"{tab.tile('door')} .open-snapshot").focus()
    for key in ("Tab", "Enter", "Tab", "Space"):  # the fold, the switch in it
        press(key)
    wait_until(lambda: door.bridge.told == [("door", "detect", False)])
    for _ in range(6):
        press("Tab")
    press("Enter")
    tab.page.get_by_role("dialog").wait_for()
    press("Tab")
    press("Enter")
    wait_until(lambda: door.bridge.told[-1] == ("door", "restart", True))


def test_only_what_a_camera_offers_is_shown_and_it_may_offer_more_later(site: Site, open_tab: TabFactory) -> None:
    site.add("door", "Front door")
    tab = open_tab(site)
    panel = _open(tab, "door", "controls")
    assert panel.locator("label").all_inner_texts() == ["Detection", "Lowest score that counts"]
    offered = _panel()
    site.bridge.panels["door"] = offered | {"offers": [*offered["offers"], HOSTILE], "framesizes": ["VGA", HOSTILE]}
    panel.get_by_role("button", name="Restart the camera").wait_for()
    assert panel.locator("option").all_inner_texts() == ["VGA", HOSTILE]
    assert panel.locator("label").count() == 6, "a control that this page does not know is left out"
    site.bridge.panels["door"] = {"values": {}, "offers": [], "framesizes": [], "ranges": {}}
    panel.wait_for(state="hidden")
    assert tab.page.evaluate("window.hit") is None
    assert tab.errors == []


def test_a_bridge_that_is_gone_is_said_at_the_control(door: Site, open_tab: TabFactory) -> None:
    tab = open_tab(door)
    panel = _open(tab, "door", "controls")
    door.stop()
    panel.get_by_role("switch", name="Detection").click()
    panel.get_by_text("Detection: the bridge does not answer").wait_for()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")])
def test_what_is_unfolded_fits_phones_and_desks_by_day_and_by_night(
    make_site: SiteFactory, open_tab: TabFactory, tmp_path: Path, width: int, scheme: str
) -> None:
    site = make_site(api_token="t0ken-42")
    site.bridge.panels["door"] = _panel()
    site.bridge.refusals["quality"] = "Front door does not answer: is it switched on?"
    site.add("door", "Front door")
    site.add("garden", "Garden")
    site.add("cellar", "Cellar")
    site.feed("door")
    login = {"username": "admin", "password": "t0ken-42"}
    tab = open_tab(site, viewport={"width": width, "height": 900}, color_scheme=scheme, login=login)
    tab.wait_live("door")
    controls = _open(tab, "door", "controls")
    _open(tab, "door", "addresses")
    controls.get_by_label("JPEG quality").fill("13")
    controls.get_by_label("JPEG quality").press("Enter")
    controls.get_by_text("does not answer").wait_for()
    tab.page.screenshot(path=tmp_path / f"controls-{width}-{scheme}.png", full_page=True)
    overflow = tab.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, "no sideways scrolling"
    beyond = tab.page.evaluate(
        """() => [...document.querySelectorAll('.tile *')].filter((inner) => inner.checkVisibility()
          && inner.getBoundingClientRect().right > inner.closest('.tile').getBoundingClientRect().right + 0.5).length"""
    )
    assert beyond == 0, "nothing is cut off"
