"""Past events over real HTTP: filters, pages, one event, and what is said when it cannot be had."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from bridge.errors import HistoryError

if TYPE_CHECKING:
    from tests.integration.http.conftest import Past, Site, SiteFactory

pytestmark = pytest.mark.integration

ROUTES = (
    "/api/events",
    "/api/events/timeline",
    "/api/events/1764072000000-000000",
    "/api/events/1764072000000-000000/thumbnail.jpg",
    "/api/events/1764072000000-000000/snapshot.jpg",
    "/api/events.csv",
    "/api/events.json",
)


@pytest.fixture
def site(make_site: SiteFactory, past: Past) -> Site:
    return make_site(events=past)


def _ids(site: Site, **parameters: object) -> list[str]:
    reply = site.get(f"/api/events?{urlencode(parameters)}")
    assert reply.status == 200, reply.body
    return [event["id"] for event in reply.json()["events"]]


def test_events_come_newest_first_with_all_that_is_known_of_them(site: Site, past: Past) -> None:
    old = past.happened(0, picture=b"jpeg", zones=("porch",), entered_zones=("drive", "porch"))
    new = past.happened(1, end_unix_s=None)
    reply = site.get("/api/events")
    assert (reply.status, reply.headers["cache-control"]) == (200, "no-store")
    assert [event["id"] for event in reply.json()["events"]] == [new.id, old.id]
    assert reply.json()["next_cursor"] is None
    assert reply.json()["events"][1] == {
        "id": "1764072000000-000000",
        "camera": "door",
        "label": "person",
        "score": 0.7,
        "top_score": 0.9,
        "box": [0.25, 0.125, 0.75, 1.0],
        "zones": ["porch"],
        "entered_zones": ["drive", "porch"],
        "start_time": "2025-11-25T12:00:00.000Z",
        "end_time": "2025-11-25T12:00:12.500Z",
        "duration_s": 12.5,
        "stationary": False,
        "has_thumbnail": True,
        "has_snapshot": True,
        "thumbnail_path": "/api/events/1764072000000-000000/thumbnail.jpg",
        "snapshot_path": "/api/events/1764072000000-000000/snapshot.jpg",
        "captured_time": None,
        "frame_time": "2025-11-25T12:00:17.500Z",
        "detected_time": None,
    }


def test_without_events_the_list_is_empty(site: Site) -> None:
    assert site.get("/api/events").json() == {"events": [], "next_cursor": None}


def test_each_filter_lets_through_what_fits_and_all_together_too(site: Site, past: Past) -> None:
    first = past.happened(0, camera_id="garden", label="cat", zones=(), entered_zones=("pond",))
    second = past.happened(10)
    third = past.happened(20, label="traffic light")
    assert _ids(site, camera="garden") == [first.id]
    assert _ids(site, label="traffic light") == [third.id]
    assert _ids(site, zone="pond") == [first.id], "it was there, and is not any more"
    assert _ids(site, since="2025-11-25T12:10:00Z") == [third.id, second.id], "inclusive"
    assert _ids(site, until="2025-11-25T12:10:00Z") == [first.id], "exclusive"
    assert _ids(site, since=second.start_unix_s, until="2025-11-25T13:20:00+01:00") == [second.id]
    assert _ids(site, camera="door", label="person", since="2025-11-25", until="2025-11-26") == [second.id]
    assert _ids(site, camera="door", label="cat") == []


def test_a_plus_that_was_not_escaped_is_still_a_time_zone(site: Site, past: Past) -> None:
    event = past.happened(10)
    reply = site.get("/api/events?since=2025-11-25T13:10:00+01:00&until=2025-11-25T13:10:01+01:00")
    assert [entry["id"] for entry in reply.json()["events"]] == [event.id]


def test_a_camera_that_is_gone_still_has_its_events_and_one_that_never_was_has_none(site: Site, past: Past) -> None:
    event = past.happened(camera_id="removed")
    assert "removed" not in site.store.camera_ids()
    assert _ids(site, camera="removed") == [event.id]
    assert _ids(site, camera="never_was") == []


def test_a_walk_through_the_pages_meets_every_event_once_while_others_come_and_go(site: Site, past: Past) -> None:
    events = [past.happened(minute) for minute in range(23)]
    met: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = site.get(f"/api/events?{urlencode({'limit': 5, 'cursor': cursor})}").json()
        met += [event["id"] for event in page["events"]]
        cursor = page["next_cursor"]
        past.happened(100 + len(met))  # newer than all of them
        past.events = [event for event in past.events if event.id != met[-1]]  # the very one that the cursor stands for
    assert met == [event.id for event in reversed(events)]


def test_a_page_holds_fifty_unless_asked_for_more(site: Site, past: Past) -> None:
    for minute in range(60):
        past.happened(minute)
    assert len(_ids(site)) == 50
    assert len(_ids(site, limit=500)) == 60


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("camra=door", "did you mean camera?"),
        ("xyz=1", "allowed are camera, label, zone, since, until, limit, cursor"),
        ("since=yesterday", "since: 'yesterday' cannot be read; a time is ISO 8601"),
        ("until=1764072000000", "seconds, not milliseconds"),
        ("limit=501", "limit: '501' is not allowed; a whole number from 1 to 500 is"),
        ("limit=0", "from 1 to 500"),
        ("camera=a&camera=b", "camera: given 2 times"),
        ("label=a%00b", "NUL"),
        ("cursor=rubbish", "cursor: 'rubbish' is none of ours"),
        ("token=t0ken", "token: there is no such parameter"),
    ],
)
def test_what_cannot_be_meant_is_400_and_says_what_is_allowed(site: Site, past: Past, query: str, detail: str) -> None:
    past.happened()
    reply = site.get(f"/api/events?{query}")
    assert (reply.status, reply.json()["error"]) == (400, "bad_request")
    assert detail in reply.json()["detail"]


def test_one_event_is_the_same_as_in_the_list(site: Site, past: Past) -> None:
    event = past.happened()
    reply = site.get(f"/api/events/{event.id}")
    assert reply.status == 200
    assert reply.json() == site.get("/api/events").json()["events"][0]


@pytest.mark.parametrize(
    "event_id",
    [
        "1764072000000-ffffff",
        "1764072000000-00000G",
        "1764072000000-000000%0A",
        "x",
        "..",
        "..%2F..%2Fetc%2Fpasswd",
        "%00",
        "a" * 5000,
    ],
)
def test_an_unknown_event_is_404_and_what_is_no_id_never_reaches_the_history(
    site: Site, past: Past, event_id: str
) -> None:
    past.happened()
    if event_id != "1764072000000-ffffff":
        past.failure = HistoryError("it was asked", "refuse earlier")
    for path in (f"/api/events/{event_id}", f"/api/events/{event_id}/thumbnail.jpg"):
        reply = site.get(path)
        assert (reply.status, reply.json()["error"]) == (404, "not_found")
        assert len(reply.body) < 300


@pytest.mark.parametrize("path", ROUTES)
def test_without_a_history_every_route_says_so(make_site: SiteFactory, path: str) -> None:
    reply = make_site().get(path)
    assert (reply.status, reply.json()["error"]) == (503, "service_unavailable")
    assert "history.enabled" in reply.json()["detail"]
    assert "retry-after" not in reply.headers, "waiting does not help"


@pytest.mark.parametrize("path", ROUTES)
def test_a_history_that_cannot_be_read_is_503_with_its_reason_and_mend(site: Site, past: Past, path: str) -> None:
    past.happened(picture=b"jpeg")
    past.failure = HistoryError("the database is locked by another program", "stop that program")
    reply = site.get(path)
    assert (reply.status, reply.json()["error"]) == (503, "service_unavailable")
    assert reply.json()["detail"] == "the database is locked by another program; stop that program"
    assert int(reply.headers["retry-after"]) > 0
    past.failure = None
    assert site.get(path).status == 200


@pytest.mark.parametrize("path", ROUTES)
def test_a_head_request_gets_the_same_head_and_no_body(site: Site, past: Past, path: str) -> None:
    past.happened(picture=b"jpeg")
    asked, told = site.get(path, method="HEAD"), site.get(path)
    assert (asked.status, asked.body) == (200, b"")
    for name in ("content-type", "cache-control", "etag", "content-disposition"):
        assert asked.headers.get(name) == told.headers.get(name)


@pytest.mark.parametrize("path", ROUTES)
def test_nothing_of_the_past_can_be_changed_from_outside(site: Site, past: Past, path: str) -> None:
    past.happened(picture=b"jpeg")
    for method in ("POST", "PUT", "DELETE"):
        assert site.get(path, method=method).status == 405


# --- when they were ---------------------------------------------------------------------------------------------------


def _timeline(site: Site, **parameters: object) -> dict[str, object]:
    reply = site.get(f"/api/events/timeline?{urlencode(parameters)}")
    assert reply.status == 200, reply.body
    told: dict[str, object] = reply.json()
    return told


def test_events_are_counted_in_equal_spans_from_the_oldest_on(site: Site, past: Past) -> None:
    for minute in (0, 1, 30, 59):
        past.happened(minute)
    told = _timeline(site, until="2025-11-25T13:00:00Z", buckets=4)
    assert told == {"since": "2025-11-25T12:00:00.000Z", "until": "2025-11-25T13:00:00.000Z", "counts": [2, 0, 1, 1]}
    narrow = _timeline(site, since="2025-11-25T12:30:00Z", until="2025-11-25T13:00:00Z", buckets=3)
    assert narrow["counts"] == [1, 0, 1]


def test_a_filter_counts_here_as_in_the_list(site: Site, past: Past) -> None:
    past.happened(0, label="dog")
    past.happened(30)
    told = _timeline(site, since="2025-11-25T12:00:00Z", until="2025-11-25T13:00:00Z", buckets=2, label="dog")
    assert told["counts"] == [1, 0]


def test_without_events_it_is_the_last_day(site: Site) -> None:
    assert _timeline(site, until="2025-11-25T12:00:00Z")["since"] == "2025-11-24T12:00:00.000Z"
    assert _timeline(site)["counts"] == [0] * 48


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("buckets=0", "buckets: '0' is not allowed"),
        ("buckets=201", "a whole number from 1 to 200"),
        ("buckets=many", "buckets: 'many' is not allowed"),
        ("since=2025-11-25&until=2025-11-24", "since must be before until"),
        ("limit=3", "limit: there is no such parameter here"),
        ("camra=door", "did you mean camera?"),
    ],
)
def test_a_timeline_that_cannot_be_meant_is_400(site: Site, query: str, detail: str) -> None:
    reply = site.get(f"/api/events/timeline?{query}")
    assert (reply.status, detail in reply.json()["detail"]) == (400, True), reply.body
