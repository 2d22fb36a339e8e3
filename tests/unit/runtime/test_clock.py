from __future__ import annotations

import time

from bridge.runtime.clock import ManualClock, SystemClock


def test_the_system_clock_reads_the_machines_clocks() -> None:
    clock = SystemClock()
    assert abs(clock.unix_s() - time.time()) < 5
    assert abs(clock.mono_s() - time.monotonic()) < 5


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(now_mono_s=10.0, now_unix_s=1000.0)
    assert (clock.mono_s(), clock.unix_s()) == (10.0, 1000.0)
    clock.advance(2.5)
    assert (clock.mono_s(), clock.unix_s()) == (12.5, 1002.5)


def test_the_wall_clock_can_jump_alone() -> None:
    clock = ManualClock(now_mono_s=10.0, now_unix_s=1000.0)
    clock.now_unix_s -= 3600
    assert (clock.mono_s(), clock.unix_s()) == (10.0, -2600.0)
