"""Cameras' firmware over real HTTP: what is shown, what is begun, and who may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.model import UpdateStatus

if TYPE_CHECKING:
    from tests.integration.http.conftest import Site, SiteFactory

pytestmark = pytest.mark.integration

CAMERA = "/api/cameras/door"


def test_a_camera_shows_how_it_stands_with_its_firmware(site: Site) -> None:
    assert site.get(CAMERA).json()["update"] is None
    site.updates.statuses["door"] = UpdateStatus("1.0.0", "1.1.0", problem="no room")
    assert site.get(CAMERA).json()["update"] == {
        "installed": "1.0.0",
        "latest": "1.1.0",
        "step": "none",
        "percent": 0,
        "problem": "no room",
    }


def test_an_update_is_begun_and_a_refusal_says_why(site: Site) -> None:
    site.updates.statuses["door"] = UpdateStatus("1.0.0", "1.1.0")
    reply = site.get(f"{CAMERA}/update", "POST")
    assert (reply.status, reply.json()["step"]) == (202, "loading")
    site.updates.refusal = "door is offline"
    reply = site.get(f"{CAMERA}/update", "POST")
    assert (reply.status, reply.json()) == (409, {"error": "conflict", "detail": "door is offline"})
    assert site.get("/api/cameras/nobody/update", "POST").status == 404
    assert site.get(f"{CAMERA}/update").status == 405
    assert site.updates.told == ["door", "door"]


def test_another_sites_page_and_a_stranger_begin_nothing(make_site: SiteFactory) -> None:
    site = make_site(password="geheim")
    assert site.get(f"{CAMERA}/update", "POST").status == 401
    site = make_site()
    for foreign in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert site.get(f"{CAMERA}/update", "POST", foreign).status == 403
    assert site.updates.told == []
