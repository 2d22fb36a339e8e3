"""Past events: the gallery, when they were, and one of them large, in a real Chromium."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.errors import HistoryError
from bridge.frames import codec
from bridge.history.archive import Archive
from bridge.history.media import MediaFolder
from bridge.history.store import EventStore
from bridge.model import Event, PictureKind
from tests.browser.conftest import scene

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Site, SiteFactory, Tab, TabFactory
    from tests.conftest import WaitUntil

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

HOSTILE = """<img src=x onerror="window.hit=1">'"{{7*7}}"""


def happened(site: Site, number: int, *, minutes_ago: float = 0.0, picture: bytes = b"", **changes: object) -> Event:
    """Note an event; the number is in its id."""
    start_unix_s = time.time() - 60 * minutes_ago - number
    attributes: dict[str, object] = {
        "id": f"{round(start_unix_s * 1000):013}-{number:06x}",
        "camera_id": "door",
        "label": "person",
        "score": 0.7,
        "top_score": 0.9,
        "box_xyxy_norm": (0.25, 0.125, 0.75, 1.0),
        "start_unix_s": start_unix_s,
        "end_unix_s": start_unix_s + 12.4,
        "frame_unix_s": start_unix_s,
        "frame_mono_s": 0.0,
        "has_thumbnail": bool(picture),
        "has_snapshot": bool(picture),
    }
    event = Event(**attributes | changes)  # type: ignore[arg-type]
    site.past.events.append(event)
    if picture:
        for kind in PictureKind:
            site.past.pictures[event.id, kind] = picture
    return event


def cards(tab: Tab) -> list[str]:
    """What the cards say, the newest first."""
    return tab.page.locator(".card").all_inner_texts()


def test_events_are_shown_with_pictures_and_whatever_they_are_called_is_text(site: Site, open_tab: TabFactory) -> None:
    site.add("door", "Front door")
    picture = codec.encode(scene(3))
    happened(site, 1, picture=picture, entered_zones=("porch", HOSTILE))
    happened(site, 2, label=HOSTILE, camera_id="gone", end_unix_s=None)
    tab = open_tab(site, path="/events")
    tab.page.locator(".card").nth(1).wait_for()
    first, second = cards(tab)
    assert "person 90 %" in first
    assert f"Front door · porch, {HOSTILE}" in first
    assert "12 s" in first
    assert HOSTILE in second
    assert "gone" in second
    assert "still there" in second
    assert tab.page.locator("#span .count").inner_text() == "2 events"
    assert tab.page.evaluate("window.hit") is None
    tab.page.wait_for_function("document.querySelector('.card img').naturalWidth > 0")
    assert tab.errors == []


def test_one_is_looked_at_large_and_the_arrow_keys_walk(site: Site, open_tab: TabFactory) -> None:
    site.add("door", "Front door")
    picture = codec.encode(scene(3))
    events = [happened(site, number, picture=picture) for number in range(3)]
    tab = open_tab(site, path="/events")
    tab.page.locator(".card a").first.click()
    dialog = tab.page.locator("#event")
    dialog.wait_for()
    assert events[0].id in dialog.inner_text()
    tab.page.wait_for_function("document.querySelector('#event img').naturalWidth === 640")
    assert dialog.get_by_role("button", name="Newer").is_disabled()
    tab.page.keyboard.press("ArrowRight")
    tab.page.keyboard.press("ArrowRight")
    dialog.get_by_text(events[2].id).wait_for()
    assert dialog.get_by_role("button", name="Older").is_disabled()
    tab.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert tab.page.evaluate("document.activeElement.parentElement.dataset.id") == events[2].id
    assert tab.errors == []


def test_filters_find_the_event_and_stand_in_the_address(
    site: Site, open_tab: TabFactory, wait_until: WaitUntil
) -> None:
    site.add("door", "Front door")
    site.add("yard", "Yard")
    happened(site, 1)
    happened(site, 2, camera_id="yard", label="dog", entered_zones=("lawn",))
    happened(site, 3, camera_id="yard", minutes_ago=60 * 24 * 3)
    tab = open_tab(site, path="/events")
    tab.page.locator(".card").nth(2).wait_for()
    tab.page.get_by_label("Camera").select_option("yard")
    wait_until(lambda: len(cards(tab)) == 2, 5, "those of the yard")
    tab.page.get_by_role("button", name="24 hours").click()
    wait_until(lambda: len(cards(tab)) == 1, 5, "of today")
    assert "dog" in cards(tab)[0]
    address = tab.page.url
    assert "camera=yard" in address
    assert "since=" in address
    again = open_tab(site, path=address.partition(str(site.server.port))[2])
    wait_until(lambda: len(cards(again)) == 1, 5, "the address says it all")
    assert again.page.get_by_label("Camera").input_value() == "yard"
    again.page.get_by_label("Zone").fill("nowhere")
    again.page.get_by_label("Zone").press("Enter")
    again.page.get_by_text("no event fits").wait_for()
    assert tab.errors == again.errors == []


def test_a_click_on_the_time_line_narrows_to_that_time(site: Site, open_tab: TabFactory, wait_until: WaitUntil) -> None:
    site.add("door")
    for number in range(4):
        happened(site, number, minutes_ago=60 * 30)
    happened(site, 9)
    tab = open_tab(site, path="/events")
    tab.page.locator(".card").nth(4).wait_for()
    tab.page.locator("#timeline g").first.click()
    wait_until(lambda: len(cards(tab)) == 4, 5, "those of long ago")
    tab.page.get_by_role("button", name="All").click()
    wait_until(lambda: len(cards(tab)) == 5, 5, "all again")


def test_news_is_said_at_the_top_and_what_ends_is_brought_up_to_date(
    site: Site, open_tab: TabFactory, wait_until: WaitUntil
) -> None:
    site.add("door")
    lasting = happened(site, 5, end_unix_s=None)
    tab = open_tab(site, path="/events")
    tab.page.get_by_text("still there").wait_for()
    site.past.events[0] = replace(lasting, end_unix_s=lasting.start_unix_s + 30)
    happened(site, 1)
    tab.page.get_by_text("1 new event").wait_for()
    wait_until(lambda: "30 s" in cards(tab)[0], 5, "its end shows")
    tab.page.get_by_text("1 new event").click()
    wait_until(lambda: len(cards(tab)) == 2, 5, "it is there")


def test_ten_thousand_events_come_as_one_scrolls(
    make_site: SiteFactory, open_tab: TabFactory, wait_until: WaitUntil, tmp_path: Path
) -> None:
    """With the history itself behind the page; benchmarks/gallery.py tells how smooth it is."""
    store = EventStore(f"sqlite:///{tmp_path}/history.db")
    store.open()
    site = make_site(events=Archive(store, MediaFolder(tmp_path / "media")))
    site.add("door")
    store.record_many([(happened(site, number), ()) for number in range(10_000)])
    tab = open_tab(site, path="/events")
    tab.page.locator(".card").first.wait_for()
    tab.page.get_by_text("10000 events").wait_for()
    assert len(cards(tab)) <= 600, "not all at once"

    def scrolled() -> bool:
        tab.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        return bool(tab.page.evaluate("document.querySelectorAll('.card').length") == 10_000)

    wait_until(scrolled, 60, "all of them")
    ids = tab.page.evaluate("[...document.querySelectorAll('.card')].map((card) => card.dataset.id)")
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 10_000
    assert tab.errors == []
    store.close()


def test_a_history_that_cannot_be_read_is_said_and_comes_back_by_itself(site: Site, open_tab: TabFactory) -> None:
    site.add("door")
    site.past.failure = HistoryError("the database is locked", "wait")
    tab = open_tab(site, path="/events")
    tab.page.get_by_text("the database is locked").wait_for()
    site.past.failure = None
    happened(site, 1)
    tab.page.get_by_text("1 new event").wait_for()
    assert tab.page.get_by_text("the database is locked").is_hidden()
