from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import LinkLost
from bridge.simulate.fake import FakeLink
from bridge.simulate.faults import Faults, FaultyLink

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

PICTURE = bytes(range(256)) * 40


class Sleeps:
    def __init__(self) -> None:
        self.spent_s: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.spent_s.append(seconds)


def run(faults: Faults, use: Callable[[FaultyLink], Awaitable[Any]], *answers: str) -> tuple[FakeLink, list[float]]:
    async def body() -> None:
        await use(FaultyLink(link, faults, Random(faults.seed), sleeps))  # noqa: S311 - the same at every run

    link, sleeps = FakeLink(*answers), Sleeps()
    asyncio.run(body())
    return link, sleeps.spent_s


def sends(count: int) -> Callable[[FaultyLink], Coroutine[Any, Any, None]]:
    async def use(link: FaultyLink) -> None:
        for _ in range(count):
            await link.send(PICTURE)
        await link.send("text")

    return use


def test_without_faults_everything_arrives_at_once() -> None:
    link, slept_s = run(Faults(), sends(3))
    assert link.frames == [PICTURE] * 3
    assert slept_s == []
    assert not Faults(seed=7).any
    assert Faults(drop=0.1).any


def test_a_share_of_the_pictures_is_lost_and_no_text() -> None:
    link, _ = run(Faults(drop=0.3), sends(1000))
    assert len(link.frames) == pytest.approx(700, abs=50)
    assert link.texts == ["text"]


def test_the_same_seed_does_the_same() -> None:
    assert (
        run(Faults(drop=0.5, damage=0.5), sends(50))[0].frames == run(Faults(drop=0.5, damage=0.5), sends(50))[0].frames
    )


def test_damage_cuts_or_overwrites() -> None:
    link, _ = run(Faults(damage=1), sends(200))
    cut = [frame for frame in link.frames if len(frame) < len(PICTURE)]
    overwritten = [frame for frame in link.frames if len(frame) == len(PICTURE)]
    assert len(link.frames) == 200
    assert len(cut) == pytest.approx(140, abs=25)
    assert all(frame != PICTURE for frame in overwritten)
    assert all(PICTURE.startswith(frame) for frame in cut)


def test_a_weak_network_takes_its_time_by_the_bytes_and_tells_so_by_its_signal() -> None:
    _, slept_s = run(Faults(weak_kbit_s=100), sends(2))
    assert slept_s == [pytest.approx(len(PICTURE) * 8 / 100_000)] * 2
    assert Faults().rssi_dbm == Faults(weak_kbit_s=8000).rssi_dbm == -55
    assert -90 <= Faults(weak_kbit_s=50).rssi_dbm < Faults(weak_kbit_s=2000).rssi_dbm < -55


def test_pictures_leave_late_in_the_mean() -> None:
    _, slept_s = run(Faults(delay_ms=200), sends(500))
    assert sum(slept_s) / 500 == pytest.approx(0.2, rel=0.1)
    assert max(slept_s) <= 0.4


def test_a_storm_takes_the_link_without_a_word() -> None:
    async def use(link: FaultyLink) -> None:
        await asyncio.sleep(0.05)
        with pytest.raises(LinkLost, match="storm"):
            await link.send(PICTURE)

    link, _ = run(Faults(storm_s=0.001), use)
    assert link.aborted
    assert not link.closed
    assert link.frames == []


def test_a_frozen_board_stands_still_once_and_goes_on() -> None:
    async def use(link: FaultyLink) -> None:
        await asyncio.sleep(0.05)
        assert await link.receive() == "hear"
        await link.send(PICTURE)

    link, slept_s = run(Faults(freeze_s=0.001), use, "hear")
    assert slept_s == [20.0]
    assert link.frames == [PICTURE]
