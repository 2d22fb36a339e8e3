"""The page in a real Chromium: live, honest about what is not, safe with hostile names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from bridge.model import Adaptation, Readiness

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Site, SiteFactory, Tab, TabFactory
    from tests.conftest import WaitUntil

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

HOSTILE = """<img src=x onerror="window.hit=1"><script>window.hit=1</script>'"{{7*7}}"""


def _text(tab: Tab, camera_id: str, part: str) -> str:
    return tab.page.locator(f"{tab.tile(camera_id)} {part}").inner_text()


def _wait_text(tab: Tab, selector: str, text: str) -> None:
    tab.page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)", arg=[selector, text]
    )


def _broken(tab: Tab) -> list[str]:
    """What went wrong in the page, but for requests that failed because the test made them fail."""
    return [error for error in tab.errors if "Failed to load resource" not in error and "net::ERR" not in error]


def test_a_tile_is_live_and_says_what_is_seen(site: Site, open_tab: TabFactory) -> None:
    site.add("door", "Front door")
    site.feed("door")
    tab = open_tab(site)
    tab.wait_live("door")
    _wait_text(tab, f"{tab.tile('door')} .facts", "person")
    assert _text(tab, "door", ".name") == "Front door"
    assert _text(tab, "door", ".badge") == "online"
    assert "fps" in _text(tab, "door", ".facts")
    image = tab.page.locator(f"{tab.tile('door')} img.live").first
    assert image.evaluate("image => image.naturalWidth") == 640
    assert image.get_attribute("alt") == "Live picture of Front door"
    assert tab.page.locator("#ready").inner_text() == "ready"
    assert tab.page.locator("#problems").is_hidden()
    assert tab.errors == []


def test_the_picture_follows_the_camera_at_its_rate(site: Site, open_tab: TabFactory) -> None:
    site.add("door")
    site.feed("door", fps=10)
    tab = open_tab(site)
    tab.wait_live("door")
    seen = set()
    end_s = time.monotonic() + 3
    while time.monotonic() < end_s:
        seen.add(tab.fingerprint("door"))
        tab.page.wait_for_timeout(20)
    assert len(seen) >= 15, "of 30 frames"


def test_a_camera_that_dies_is_shown_as_offline_and_comes_back_by_itself(site: Site, open_tab: TabFactory) -> None:
    site.add("door", "Front door")
    feeding = site.feed("door")
    tab = open_tab(site)
    tab.wait_live("door")
    live = tab.fingerprint("door")
    feeding.set()
    _wait_text(tab, f"{tab.tile('door')} .badge", "offline since")
    tab.page.wait_for_timeout(2500)
    notice = tab.fingerprint("door")
    assert notice not in {live, -1}, "the picture says so too"
    site.feed("door")
    tab.wait_live("door", timeout_s=3)
    _wait_text(tab, f"{tab.tile('door')} .badge", "online")
    assert tab.errors == []


def test_a_bridge_that_restarts_is_waited_for(make_site: SiteFactory, open_tab: TabFactory, free_port: int) -> None:
    site = make_site(port=free_port)
    site.add("door", "Front door")
    site.feed("door")
    tab = open_tab(site)
    tab.wait_live("door")
    site.stop()
    _wait_text(tab, "#problems", "does not answer")
    _wait_text(tab, f"{tab.tile('door')} .message", "trying again")
    assert _text(tab, "door", ".badge") == "no answer", "and not: online"
    again = make_site(port=free_port)
    again.add("door", "Front door")
    again.feed("door")
    tab.wait_live("door", timeout_s=15)
    tab.page.locator("#problems").wait_for(state="hidden")
    assert _text(tab, "door", ".message") == ""
    assert _broken(tab) == []


def test_a_camera_that_never_sent_says_where_to_dial(site: Site, open_tab: TabFactory) -> None:
    site.bridge.facts = {"version": "1", "ingest_port": 4001}
    site.add("door", "Front door")
    tab = open_tab(site)
    _wait_text(tab, f"{tab.tile('door')} .hint", "ws://127.0.0.1:4001/ws/door")
    assert _text(tab, "door", ".badge") == "waiting"
    assert tab.page.locator("#empty").is_hidden()


def test_without_a_camera_the_page_tells_how_to_connect_one_and_shows_it_when_it_comes(
    site: Site, open_tab: TabFactory
) -> None:
    tab = open_tab(site)
    assert "ws://127.0.0.1:3001/ws/front_door" in tab.page.locator("#empty").inner_text()
    site.add("door", "Front door")
    site.feed("door")
    tab.page.locator(tab.tile("door")).wait_for()
    tab.wait_live("door")
    assert tab.page.locator("#empty").is_hidden()
    assert tab.page.locator(f"{tab.tile('door')} .open-stream").get_attribute("href") == "cameras/door/stream.mjpg"


def test_what_is_not_ready_is_named_with_its_reason(site: Site, open_tab: TabFactory) -> None:
    site.bridge.parts = (Readiness("detector", ready=False, detail="no model; run: espcam-bridge models export"),)
    tab = open_tab(site)
    assert "espcam-bridge models export" in tab.page.locator("#problems").inner_text()
    assert tab.page.locator("#ready").inner_text() == "not ready"
    site.bridge.parts = (Readiness("detector", ready=True, detail="yolo11n"),)
    tab.page.locator("#problems").wait_for(state="hidden")
    assert tab.page.locator("#ready").inner_text() == "ready"
    site.bridge.parts = (Readiness("broker", ready=False, detail=HOSTILE),)
    _wait_text(tab, "#problems", HOSTILE)
    assert tab.page.evaluate("window.hit") is None


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_hostile_name_is_text_whether_it_is_there_when_the_page_opens_or_comes_later(
    site: Site, open_tab: TabFactory, when: str
) -> None:
    if when == "before":
        site.add("evil", HOSTILE)
        site.feed("evil")
    tab = open_tab(site)
    if when == "after":
        site.add("evil", HOSTILE)
        site.feed("evil")
    tab.page.locator(tab.tile("evil")).wait_for()
    tab.wait_live("evil")
    assert tab.page.locator(f"{tab.tile('evil')} .name").text_content() == HOSTILE
    assert tab.page.evaluate("window.hit") is None
    assert tab.errors == []


def test_eight_cameras_are_all_alive_at_once(site: Site, open_tab: TabFactory, tmp_path: Path) -> None:
    for number in range(8):
        site.add(f"camera_{number}", f"Camera {number}")
        site.feed(f"camera_{number}", fps=4)
    tab = open_tab(site, viewport={"width": 1280, "height": 900})
    tab.wait_live("camera_0")
    assert site.server.site.seats.taken == 0, "snapshots, no streams"
    for number in range(8):
        tab.wait_live(f"camera_{number}")
    _wait_text(tab, f"{tab.tile('camera_7')} .facts", "person")
    tab.page.screenshot(path=tmp_path / "eight.png", full_page=True)
    assert tab.errors == []


def test_four_cameras_are_streams_and_the_api_still_answers(site: Site, open_tab: TabFactory) -> None:
    for number in range(4):
        site.add(f"camera_{number}")
        site.feed(f"camera_{number}", fps=5)
    tab = open_tab(site)
    for number in range(4):
        tab.wait_live(f"camera_{number}")
    assert [site.store.status(f"camera_{number}").viewers for number in range(4)] == [1] * 4
    site.bridge.parts = (Readiness("broker", ready=False, detail="away"),)
    _wait_text(tab, "#problems", "away")


def test_two_windows_share_the_browsers_six_connections(site: Site, chromium: Any) -> None:  # noqa: ANN401 - playwright's
    for number in range(4):
        site.add(f"camera_{number}")
        site.feed(f"camera_{number}", fps=5)
    context = chromium.new_context()
    pages = [context.new_page(), context.new_page()]
    for page in pages:
        page.goto(f"http://127.0.0.1:{site.server.port}/", wait_until="commit")
    # Connections are shared within a context: eight streams want six places, and the API needs one as well.
    for page in pages:
        for number in range(4):
            page.wait_for_function(
                f"() => document.querySelector('[data-camera=camera_{number}] img.live')?.naturalWidth > 0",
                timeout=30_000,
            )
    context.close()


def test_a_page_that_nobody_sees_fetches_nothing(site: Site, open_tab: TabFactory, wait_until: WaitUntil) -> None:
    site.add("door")
    site.feed("door")
    tab = open_tab(site)
    tab.wait_live("door")
    hide = "(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); "
    hide += "document.dispatchEvent(new Event('visibilitychange')); }"
    tab.page.evaluate(hide, True)  # noqa: FBT003 - JavaScript's argument
    wait_until(lambda: site.store.status("door").viewers == 0, what="the stream given up")
    tab.page.evaluate(hide, False)  # noqa: FBT003 - likewise
    tab.wait_live("door")


def test_the_page_works_behind_a_password(make_site: SiteFactory, open_tab: TabFactory) -> None:
    site = make_site(password="geheim")
    site.add("door")
    site.feed("door")
    tab = open_tab(site, login={"username": "admin", "password": "geheim"})
    tab.wait_live("door")
    _wait_text(tab, f"{tab.tile('door')} .badge", "online")


def test_the_stream_itself_plays_in_the_browser(site: Site, chromium: Any) -> None:  # noqa: ANN401 - playwright's
    site.add("door")
    site.feed("door")
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{site.server.port}/cameras/door/stream.mjpg", wait_until="commit")
    page.wait_for_function("() => document.images[0]?.naturalWidth === 640", timeout=10_000)
    first = page.screenshot()
    page.wait_for_timeout(700)
    assert page.screenshot() != first
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (768, "light"), (1440, "dark")])
def test_the_page_fits_phones_and_desks_by_day_and_by_night(
    site: Site, open_tab: TabFactory, tmp_path: Path, width: int, scheme: str
) -> None:
    for camera_id, name in (
        ("door", "Front door"),
        ("garden", "Garden behind the house with a very long name indeed"),
        ("cellar", "Cellar"),
    ):
        site.add(camera_id, name)
    site.feed("door")
    tired = site.feed("garden")
    site.bridge.parts = (Readiness("detector", ready=False, detail="no model; run: espcam-bridge models export"),)
    tab = open_tab(site, viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab.wait_live("door")
    tab.page.locator(tab.tile("garden")).scroll_into_view_if_needed()
    tab.wait_live("garden")
    tired.set()
    _wait_text(tab, f"{tab.tile('garden')} .badge", "offline since")
    tab.page.screenshot(path=tmp_path / f"page-{width}-{scheme}.png", full_page=True)
    overflow = tab.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, "no sideways scrolling"
    ground = tab.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]")
    assert (ground > 200) == (scheme == "light")


def test_what_a_camera_sends_less_and_why_is_said(site: Site, open_tab: TabFactory) -> None:
    site.add("door", "Front door")
    tab = open_tab(site)
    line = tab.page.locator(f"{tab.tile('door')} .adapted")
    assert line.is_hidden()
    site.store.note_adaptation(
        "door", Adaptation(2, 8, "31% of the <b>pictures</b> gave way", "VGA, quality 26, 5 fps")
    )
    line.get_by_text("Sends VGA, quality 26, 5 fps for now: 31% of the <b>pictures</b> gave way").wait_for()
    site.store.note_adaptation("door", Adaptation(0, 8, "", "VGA, quality 12, 15 fps"))
    line.wait_for(state="hidden")
    assert tab.errors == []
