"""The JSON routes, the page's shell, errors and headers over real HTTP."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest

from bridge.model import Readiness

if TYPE_CHECKING:
    from tests.integration.http.conftest import Site, SiteFactory

pytestmark = pytest.mark.integration

HOSTILE = """<script>alert("x")</script>'"&{{7*7}}"""


def test_the_api_lists_every_camera_with_state_and_health(site: Site) -> None:
    site.store.add_camera("garden", name="Garden")
    site.show_person()
    site.send()
    cameras = site.get("/api/cameras").json()["cameras"]
    assert [camera["id"] for camera in cameras] == ["door", "garden"]
    door, garden = cameras
    assert (door["name"], door["state"], door["width_px"], door["height_px"]) == ("Front door", "online", 320, 240)
    assert (door["received"], door["present"], door["viewers"]) == (1, {"person": 1}, 0)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", door["last_frame_time"])
    assert (garden["state"], garden["last_frame_time"], garden["frame_age_ms"]) == ("waiting", None, None)
    assert site.get(door["snapshot_path"]).status == 200


def test_one_camera_is_the_same_as_in_the_list(site: Site) -> None:
    assert site.get("/api/cameras/door").json() == site.get("/api/cameras").json()["cameras"][0]


def test_what_a_camera_says_of_itself_is_shown_and_cannot_break_the_json(site: Site) -> None:
    site.store.note_hello("door", {"firmware": HOSTILE, "fps": float("nan"), "sizes": [float("inf"), {"x": 1.5}]})
    site.store.note_telemetry("door", {"rssi_dbm": -61})
    reply = site.get("/api/cameras/door")
    assert b"NaN" not in reply.body
    assert b"Infinity" not in reply.body
    assert reply.json()["hello"] == {"firmware": HOSTILE, "fps": None, "sizes": [None, {"x": 1.5}]}
    assert reply.json()["telemetry"] == {"rssi_dbm": -61}


@pytest.mark.parametrize(
    "path", ["/api/cameras/cellar", "/cameras/cellar/stream.mjpg", "/cameras/cellar/snapshot.jpg", "/cameras/a%2Fb/x"]
)
def test_an_unknown_camera_is_404_in_json(site: Site, path: str) -> None:
    reply = site.get(path)
    assert reply.status == 404
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.json()) == {"error", "detail"}
    assert reply.json()["error"] == "not_found"


def test_a_404_names_the_camera_that_was_asked_for(site: Site) -> None:
    assert "cellar" in site.get("/api/cameras/cellar").json()["detail"]


def test_an_unknown_path_and_a_wrong_method_are_json_too(site: Site) -> None:
    assert site.get("/nothing/here").json()["error"] == "not_found"
    refused = site.get("/api/cameras", method="DELETE")
    assert (refused.status, refused.json()["error"]) == (405, "method_not_allowed")
    assert "GET" in refused.headers["allow"]


def test_a_failure_of_ours_is_a_500_in_json_without_its_insides(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.bridge.facts = {"version": object()}  # cannot be written as JSON
    reply = site.get("/api/bridge")
    assert (reply.status, reply.json()["error"]) == (500, "internal_server_error")
    assert "object" not in reply.json()["detail"]
    assert "Traceback" in caplog.text, "it is in our log instead"
    assert site.get("/healthz").status == 200


def test_healthz_answers_ok(site: Site) -> None:
    reply = site.get("/healthz")
    assert (reply.status, reply.body) == (200, b"ok\n")


def test_readyz_names_every_part_and_is_503_while_one_is_not_ready(site: Site) -> None:
    assert (site.get("/readyz").status, site.get("/readyz").json()["ready"]) == (200, True)
    site.bridge.parts = (
        Readiness("broker", ready=True, detail="connected to 127.0.0.1:1883"),
        Readiness("detector", ready=False, detail="no model; run: espcam-bridge models export"),
    )
    reply = site.get("/readyz")
    assert reply.status == 503
    assert reply.json() == {
        "ready": False,
        "parts": [
            {"part": "broker", "ready": True, "detail": "connected to 127.0.0.1:1883"},
            {"part": "detector", "ready": False, "detail": "no model; run: espcam-bridge models export"},
        ],
    }


def test_the_bridge_tells_of_itself_and_of_its_parts(site: Site) -> None:
    site.bridge.facts = {"version": "1.2.3", "model": "yolo11n"}
    assert site.get("/api/bridge").json() == {
        "version": "1.2.3",
        "model": "yolo11n",
        "ready": True,
        "parts": [{"part": "broker", "ready": True, "detail": "connected"}],
    }


def test_metrics_are_prometheus_text_and_know_who_is_online_at_that_moment(site: Site) -> None:
    before = site.get("/metrics")
    assert before.headers["content-type"].startswith("text/plain")
    assert b'espcam_camera_online{camera="door"} 0.0' in before.body
    site.send()
    after = site.get("/metrics").body
    assert b'espcam_camera_online{camera="door"} 1.0' in after
    assert b'espcam_frames_received_total{camera="door"} 1.0' in after


def test_every_answer_carries_the_security_headers_and_opens_nothing_to_other_sites(site: Site) -> None:
    for path in ("/", "/api/cameras", "/nothing", "/static/page.js", "/cameras/door/snapshot.jpg", "/healthz"):
        headers = site.get(path, headers={"Origin": "https://evil.example"}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert not [name for name in headers if name.startswith("access-control-")]


def test_the_server_does_not_say_what_it_is_made_of(site: Site) -> None:
    assert site.get("/healthz").headers["server"] == "espcam-bridge"


def test_the_page_needs_nothing_from_the_internet(site: Site) -> None:
    page = site.get("/").body.decode()
    led_to = re.findall(r'<a\s[^>]*href="(https?:[^"]*)"', page)
    assert set(led_to) == {"https://my.home-assistant.io/redirect/config_flow_start/?domain=mjpeg"}, (
        "a click is no need"
    )
    used = [address for address in re.findall(r'(?:src|href)="([^"]*)"', page) if address not in led_to]
    assert used
    assert not [address for address in used if ":" in address]
    assert not [address for address in used if address.startswith("/")], "relative: it works behind a proxy's path"
    for name in ("page.css", "page.js", "tile.js", "mjpeg.js", "controls.js", "addresses.js", "icon.svg"):
        reply = site.get(f"/static/{name}")
        assert reply.status == 200
        assert b"http" not in reply.body.replace(b"http://www.w3.org/2000/svg", b"")


def test_the_page_shows_names_as_text_and_problems_with_their_reason(site: Site) -> None:
    site.store.add_camera("evil", name=HOSTILE)
    site.bridge.parts = (Readiness("detector", ready=False, detail=HOSTILE),)
    page = site.get("/").body.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "{{7*7}}" in page
    assert "not ready" in page


@pytest.mark.parametrize(
    ("host", "facts", "expected"),
    [
        ("bridge.local:8080", {}, "ws://bridge.local:3001/ws/"),
        ("bridge.local", {"ingest_port": 4000}, "ws://bridge.local:4000/ws/"),
        ("192.168.1.5:8080", {"ingest_tls": True}, "wss://192.168.1.5:3001/ws/"),
        ("[fe80::1]:8080", {}, "ws://[fe80::1]:3001/ws/"),
        ("[fe80::1]", {}, "ws://[fe80::1]:3001/ws/"),
    ],
)
def test_the_page_tells_where_a_camera_dials(site: Site, host: str, facts: dict[str, object], expected: str) -> None:
    site.bridge.facts = {"version": "1", **facts}
    assert f'data-dial="{expected}"' in site.get("/", headers={"Host": host}).body.decode()


@pytest.mark.parametrize(
    ("settings", "said", "unsaid"),
    [
        ({}, (), ("is protected",)),
        ({"password": "geheim"}, ("user name and password",), ("?token=",)),
        ({"api_token": "t0ken-42"}, ("?token=", "http.api_token"), ("user name",)),
        ({"password": "geheim", "api_token": "t0ken-42"}, ("user name and password", "?token="), ()),
    ],
)
def test_the_page_says_how_home_assistant_passes_the_door_but_never_with_what(
    make_site: SiteFactory, settings: dict[str, str], said: tuple[str, ...], unsaid: tuple[str, ...]
) -> None:
    site = make_site(**settings)
    secret = settings.get("password") or settings.get("api_token") or ""
    login = {"Authorization": "Basic " + base64.b64encode(f"admin:{secret}".encode()).decode()}
    page = site.get("/", headers=login).body.decode()
    assert [words for words in said if words not in page] == []
    assert [words for words in (*unsaid, *settings.values()) if words in page] == []


def test_a_hostile_host_header_stays_text(site: Site) -> None:
    page = site.get("/", headers={"Host": 'x"><script>alert(1)</script>'}).body.decode()
    assert "<script>alert" not in page
