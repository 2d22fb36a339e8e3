"""Server-sent events over real HTTP: what changes is told once; who does not read harms nobody."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from bridge.model import ChangeType, Event, EventChange, Readiness
from bridge.serve import news

if TYPE_CHECKING:
    from tests.conftest import WaitUntil
    from tests.integration.http.conftest import Site, SiteFactory

pytestmark = pytest.mark.integration


@pytest.fixture
def site(make_site: SiteFactory) -> Site:
    return make_site()


class Reader:
    """A page that listens; ``silent``: it asked, and reads nothing."""

    def __init__(self, site: Site, *, silent: bool = False) -> None:
        self._sock = socket.create_connection(("127.0.0.1", site.server.port), timeout=30)
        self._sock.sendall(b"GET /api/changes HTTP/1.1\r\nHost: x\r\n\r\n")
        self.head: dict[str, str] = {}
        self.told: list[tuple[str, Any]] = []
        self.ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        if not silent:
            self._thread.start()

    def _read(self) -> None:
        kind = ""
        with self._sock.makefile("rb") as lines:
            try:
                while (line := lines.readline().decode().strip()) or not self.head:
                    name, _, value = line.partition(": ")
                    self.head[name.lower()] = value
                while line := lines.readline().decode():
                    if line.startswith("event: "):
                        kind = line[7:].strip()
                    elif line.startswith("data: "):
                        self.told.append((kind, json.loads(line[6:])))
            except (OSError, ValueError):  # cut off in the middle of a line
                pass
        self.ended = True

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.told]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        if self._thread.ident is not None:
            self._thread.join(5)
        self._sock.close()


def event(number: int) -> EventChange:
    return EventChange(
        ChangeType.NEW, Event(f"{number:013d}-00abcd", "door", "person", 0.9, 0.9, (0, 0, 1, 1), 1.0, None, 1.0, 1.0)
    )


def test_a_page_is_told_everything_once_and_then_what_changes(site: Site, wait_until: WaitUntil) -> None:
    reader = Reader(site)
    wait_until(lambda: sorted(reader.kinds()) == ["bridge", "cameras", "waiting"], 5, "all of it, once")
    assert reader.head["content-type"] == news.CONTENT_TYPE
    (cameras,) = [value for kind, value in reader.told if kind == "cameras"]
    assert [camera["id"] for camera in cameras] == ["door"]
    time.sleep(1.2)
    assert len(reader.told) == 3, "nothing changed, nothing is told"
    site.bridge.parts = (Readiness("broker", ready=False, detail="away"),)
    wait_until(lambda: reader.kinds().count("bridge") == 2, 3, "what changed")
    assert reader.kinds().count("cameras") == 1
    site.server.event(event(7))
    wait_until(lambda: reader.told[-1][0] == "happened", 3, "what happened")
    assert (reader.told[-1][1]["type"], reader.told[-1][1]["id"]) == ("new", "0000000000007-00abcd")
    reader.close()


def test_silence_is_broken_so_that_both_sides_know(
    site: Site, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "HEARTBEAT_S", 0.6)  # 10 s in earnest
    reader = Reader(site)
    wait_until(lambda: reader.kinds().count("still") >= 2, 5, "it is still there")
    reader.close()
    wait_until(lambda: site.server.site.news._seats.taken == 0, 10, "and who left is forgotten")


def test_there_is_room_for_so_many_and_one_who_does_not_read_harms_nobody(
    site: Site, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "STALLED_S", 1.0)  # 20 s in earnest
    site.server.site.news._seats.limit = 2
    silent = Reader(site, silent=True)
    reader = Reader(site)
    wait_until(lambda: "cameras" in reader.kinds(), 5, "it hears")
    assert site.get("/api/changes").status == 503
    site.bridge.facts = {"version": "x" * 4_000_000}  # more than the kernel holds for somebody who does not read
    wait_until(lambda: site.server.site.news._seats.taken == 1, 10, "who takes nothing is let go")
    assert not reader.ended
    reader.close()
    silent.close()


def test_who_listens_is_let_go_when_the_bridge_stops(site: Site, wait_until: WaitUntil) -> None:
    reader = Reader(site)
    wait_until(lambda: "cameras" in reader.kinds(), 5, "it hears")
    began_s = time.monotonic()
    site.stop_feeding()
    assert site.server.stop()
    assert time.monotonic() - began_s < 2.5
    wait_until(lambda: reader.ended, 3, "it is over")
    reader.close()
