"""Setting controls over real HTTP: what is set, what is refused and how it is said, and who may not."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from bridge.serve import listener

if TYPE_CHECKING:
    from tests.conftest import WaitUntil
    from tests.integration.http.conftest import Reply, Site, SiteFactory

pytestmark = pytest.mark.integration

CAMERA = "/api/cameras/door"
JSON = {"Content-Type": "application/json"}


def _patch(site: Site, body: object, *, path: str = CAMERA, **headers: str) -> Reply:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return site.get(path, "PATCH", JSON | {name.replace("_", "-"): value for name, value in headers.items()}, sent)


def _set(site: Site, **controls: Any) -> Reply:  # noqa: ANN401 - whatever somebody sends
    return _patch(site, {"controls": controls})


def test_a_camera_shows_what_can_be_set_and_how_it_is_set(site: Site) -> None:
    camera = site.get(CAMERA).json()
    assert camera["controls"] == {"detect": True, "confidence": 0.25}
    assert camera["offers"] == ["detect", "confidence"]
    assert camera["framesizes"] == []
    assert camera["ranges"] == {"confidence": {"min": 0.05, "max": 0.95, "step": 0.05}}
    assert site.get("/api/cameras").json()["cameras"] == [camera]


def test_what_cannot_be_written_as_json_is_no_value(site: Site) -> None:
    site.bridge.panels["door"] = {"values": {"a": float("nan")}, "offers": (), "framesizes": (), "ranges": {}}
    assert site.get(CAMERA).json()["controls"] == {"a": None}


def test_controls_are_set_in_the_order_in_which_they_are_sent_and_the_answer_is_the_camera(site: Site) -> None:
    reply = _set(site, quality=12, detect=False, framesize="VGA", confidence=0.5)
    assert reply.status == 200
    assert site.bridge.told == [
        ("door", "quality", 12),
        ("door", "detect", False),
        ("door", "framesize", "VGA"),
        ("door", "confidence", 0.5),
    ]
    assert reply.json() == site.get(CAMERA).json()
    assert reply.json()["controls"]["detect"] is False


def test_the_first_refusal_ends_it_and_says_which_one_and_what_was_set_before(site: Site) -> None:
    site.bridge.refusals["quality"] = "quality takes 4 to 63"
    reply = _set(site, detect=False, quality=99, confidence=0.5)
    assert reply.status == 400
    assert reply.json() == {
        "error": "bad_request",
        "detail": "quality takes 4 to 63 (set before it: detect)",
        "failed": "quality",
        "set": ["detect"],
    }
    assert [name for _, name, _ in site.bridge.told] == ["detect", "quality"]
    assert site.get(CAMERA).json()["controls"]["detect"] is False
    assert _set(site, quality=99).json()["detail"] == "quality takes 4 to 63"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 4000,
        b"null",
        b"[]",
        b'{"detect": false}',
        b'{"controls": {}}',
        b'{"controls": []}',
        b'{"controls": {"detect": true}, "name": "Door"}',
    ],
)
def test_a_body_of_another_form_is_told_the_right_one(site: Site, body: bytes) -> None:
    reply = _patch(site, body)
    assert (reply.status, reply.json()["error"]) == (400, "bad_request")
    assert '{"controls": {"detect": false}}' in reply.json()["detail"]
    assert site.bridge.told == []


@pytest.mark.parametrize("value", ["null", "[1]", "{}", "NaN", "-Infinity", "1e999", "9" * 4000])
def test_a_value_that_no_control_could_take_sets_nothing_at_all(site: Site, value: str) -> None:
    reply = _patch(site, f'{{"controls": {{"detect": false, "quality": {value}}}}}'.encode())
    assert reply.status == 400
    assert "'quality'" in reply.json()["detail"]
    assert site.bridge.told == []


def test_an_unknown_camera_is_404(site: Site) -> None:
    reply = _patch(site, {"controls": {"detect": False}}, path="/api/cameras/cellar")
    assert (reply.status, reply.json()["error"]) == (404, "not_found")
    assert site.bridge.told == []


def test_a_body_that_is_too_long_is_not_read(site: Site) -> None:
    reply = _patch(site, {"controls": {"framesize": "x" * 5000}})
    assert (reply.status, reply.json()["error"]) == (413, "request_entity_too_large")
    assert site.bridge.told == []


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_what_a_form_can_send_is_refused(site: Site, kind: str) -> None:
    reply = site.get(CAMERA, "PATCH", {"Content-Type": kind}, b'{"controls": {"detect": false}}')
    assert (reply.status, reply.json()["error"]) == (415, "unsupported_media_type")
    assert site.bridge.told == []


def test_another_sites_page_changes_nothing_and_ours_does(make_site: SiteFactory) -> None:
    site = make_site(public_url="https://cams.example")
    own = f"127.0.0.1:{site.server.port}"
    body = {"controls": {"detect": False}}
    for foreign in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
        reply = _patch(site, body, **foreign)
        assert (reply.status, reply.json()["error"]) == (403, "forbidden")
    assert site.bridge.told == []
    ours = ({"Origin": f"http://{own}"}, {"Origin": "https://cams.example"}, {"Sec_Fetch_Site": "same-origin"})
    for own_page in ours:
        assert _patch(site, body, **own_page).status == 200
    question = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PATCH"}
    preflight = site.get(CAMERA, "OPTIONS", question)
    assert not [name for name in preflight.headers if name.startswith("access-control-")]


def test_without_a_credential_nothing_is_set_and_a_pictures_token_in_the_query_is_none(make_site: SiteFactory) -> None:
    site = make_site(password="geheim", api_token="t0ken-42")
    body = {"controls": {"detect": False}}
    assert _patch(site, body).status == 401
    assert _patch(site, body, path=f"{CAMERA}?token=t0ken-42").status == 401
    assert site.bridge.told == []
    assert _patch(site, body, Authorization="Bearer t0ken-42").status == 200


def test_slow_cameras_take_only_some_of_the_servers_threads(site: Site, wait_until: WaitUntil) -> None:
    site.bridge.answers_after_s = 1.0
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(_set(site, detect=False).status)) for _ in range(12)]
    for thread in threads:
        thread.start()
    wait_until(lambda: statuses.count(503) == 8, timeout_s=0.9, what="those beyond four refused at once")
    began_s = time.monotonic()
    assert site.get("/api/cameras").status == 200
    assert time.monotonic() - began_s < 0.5
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 4 + [503] * 8
    assert _set(site, detect=True).status == 200, "their turns are given back"


def test_many_controls_may_each_take_their_time(make_site: SiteFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "REQUEST_S", 1.0)  # 15 s in earnest
    site = make_site()
    site.bridge.answers_after_s = 0.7
    reply = _set(site, detect=False, confidence=0.5, quality=12, framesize="VGA")
    assert reply.status == 200
    assert len(site.bridge.told) == 4
