"""Exports over real HTTP: complete, or recognisably broken off; of any length; without starving anybody."""

from __future__ import annotations

import csv
import http.client
import io
import json
import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from bridge.errors import HistoryError
from bridge.serve import listener
from bridge.serve.events import MAX_EXPORTS
from bridge.serve.fake import FakePastEvents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.model import Event, EventQuery
    from tests.conftest import WaitUntil
    from tests.integration.http.conftest import Past, Site, SiteFactory

pytestmark = pytest.mark.integration

LOCKED = HistoryError("the database is locked", "stop the other program")


@pytest.fixture
def site(make_site: SiteFactory, past: Past) -> Site:
    return make_site(events=past)


class Slow(FakePastEvents):
    """Gives its first event again and again, with a pause between pieces, until it is told to stop.

    Attributes:
        pause_s: after each 200 events, which is more than a piece.
        ended: how many streams ended, one way or the other.
    """

    def __init__(self, event: Event, pause_s: float) -> None:
        super().__init__([event])
        self.pause_s = pause_s
        self.stop = threading.Event()
        self.ended = 0

    def stream(self, query: EventQuery) -> Iterator[Event]:
        try:
            while not self.stop.is_set():
                for _ in range(200):
                    yield from super().stream(query)
                self.stop.wait(self.pause_s)
        finally:
            self.ended += 1


def _open(site: Site, path: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=5)
    connection.request("GET", path)
    return connection, connection.getresponse()


def test_the_csv_opened_again_is_the_events(site: Site, past: Past) -> None:
    past.happened(0, label='a "quoted", label', zones=("porch", "drive"), picture=b"jpeg")
    past.happened(1, label="several\r\nlines", end_unix_s=None)
    past.happened(2, label="=1+1", camera_id="-x")
    reply = site.get("/api/events.csv")
    assert reply.headers["content-type"].startswith("text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(reply.body.decode(), newline="")))
    events = site.get("/api/events").json()["events"]
    assert [row["id"] for row in rows] == [event["id"] for event in events]
    assert [(row["camera"], row["label"]) for row in rows] == [
        ("'-x", "'=1+1"),
        ("door", "several\r\nlines"),
        ("door", 'a "quoted", label'),
    ]
    for row, event in zip(rows, events, strict=True):
        assert (row["start_time"], row["end_time"]) == (event["start_time"], event["end_time"] or "")
        assert [float(row[f"box_{edge}"]) for edge in ("left", "top", "right", "bottom")] == event["box"]
        assert row["zones"].split() == event["zones"]
        assert row["thumbnail_path"] == (event["thumbnail_path"] or "")


@pytest.mark.parametrize("count", [0, 1, 700])
def test_the_json_export_is_one_array_of_the_same_events(site: Site, past: Past, count: int) -> None:
    for minute in range(count):
        past.happened(minute)
    reply = site.get("/api/events.json")
    assert reply.headers["content-type"] == "application/json"
    assert len(reply.json()) == count, "more than any page holds"
    assert reply.json()[:500] == site.get("/api/events?limit=500").json()["events"]


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_an_export_is_saved_under_a_name_with_its_day(site: Site, suffix: str) -> None:
    disposition = site.get(f"/api/events.{suffix}").headers["content-disposition"]
    assert re.fullmatch(rf"attachment; filename=espcam-events-\d{{4}}-\d\d-\d\d\.{suffix}", disposition)


def test_the_same_filters_hold_for_exports(site: Site, past: Past) -> None:
    past.happened(0)
    garden = past.happened(10, camera_id="garden", entered_zones=("pond",))
    query = "camera=garden&label=person&zone=pond&since=2025-11-25T12:10:00Z&until=2025-11-25T12:11:00Z"
    assert [event["id"] for event in site.get(f"/api/events.json?{query}").json()] == [garden.id]
    assert site.get(f"/api/events.csv?{query}").body.count(b"\r\n") == 2


@pytest.mark.parametrize("query", ["camra=door", "limit=5", "cursor=x", "since=yesterday"])
def test_what_is_no_filter_of_an_export_is_400(site: Site, query: str) -> None:
    reply = site.get(f"/api/events.csv?{query}")
    assert reply.status == 400
    assert "content-disposition" not in reply.headers
    assert reply.json()["detail"].startswith(query.partition("=")[0])


@pytest.mark.parametrize("path", ["/api/events.csv", "/api/events.json"])
@pytest.mark.parametrize("after", [3, 600])
def test_an_export_that_breaks_off_cannot_be_taken_for_a_complete_one(
    site: Site, past: Past, caplog: pytest.LogCaptureFixture, path: str, after: int
) -> None:
    for minute in range(700):
        past.happened(minute)
    past.failure, past.fails_after = LOCKED, after
    connection, response = _open(site, path)
    with pytest.raises(http.client.IncompleteRead) as caught:
        response.read()
    connection.close()
    assert not caught.value.partial.rstrip().endswith(b"]")
    assert "the database is locked" in caplog.text
    assert "Traceback" not in caplog.text
    past.failure = None
    assert site.get(path).status == 200


def test_an_old_client_without_chunks_sees_an_array_that_is_not_closed(site: Site, past: Past) -> None:
    import socket

    for minute in range(700):
        past.happened(minute)
    past.failure, past.fails_after = LOCKED, 600
    with socket.create_connection(("127.0.0.1", site.server.port), 5) as client:
        client.sendall(b"GET /api/events.json HTTP/1.0\r\n\r\n")
        answer = b""
        while data := client.recv(65536):
            answer += data
    body = answer.partition(b"\r\n\r\n")[2]
    assert body.startswith(b"[\n")
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_an_export_outlasts_the_deadline_of_requests_while_its_pieces_flow(
    make_site: SiteFactory, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "REQUEST_S", 0.5)  # 15 s in earnest; looked at once a second
    slow = Slow(past.happened(), pause_s=0.1)
    site = make_site(events=slow)
    connection, response = _open(site, "/api/events.csv")
    end_s = time.monotonic() + 3
    while time.monotonic() < end_s:
        assert response.read(4096)
    slow.stop.set()
    assert response.read().endswith(b"\r\n"), "complete"
    connection.close()


def test_more_exports_than_two_at_a_time_are_told_to_come_again_and_everybody_else_is_served(
    make_site: SiteFactory, past: Past, wait_until: WaitUntil
) -> None:
    slow = Slow(past.happened(picture=b"jpeg"), pause_s=0.02)
    site = make_site(events=slow)
    running = [_open(site, path) for path in ("/api/events.csv", "/api/events.json")]
    assert len(running) == MAX_EXPORTS
    refused = site.get("/api/events.csv")
    assert (refused.status, refused.json()["error"]) == (503, "service_unavailable")
    assert int(refused.headers["retry-after"]) > 0
    assert site.get("/api/events").status == 200
    running[0][0].close()
    running[0][1].close()
    wait_until(lambda: site.get("/api/events.csv", method="HEAD").status == 200, what="a seat is free")
    slow.stop.set()
    assert json.loads(running[1][1].read())
    running[1][0].close()


@pytest.mark.parametrize("path", ["/api/events.csv", "/api/events.json"])
def test_exports_whose_readers_leave_or_only_ask_for_the_head_leave_nothing_behind(
    make_site: SiteFactory, past: Past, wait_until: WaitUntil, path: str
) -> None:
    slow = Slow(past.happened(), pause_s=0.02)
    site = make_site(events=slow)
    for round_ in range(2 * MAX_EXPORTS):
        connection, response = _open(site, path)
        response.read(100)
        response.close()
        connection.close()
        assert site.get("/healthz").status == 200
        wait_until(lambda count=2 * round_ + 1: slow.ended == count, what="the stream dropped")
        wait_until(lambda: site.get(path, method="HEAD").status == 200, what="a seat is free")
        wait_until(lambda count=2 * round_ + 2: slow.ended == count, what="the stream dropped")


def test_an_export_under_way_does_not_hold_up_the_end(make_site: SiteFactory, past: Past) -> None:
    slow = Slow(past.happened(), pause_s=0.02)
    site = make_site(events=slow)
    connection, response = _open(site, "/api/events.csv")
    response.read(100)
    assert site.server.stop(), "every thread ended in time"
    slow.stop.set()
    connection.close()
    response.close()
