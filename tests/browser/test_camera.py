"""One camera's page in a real Chromium: live, its health, its zones drawn with the mouse and with the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Site, SiteFactory, Tab, TabFactory

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

HOSTILE = """<img src=x onerror="window.hit=1"><script>window.hit=1</script>'"{{7*7}}"""


@pytest.fixture
def door(site: Site) -> Site:
    site.add("door", "Front door")
    site.feed("door")
    return site


def open_camera(open_tab: TabFactory, site: Site, **context: Any) -> Tab:  # noqa: ANN401 - playwright's
    tab = open_tab(site, path="/cameras/door", **context)
    wait_live(tab.page)
    tab.page.get_by_role("button", name="Draw a zone").wait_for()
    return tab


def wait_live(page: Page) -> None:
    page.wait_for_function("() => document.querySelector('.stage img.live').naturalWidth === 640")


def click_at(page: Page, x: float, y: float) -> None:
    """Click in the picture, at these shares of it."""
    box = page.locator(".stage").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def near(points: list[list[float]], wanted: list[tuple[float, float]]) -> bool:
    return len(points) == len(wanted) and all(
        abs(a - b) < 0.02 for point, want in zip(points, wanted, strict=True) for a, b in zip(point, want, strict=True)
    )


def test_it_is_live_and_says_how_the_camera_is(door: Site, open_tab: TabFactory) -> None:
    door.store.note_telemetry("door", {"rssi_dbm": -67, "heap_free_bytes": 123456, "uptime_s": 7200, "reconnects": 3})
    door.store.note_hello("door", {"board": "ai-thinker", "firmware": "espcam", "version": "1.2.3"})
    tab = open_camera(open_tab, door)
    health = tab.page.locator(".health")
    health.get_by_text("-67 dBm, fair").wait_for()
    for words in ("640 \N{MULTIPLICATION SIGN} 480 px", "121 KB", "2 h", "3 times", "ai-thinker", "espcam 1.2.3"):
        assert words in health.inner_text()
    assert tab.page.locator(".badge").inner_text() == "online"
    assert tab.page.title() == "Front door · espcam-bridge"
    tab.page.get_by_text("Add to Home Assistant").click()
    address = tab.page.get_by_role("textbox", name="Live stream").input_value()
    assert address == f"http://127.0.0.1:{door.server.port}/cameras/door/stream.mjpg"
    assert tab.errors == []


def test_boxes_can_be_switched_off(door: Site, open_tab: TabFactory) -> None:
    tab = open_camera(open_tab, door)
    with tab.page.expect_request("**/stream.mjpg?boxes=0"):
        tab.page.get_by_role("switch", name="Boxes").click()
    wait_live(tab.page)
    with tab.page.expect_request(lambda request: request.url.endswith("/stream.mjpg")):
        tab.page.get_by_role("switch", name="Boxes").click()


def test_a_zone_is_drawn_with_the_mouse_and_saved(door: Site, open_tab: TabFactory) -> None:
    page = open_camera(open_tab, door).page
    page.get_by_role("button", name="Draw a zone").click()
    corners = [(0.1, 0.5), (0.6, 0.5), (0.6, 0.995), (0.003, 0.995)]
    for corner in corners:
        click_at(page, *corner)
    page.locator(".handle").first.click()  # the first corner again: done
    page.get_by_label("Name").fill("porch")
    page.get_by_label("What counts").fill("person, dog")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved, and in force.").wait_for()
    zone = door.bridge.configured["door"]["zones"]["porch"]
    assert near(zone["points"], [(0.1, 0.5), (0.6, 0.5), (0.6, 1.0), (0.0, 1.0)]), zone["points"]
    assert zone["points"][2][1] == 1, "near the edge is the edge"
    assert zone["labels"] == ["person", "dog"]
    assert page.get_by_role("button", name="Save").is_disabled()


def test_corners_are_dragged_added_and_taken_away(door: Site, open_tab: TabFactory) -> None:
    door.bridge.configured["door"] = {
        "labels": ["person"],
        "zones": {"porch": {"points": [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]], "labels": None}},
        "masks": [[[0, 0], [0.1, 0], [0.1, 0.1]]],
        "motion": {"masks": []},
    }
    page = open_camera(open_tab, door).page
    page.get_by_role("button", name="Zone", exact=True).click()
    corner = page.get_by_role("button", name="Corner 1 at")
    corner.hover()
    page.mouse.down()
    box = page.locator(".stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.3 * box["height"], steps=5)
    page.mouse.up()
    page.get_by_role("button", name="New corner between 2 and 3").click()
    page.get_by_role("button", name="Corner 5 at").focus()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved, and in force.").wait_for()
    points = door.bridge.configured["door"]["zones"]["porch"]["points"]
    assert near(points, [(0.4, 0.3), (0.8, 0.2), (0.8, 0.5), (0.8, 0.8)]), points
    page.get_by_role("button", name="Remove: porch").click()
    page.get_by_role("button", name="Remove: Mask").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved, and in force.").wait_for()
    assert door.bridge.configured["door"]["zones"] == {}
    assert door.bridge.configured["door"]["masks"] == []


def test_a_mask_is_drawn_by_keyboard_alone(door: Site, open_tab: TabFactory) -> None:
    page = open_camera(open_tab, door).page
    page.get_by_role("button", name="Draw a motion mask").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Enter: done").wait_for()
    page.keyboard.press("Enter")
    corner = page.get_by_role("button", name="Corner 1 at 25% from the left")
    corner.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Saved, and in force.").wait_for()
    assert door.bridge.configured["door"]["motion"]["masks"] == [
        [[0.2, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]
    ]


def test_what_is_refused_says_why_and_stays_to_be_mended(door: Site, open_tab: TabFactory) -> None:
    page = open_camera(open_tab, door).page
    page.get_by_role("button", name="Draw a mask").click()
    for corner in ((0.1, 0.1), (0.5, 0.5), (0.5, 0.1)):
        click_at(page, *corner)
    page.keyboard.press("Enter")
    door.bridge.wrong = "espcam-bridge.yaml:7: cameras[0].masks[0]: its sides cross"
    page.get_by_role("button", name="Save").click()
    page.get_by_text("its sides cross").wait_for()
    assert page.get_by_role("button", name="Save").is_enabled()
    page.get_by_role("button", name="Undo all").click()
    assert page.locator(".shape").count() == 0
    assert page.locator(".shapes > *").count() == 0


def test_a_viewer_finds_nothing_to_change(make_site: SiteFactory, open_tab: TabFactory) -> None:
    site = make_site(password="geheim", viewer_password="schauen")
    site.add("door", "Front door")
    site.feed("door")
    login = {"username": "viewer", "password": "schauen"}
    tab = open_tab(site, path="/cameras/door", login=login)
    wait_live(tab.page)
    tab.page.locator(".health dt").first.wait_for()
    for words in ("Draw a zone", "Save", "Update"):
        assert not tab.page.get_by_role("button", name=words).is_visible()
    assert not tab.page.locator("details.controls").is_visible()
    tab.page.get_by_role("button", name="Sign out").click()
    tab.page.get_by_label("Password").wait_for()


def test_hostile_names_stay_text(site: Site, open_tab: TabFactory) -> None:
    site.add("door", HOSTILE)
    site.feed("door")
    site.bridge.configured["door"] = {
        "labels": [HOSTILE],
        "zones": {HOSTILE: {"points": [[0, 0], [1, 0], [1, 1]], "labels": [HOSTILE]}},
        "masks": [],
        "motion": {"masks": []},
    }
    tab = open_camera(open_tab, site)
    assert tab.page.locator("h2.name").inner_text() == HOSTILE
    assert tab.page.evaluate("window.hit") is None
    assert tab.page.get_by_label("Name").input_value() == HOSTILE


def test_a_camera_that_is_removed_says_so(door: Site, open_tab: TabFactory) -> None:
    tab = open_camera(open_tab, door)
    door.stop_feeding()
    door.store.remove_camera("door")
    tab.page.get_by_text("removed from the bridge").wait_for()
