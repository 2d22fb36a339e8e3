"""The pictures of past events over real HTTP: how long they may be kept, and when they are sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.model import PictureKind

if TYPE_CHECKING:
    from tests.integration.http.conftest import Past, Site, SiteFactory

pytestmark = pytest.mark.integration


@pytest.fixture
def site(make_site: SiteFactory, past: Past) -> Site:
    return make_site(events=past)


def _max_age_s(cache_control: str) -> int:
    parts = dict(part.partition("=")[::2] for part in cache_control.split(", "))
    assert "private" in parts, "no cache between here and the viewer may keep it"
    return int(parts["max-age"])


@pytest.mark.parametrize(("kind", "body"), [("thumbnail", b"jpeg"), ("snapshot", b"whole jpeg")])
def test_both_pictures_are_jpeg_as_they_were_kept(site: Site, past: Past, kind: str, body: bytes) -> None:
    past.happened(picture=b"jpeg")
    path = site.get("/api/events").json()["events"][0][f"{kind}_path"]
    reply = site.get(path)
    assert (reply.status, reply.body) == (200, body)
    assert reply.headers["content-type"] == "image/jpeg"
    assert int(reply.headers["content-length"]) == len(body)


def test_a_picture_of_an_event_that_ended_is_kept_for_days_and_one_that_lasts_for_seconds(
    site: Site, past: Past
) -> None:
    event = past.happened(picture=b"jpeg", end_unix_s=None)
    path = f"/api/events/{event.id}/thumbnail.jpg"
    assert 0 < _max_age_s(site.get(path).headers["cache-control"]) <= 10
    past.ended(event)
    assert _max_age_s(site.get(path).headers["cache-control"]) >= 86_400


def test_a_viewer_that_has_the_picture_is_told_so_and_gets_a_better_one(site: Site, past: Past) -> None:
    event = past.happened(picture=b"first", end_unix_s=None)
    path = f"/api/events/{event.id}/thumbnail.jpg"
    first = site.get(path)
    has_it = {"If-None-Match": first.headers["etag"]}
    same = site.get(path, headers=has_it)
    assert (same.status, same.body) == (304, b"")
    for name in ("etag", "cache-control"):  # RFC 9110, section 15.4.5
        assert same.headers[name] == first.headers[name]
    past.pictures[event.id, PictureKind.THUMBNAIL] = b"better"
    better = site.get(path, headers=has_it)
    assert (better.status, better.body) == (200, b"better")
    assert better.headers["etag"] != first.headers["etag"]


def test_the_two_pictures_of_an_event_are_not_taken_for_each_other(site: Site, past: Past) -> None:
    event = past.happened(picture=b"jpeg")
    etag = site.get(f"/api/events/{event.id}/thumbnail.jpg").headers["etag"]
    assert site.get(f"/api/events/{event.id}/snapshot.jpg", headers={"If-None-Match": etag}).status == 200


@pytest.mark.parametrize("kind", ["thumbnail", "snapshot"])
def test_a_picture_that_there_is_not_or_not_any_more_is_404_and_not_kept(site: Site, past: Past, kind: str) -> None:
    event = past.happened(picture=b"jpeg")
    past.pictures.clear()
    reply = site.get(f"/api/events/{event.id}/{kind}.jpg")
    assert (reply.status, reply.json()["error"]) == (404, "not_found")
    assert kind in reply.json()["detail"]
    assert reply.headers["cache-control"] == "no-store"


def test_there_are_no_other_pictures(site: Site, past: Past) -> None:
    event = past.happened(picture=b"jpeg")
    assert site.get(f"/api/events/{event.id}/other.jpg").status == 404


def test_many_pictures_go_over_one_connection_also_those_that_the_viewer_has(site: Site, past: Past) -> None:
    import http.client

    event = past.happened(picture=b"jpeg")
    etag = site.get(f"/api/events/{event.id}/thumbnail.jpg").headers["etag"]
    connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=5)
    try:
        for _ in range(3):
            connection.request("GET", f"/api/events/{event.id}/thumbnail.jpg", headers={"If-None-Match": etag})
            response = connection.getresponse()
            assert (response.status, response.read(), response.will_close) == (304, b"", False)
    finally:
        connection.close()
