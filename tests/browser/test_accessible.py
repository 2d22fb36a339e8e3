"""Every page, by day and by night, on a desk and on a phone: for people who cannot see it or point at it, as well."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from bridge.model import Readiness

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Site, SiteFactory, TabFactory

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SQUARE = [[0.05, 0.5], [0.6, 0.5], [0.6, 1], [0.05, 1]]
PAGES = {"/": ".tile img.live", "/cameras/door": ".stage img.live", "/events": "#none", "/system": ".charts polyline"}


@pytest.fixture
def axe() -> str:
    """The axe-core library's source."""
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return (files(package) / "axe.min.js").read_text()


@pytest.fixture
def house(make_site: SiteFactory) -> Site:
    site = make_site()
    site.add("door", "Front door")
    site.add("garden", "Garden")
    site.feed("door")
    site.bridge.parts = (
        Readiness("broker", ready=True, detail="connected"),
        Readiness("detector", ready=False, detail="loading"),
    )
    site.bridge.configured["door"] = {
        "labels": ["person"],
        "zones": {"porch": {"points": SQUARE, "labels": None}},
        "masks": [[[0.8, 0], [1, 0], [1, 0.2]]],
        "motion": {"masks": [[[0, 0], [0.3, 0], [0.3, 0.1], [0, 0.1]]]},
    }
    return site


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(
    house: Site, open_tab: TabFactory, axe: str, tmp_path: Path, width: int, scheme: str
) -> None:
    asked: set[str] = set()
    for path, ready in PAGES.items():
        tab = open_tab(house, path=path, viewport={"width": width, "height": 844}, color_scheme=scheme)
        tab.page.on("request", lambda request: asked.add(request.url))
        tab.page.locator(ready).first.wait_for(timeout=15_000)
        if path == "/cameras/door":
            tab.page.get_by_role("button", name="Zone", exact=True).click()
        tab.page.evaluate(axe)
        found: dict[str, Any] = tab.page.evaluate("() => axe.run()")
        serious = [
            f"{path}: {broken['id']}: {node['html'][:120]}: {node['failureSummary']}"
            for broken in found["violations"]
            if broken["impact"] in {"serious", "critical"}
            for node in broken["nodes"]
        ]
        assert serious == []
        assert len(found["passes"]) > 15, "it looked"
        sideways = tab.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert sideways <= 0, path
        name = path.strip("/").replace("/", "-") or "live"
        tab.page.screenshot(path=tmp_path / f"{name}-{width}-{scheme}.png", full_page=True)
        tab.page.close()
    outside = [url for url in asked if not url.startswith((f"http://127.0.0.1:{house.server.port}/", "blob:", "data:"))]
    assert outside == [], "nothing leaves the machine"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_sign_in_page_is_as_accessible(
    make_site: SiteFactory, open_tab: TabFactory, axe: str, tmp_path: Path, scheme: str
) -> None:
    site = make_site(password="geheim")
    tab = open_tab(site, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    tab.page.get_by_label("User name").fill("admin")
    tab.page.get_by_label("Password").fill("wrong")
    tab.page.keyboard.press("Enter")
    tab.page.get_by_role("alert").wait_for()
    tab.page.evaluate(axe)
    found = tab.page.evaluate("() => axe.run()")
    assert [broken["id"] for broken in found["violations"] if broken["impact"] in {"serious", "critical"}] == []
    tab.page.screenshot(path=tmp_path / f"sign-in-{scheme}.png")
