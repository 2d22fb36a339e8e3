"""Cameras that wait to be approved, on the page, in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.frames import codec
from tests.browser.conftest import scene

if TYPE_CHECKING:
    from tests.browser.conftest import Site, TabFactory
    from tests.conftest import WaitUntil

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

HOSTILE = """<img src=x onerror="window.hit=1">'"{{7*7}}"""


def guest(camera_id: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a camera says of itself
    """A camera that waits, as the API tells of it."""
    return {
        "id": camera_id,
        "address": "192.0.2.7",
        "board": "ai-thinker",
        "firmware": "espcam-firmware/1.0.0",
        "version": "1.0.0",
        "mac": "",
        "has_key": True,
        "another_key": False,
        "has_picture": False,
        "last_seen_s": 1.0,
        **more,
    }


def test_nothing_is_shown_while_nobody_waits(site: Site, open_tab: TabFactory) -> None:
    tab = open_tab(site)
    assert tab.page.locator("#waiting").is_hidden()
    site.adoption.guests.append(guest("porch"))
    tab.page.get_by_text("Waiting to be approved").wait_for()
    site.adoption.guests.clear()
    tab.page.locator("#waiting").wait_for(state="hidden")
    assert tab.errors == []


def test_a_camera_is_shown_with_its_picture_and_what_it_says_is_text(site: Site, open_tab: TabFactory) -> None:
    site.adoption.pictures["porch"] = codec.encode(scene(0))
    site.adoption.guests += [
        guest("porch", board=HOSTILE, has_picture=True),
        guest("sketch", has_key=False),
        guest("flashed", another_key=True),
    ]
    tab = open_tab(site)
    porch, sketch, flashed = (
        tab.page.locator(f'.guest[data-camera="{name}"]') for name in ("porch", "sketch", "flashed")
    )
    porch.wait_for()
    assert f"{HOSTILE} · firmware 1.0.0 · 192.0.2.7" in porch.inner_text()
    assert porch.locator(".warning").is_hidden()
    tab.page.wait_for_function("() => document.querySelector('.guest[data-camera=\"porch\"] img').naturalWidth === 640")
    assert "It shows no key" in sketch.inner_text()
    assert "approved with another key" in flashed.inner_text()
    assert tab.page.evaluate("window.hit") is None
    assert tab.errors == []


def test_a_click_approves_under_the_name_that_was_typed_and_another_dismisses(
    site: Site, open_tab: TabFactory, wait_until: WaitUntil
) -> None:
    site.adoption.guests += [guest("front_door"), guest("espcam_a1b2c3")]
    tab = open_tab(site)
    named, fresh = (tab.page.locator(f'.guest[data-camera="{name}"]') for name in ("front_door", "espcam_a1b2c3"))
    assert named.get_by_label("Name").input_value() == "Front door"
    fresh.get_by_label("Name").fill("Garden")
    tab.page.wait_for_timeout(2500)  # the page looks again meanwhile
    assert fresh.get_by_label("Name").input_value() == "Garden", "what is typed stays"
    fresh.get_by_role("button", name="Approve").click()
    fresh.get_by_text("it comes in within ten seconds").wait_for()
    named.get_by_role("button", name="Dismiss").click()
    wait_until(lambda: site.adoption.told == [("approve", "espcam_a1b2c3", "Garden"), ("dismiss", "front_door")])
    assert tab.errors == []


def test_what_cannot_be_done_is_said_and_may_be_tried_again(site: Site, open_tab: TabFactory) -> None:
    site.adoption.guests.append(guest("porch"))
    site.adoption.refusal = f"2 boards call themselves porch {HOSTILE}"
    tab = open_tab(site)
    porch = tab.page.locator('.guest[data-camera="porch"]')
    porch.get_by_role("button", name="Approve").click()
    porch.get_by_text("2 boards call themselves porch").wait_for()
    assert porch.get_by_role("button", name="Approve").is_enabled()
    assert tab.page.evaluate("window.hit") is None


def test_it_fits_a_telephone(site: Site, open_tab: TabFactory) -> None:
    site.adoption.guests.append(guest("x" * 32, board="y" * 80, has_key=False))
    tab = open_tab(site, viewport={"width": 360, "height": 700})
    tab.page.locator(".guest").wait_for()
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360
