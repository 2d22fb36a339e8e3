"""Many twins at once, in real time: they start apart, end together, and never send anything late."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import threading
import time
from typing import TYPE_CHECKING

import pytest

from bridge.errors import LinkLost, SourceError
from bridge.runtime.backoff import Backoff
from bridge.runtime.clock import SystemClock
from bridge.simulate.fake import FakeLink
from bridge.simulate.fleet import Fleet
from bridge.simulate.source import Source
from bridge.simulate.twin import Esp32Twin, Outcome, Patience, SketchTwin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.integration

WELCOME = json.dumps({"type": "welcome", "v": 1, "camera_id": "door", "server_time_ms": 0, "values": {}})


class Numbers(Source):
    """Footage whose pictures are their own numbers."""

    def __init__(self, count: int = 10**9, *, filmed: bool = False) -> None:
        super().__init__(fps=500.0, filmed=filmed, size_px=None)
        self._count = count
        self.closed = False

    def _read(self, index: int) -> bytes | None:
        return str(index).encode() if index < self._count else None

    def _close(self) -> None:
        self.closed = True


class Broken(Numbers):
    """Footage on a disk that died."""

    def _read(self, index: int) -> bytes | None:
        raise SourceError(f"no picture {index}")


def always(link: FakeLink) -> Callable[[], Awaitable[FakeLink]]:
    async def dial() -> FakeLink:
        return link

    return dial


def esp32(link: FakeLink, source: Source, fps: float | None = None) -> Esp32Twin:
    return Esp32Twin("door", source, dial=always(link), clock=SystemClock(), fps=fps)


def sketch(link: FakeLink, source: Source) -> SketchTwin:
    return SketchTwin("door", source, dial=always(link), clock=SystemClock())


def run_fleet(fleet: Fleet, stop_after_s: float | None = None) -> float:
    """Run it to its end; how long that took, in seconds."""
    stop = threading.Event()
    if stop_after_s is not None:
        threading.Timer(stop_after_s, stop.set).start()
    began_s = time.monotonic()
    fleet.run(stop)
    return time.monotonic() - began_s


def test_towards_a_slow_link_the_newest_picture_is_sent_and_the_others_are_counted() -> None:
    link = FakeLink(breaks_after=5, frame_s=0.03)
    twin = sketch(link, Numbers(filmed=True))
    assert asyncio.run(twin.run()) is Outcome.LINK_CLOSED
    sent = [int(picture) for picture in link.frames]
    assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(sent))
    assert twin.dropped >= 40
    assert twin.progress().startswith("door: 5 frames sent, ")
    assert twin.progress().endswith(f" {twin.dropped} dropped")


def test_a_board_sends_no_faster_than_the_bridge_wants() -> None:
    link = FakeLink(json.dumps({"type": "welcome", "values": {"max_fps": 50}}))
    began_s = time.monotonic()
    asyncio.run(esp32(link, Numbers(6)).run())
    assert len(link.frames) == 6
    assert time.monotonic() - began_s >= 0.1  # at 50 a second, not at 500


def test_the_footage_waits_while_there_is_no_link() -> None:
    links = [FakeLink(WELCOME, breaks_after=3), FakeLink(WELCOME, breaks_after=3)]

    async def dial_slowly() -> FakeLink:
        await asyncio.sleep(0.2)
        if not links:
            raise SourceError("enough")
        return links.pop(0)

    first, second = links
    patience = Patience(lost=Backoff(0.01, 0.01))
    source = Numbers(filmed=True)
    twin = Esp32Twin("door", source, dial=dial_slowly, clock=SystemClock(), fps=50, patience=patience)
    with pytest.raises(SourceError, match="enough"):
        asyncio.run(twin.run())
    last_before, first_after = int(first.frames[-1][20:]), int(second.frames[0][20:])
    assert 10 <= first_after - last_before <= 30  # one picture was lost with the link; 0.2 s are 100 pictures
    assert twin.dropped <= 2


def test_a_fleet_ends_with_its_footage_and_closes_it() -> None:
    sources = [Numbers(4), Numbers(6)]
    links = [FakeLink(WELCOME), FakeLink(WELCOME)]
    fleet = Fleet([esp32(link, source) for link, source in zip(links, sources, strict=True)])
    run_fleet(fleet)
    assert [len(link.frames) for link in links] == [4, 6]
    assert all(source.closed for source in sources)
    assert not fleet.failed


@pytest.mark.parametrize("how", ["stop", "duration"])
def test_a_fleet_ends_when_told_or_when_the_time_is_over(how: str) -> None:
    link = FakeLink(WELCOME)
    fleet = Fleet([esp32(link, Numbers())], duration_s=0.15 if how == "duration" else None)
    took_s = run_fleet(fleet, 0.15 if how == "stop" else None)
    assert 0.1 < took_s < 1.0
    assert link.closed
    assert link.frames


def test_a_fleet_fails_when_a_sketch_lost_its_link_but_the_others_play_on() -> None:
    kept = FakeLink()
    fleet = Fleet([sketch(FakeLink(breaks_after=1), Numbers()), sketch(kept, Numbers(60))])
    run_fleet(fleet)
    assert fleet.failed
    assert len(kept.frames) == 60


def test_a_fleet_that_waits_for_its_next_try_ends_at_once() -> None:
    async def nobody() -> FakeLink:
        raise LinkLost("nobody answers")

    twin = Esp32Twin("door", Numbers(), dial=nobody, clock=SystemClock())
    assert run_fleet(Fleet([twin]), 0.1) < 1.0


def test_a_fleet_tells_its_progress(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run_fleet(Fleet([esp32(FakeLink(WELCOME), Numbers())], duration_s=0.5, progress_every_s=0.2))
    lines = [message for message in caplog.messages if "frames sent" in message]
    assert len(lines) == 3  # at 0.2 and 0.4 s, and at the end


def test_broken_footage_ends_the_whole_fleet() -> None:
    other = FakeLink(WELCOME)
    fleet = Fleet([esp32(FakeLink(WELCOME), Broken()), esp32(other, Numbers())])
    with pytest.raises(SourceError, match="no picture 0"):
        run_fleet(fleet)
    assert other.closed


def test_the_cameras_of_a_fleet_do_not_all_send_at_the_same_moment() -> None:
    begun_s: list[float] = []

    async def dial() -> FakeLink:
        begun_s.append(time.monotonic())
        return FakeLink(WELCOME)

    run_fleet(Fleet([Esp32Twin("door", Numbers(1), dial=dial, clock=SystemClock(), fps=2) for _ in range(2)]))
    assert begun_s[1] - begun_s[0] == pytest.approx(0.25, abs=0.1)
