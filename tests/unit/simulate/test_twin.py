"""A twin's manners on a link that a test holds in its hands."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.errors import LinkLost, SourceError
from bridge.frames.codec import decode
from bridge.runtime.backoff import Backoff
from bridge.runtime.clock import ManualClock, SystemClock
from bridge.simulate.fake import FakeLink
from bridge.simulate.source import Source, Still
from bridge.simulate.twin import (
    SKETCH_GREETING,
    TELEMETRY_EVERY_S,
    Esp32Twin,
    Looks,
    Outcome,
    Patience,
    SketchTwin,
    first_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.runtime.clock import Clock

WELCOME = json.dumps({"type": "welcome", "v": 1, "camera_id": "door", "server_time_ms": 0, "values": {}})
HASTE = {"welcome_s": 0.05, "restart_s": 0.0}


class Numbers(Source):
    """Footage whose pictures are their own numbers."""

    def __init__(self, count: int = 10**9) -> None:
        super().__init__(fps=500.0, filmed=False, size_px=None)
        self._count = count

    def _read(self, index: int) -> bytes | None:
        return str(index).encode() if index < self._count else None


class Bridges:
    """Hands out one link after the other; when they are used up, the twin has done enough."""

    def __init__(self, *links: FakeLink | LinkLost) -> None:
        self.dialled = 0
        self._links = list(links)

    async def dial(self) -> FakeLink:
        self.dialled += 1
        if not self._links:
            raise Enough
        link = self._links.pop(0)
        if isinstance(link, LinkLost):
            raise link
        return link


class Enough(Exception):
    """Ends a twin that would go on for ever."""


class Waits:
    """Records the bounds that a back-off draws between, and never waits."""

    def __init__(self) -> None:
        self.bounds_s: list[float] = []

    def __call__(self, _low: float, high: float) -> float:
        self.bounds_s.append(high)
        return 0.0


def esp32(
    bridges: Bridges,
    source: Source,
    *,
    waits: Waits | None = None,
    fps: float | None = None,
    clock: Clock | None = None,
    lacks: frozenset[str] = frozenset(),
    deaf: bool = False,
) -> Esp32Twin:
    draw = waits or Waits()
    return Esp32Twin(
        "door",
        source,
        dial=bridges.dial,
        clock=clock or SystemClock(),
        fps=fps,
        patience=Patience(lost=Backoff(1, 30, draw), refused_s=lambda: draw(0, 500), **HASTE),
        looks=Looks(lacks=lacks, deaf=deaf),
    )


def sketch(bridges: Bridges, source: Source) -> SketchTwin:
    return SketchTwin("door", source, dial=bridges.dial, clock=SystemClock())


def run_until_enough(twin: Esp32Twin) -> None:
    with pytest.raises(Enough):
        asyncio.run(twin.run())


def test_a_board_says_hello_waits_for_its_welcome_and_sends_every_picture_with_a_header() -> None:
    link = FakeLink(WELCOME)
    before_us = time.time() * 1e6
    assert asyncio.run(esp32(Bridges(link), Numbers(5)).run()) is Outcome.FOOTAGE_ENDED
    assert json.loads(link.texts[0])["type"] == "hello"
    assert [message[20:] for message in link.frames] == [b"0", b"1", b"2", b"3", b"4"]
    assert [int.from_bytes(message[4:8], "big") for message in link.frames] == [1, 2, 3, 4, 5]
    assert all(before_us <= int.from_bytes(message[8:16], "big") <= time.time() * 1e6 for message in link.frames)
    assert link.closed


def test_a_board_reports_its_health_and_its_settings() -> None:
    link = FakeLink(WELCOME)
    asyncio.run(esp32(Bridges(link), Numbers(3)).run())
    assert link.said("telemetry")[0]["reconnects"] == 0
    assert link.said("state")[0]["fps"] == 500


def test_without_a_welcome_one_picture_is_sent_for_who_approves_and_the_board_dials_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    silent = FakeLink(b"\x00", "not json")
    bridges = Bridges(silent)
    run_until_enough(esp32(bridges, Numbers(5)))
    assert [message[20:] for message in silent.frames] == [b"0"]
    assert silent.closed
    assert bridges.dialled == 2
    assert "no welcome within 0.05 s" in caplog.text


def test_after_a_lost_link_the_board_comes_back_and_the_footage_goes_on() -> None:
    first, second = FakeLink(WELCOME, breaks_after=3), FakeLink(WELCOME)
    asyncio.run(esp32(Bridges(first, second), Numbers(6)).run())
    assert [message[20:] for message in first.frames] == [b"0", b"1", b"2"]
    assert [message[20:] for message in second.frames] == [b"4", b"5"]  # the fourth was lost with the link
    assert second.said("telemetry")[0]["reconnects"] == 1
    assert second.said("hello")[0]["reset_reason"] == "power_on"


def test_the_close_code_and_its_reason_are_shown_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    refusal = LinkLost("wrong token: send the right one", 4401, refused=True)
    run_until_enough(esp32(Bridges(FakeLink(lost=refusal)), Numbers()))
    assert "door: no link: 4401 wrong token: send the right one; next try in 0.0 s" in caplog.messages


def test_a_refused_board_tries_more_slowly_than_one_that_lost_its_link() -> None:
    waits = Waits()
    nobody, refused = LinkLost("nobody answers"), LinkLost("waiting for approval", 4403, refused=True)
    bridges = Bridges(nobody, nobody, FakeLink(lost=refused), FakeLink(lost=refused))
    run_until_enough(esp32(bridges, Numbers(), waits=waits))
    assert waits.bounds_s == [1, 2, 500, 500]


def test_a_welcome_ends_the_growing_of_the_waits() -> None:
    waits = Waits()
    nobody = LinkLost("nobody answers")
    bridges = Bridges(nobody, nobody, FakeLink(WELCOME, breaks_after=1), nobody)
    run_until_enough(esp32(bridges, Numbers(), waits=waits))
    assert waits.bounds_s == [1, 2, 1, 2]


def test_a_restart_is_acknowledged_and_the_board_comes_back_with_the_reason() -> None:
    first, second = FakeLink(WELCOME, '{"type":"restart","id":9}'), FakeLink(WELCOME)
    waits = Waits()
    asyncio.run(esp32(Bridges(first, second), Numbers(3), waits=waits).run())
    assert first.said("ack") == [{"type": "ack", "id": 9, "ok": True}]
    assert first.closed
    assert second.said("hello")[0]["reset_reason"] == "software"
    assert waits.bounds_s == []  # asked for, not lost


def test_over_a_restart_a_board_keeps_its_settings_and_counts_anew() -> None:
    clock = ManualClock()

    class Minutes(Numbers):
        """A picture a minute."""

        def _read(self, index: int) -> bytes | None:
            clock.advance(60)
            return super()._read(index)

    settings = '{"type":"set","id":8,"values":{"flash":128,"max_fps":50}}'
    before = FakeLink(WELCOME, breaks_after=2)
    restarted = FakeLink(WELCOME, settings, '{"type":"restart","id":9}')
    after, later = FakeLink(WELCOME, breaks_after=2), FakeLink(WELCOME)
    asyncio.run(esp32(Bridges(before, restarted, after, later), Minutes(9), clock=clock).run())
    assert [link.said("hello")[0]["reset_reason"] for link in (before, restarted, after, later)] == [
        "power_on",
        "power_on",
        "software",
        "software",  # of the last boot, however often the link was lost since
    ]
    assert [(state["flash"], state["max_fps"]) for state in after.said("state")] == [(128, 50)]
    health = after.said("telemetry")[0]
    assert [health[name] for name in ("uptime_s", "frames_sent", "frames_failed", "reconnects")] == [60, 1, 0, 0]
    assert int.from_bytes(after.frames[0][4:8], "big") == 1
    health = later.said("telemetry")[0]
    assert (health["uptime_s"], health["frames_sent"], health["reconnects"]) == (240, 3, 1)


def test_every_command_is_logged_with_what_became_of_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    commands = (
        '{"type":"set","id":1,"values":{"flash":9}}',
        '{"type":"set","id":2,"values":{"flash":-9}}',
        '{"type":"restart","id":3}',
    )
    asyncio.run(esp32(Bridges(FakeLink(WELCOME, *commands), FakeLink(WELCOME)), Numbers(3)).run())
    assert [message for message in caplog.messages if message.startswith("door: command")] == [
        'door: command 1: set {"flash": 9}: done',
        'door: command 2: set {"flash": -9}: refused: flash: not a number from 0 to 255',
        "door: command 3: restart: done",
    ]


def test_a_deaf_board_goes_on_sending_and_never_answers() -> None:
    link = FakeLink(WELCOME, '{"type":"set","id":1,"values":{"flash":9}}', '{"type":"restart","id":2}')
    assert asyncio.run(esp32(Bridges(link), Numbers(3), deaf=True).run()) is Outcome.FOOTAGE_ENDED
    assert (len(link.frames), link.said("ack"), len(link.said("state"))) == (3, [], 1)


def test_a_board_without_a_lamp_does_not_offer_it() -> None:
    link = FakeLink(WELCOME)
    asyncio.run(esp32(Bridges(link), Numbers(3), lacks=frozenset({"flash"})).run())
    assert link.said("hello")[0]["capabilities"] == ["ecf1", "max_fps", "restart", "update"]
    assert "flash" not in link.said("state")[0]


def test_health_is_reported_at_once_and_then_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TELEMETRY_EVERY_S == 10
    monkeypatch.setattr("bridge.simulate.twin.TELEMETRY_EVERY_S", 0.1)
    link = FakeLink(WELCOME, frame_s=0.05)
    asyncio.run(esp32(Bridges(link), Numbers(5)).run())
    assert 2 <= len(link.said("telemetry")) <= 4


def test_set_changes_the_pictures_size_and_the_state_says_so() -> None:
    small = json.dumps({"type": "set", "id": 1, "values": {"framesize": "QVGA", "quality": 30}})
    link = FakeLink(WELCOME, small, breaks_after=3)
    footage = Still(np.full((480, 640, 3), 90, np.uint8), loop=True)
    run_until_enough(esp32(Bridges(link), footage, fps=100))
    assert link.said("hello")[0]["framesizes"] == ["QQVGA", "QVGA", "HVGA", "VGA"]
    assert link.said("state")[-1]["framesize"] == "QVGA"
    assert decode(link.frames[-1][20:]).shape == (240, 320, 3)


def test_footage_that_cannot_be_read_any_more_ends_the_twin() -> None:
    class Broken(Numbers):
        def _read(self, index: int) -> bytes | None:
            raise SourceError(f"no picture {index}")

    link = FakeLink(WELCOME)
    with pytest.raises(SourceError, match="no picture 0"):
        asyncio.run(esp32(Bridges(link), Broken()).run())
    assert link.closed


def test_the_sketch_greets_and_sends_bare_pictures() -> None:
    link = FakeLink("whatever the bridge says", b"is ignored")
    assert asyncio.run(sketch(Bridges(link), Numbers(4)).run()) is Outcome.FOOTAGE_ENDED
    assert link.texts == [SKETCH_GREETING]
    assert SKETCH_GREETING == "hello from ESP32 camera stream!"
    assert link.frames == [b"0", b"1", b"2", b"3"]


def test_the_sketch_films_in_vga() -> None:
    link = FakeLink(breaks_after=1)
    asyncio.run(sketch(Bridges(link), Still(np.zeros((960, 1280, 3), np.uint8), loop=True)).run())
    assert decode(link.frames[0]).shape == (480, 640, 3)


@pytest.mark.parametrize(
    ("link", "line"),
    [
        (LinkLost("cannot connect"), "door: WS connect failed! cannot connect"),
        (
            FakeLink(breaks_after=2),
            "door: link closed: 1006 the connection broke; the first sketch never dials again",
        ),
    ],
)
def test_the_sketch_never_dials_twice(link: FakeLink | LinkLost, line: str, caplog: pytest.LogCaptureFixture) -> None:
    bridges = Bridges(link)
    assert asyncio.run(sketch(bridges, Numbers()).run()) is Outcome.LINK_CLOSED
    assert bridges.dialled == 1
    assert line in caplog.messages


def test_first_of_gives_the_first_outcome_and_cancels_the_others() -> None:
    cancelled: list[str] = []

    async def job(name: str, wait_s: float) -> str:
        try:
            await asyncio.sleep(wait_s)
        except asyncio.CancelledError:
            cancelled.append(name)
            raise
        return name

    assert asyncio.run(first_of(job("slow", 5), job("fast", 0.01))) == "fast"
    assert cancelled == ["slow"]


def test_first_of_raises_what_the_first_raised() -> None:
    async def fail(error: Callable[[], Exception]) -> None:
        raise error()

    with pytest.raises(KeyError):
        asyncio.run(first_of(fail(KeyError), asyncio.sleep(5)))
