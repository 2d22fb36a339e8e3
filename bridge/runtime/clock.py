"""Time as a value: the only place that reads a clock for the stages."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Where the bridge gets the time from."""

    def mono_s(self) -> float:
        """Seconds of a clock that never jumps, for durations."""

    def unix_s(self) -> float:
        """Seconds since 1970, for people; may jump."""


class SystemClock:
    """The machine's clocks."""

    def mono_s(self) -> float:
        """Seconds of ``time.monotonic``."""
        return time.monotonic()

    def unix_s(self) -> float:
        """Seconds of ``time.time``."""
        return time.time()


@dataclass
class ManualClock:
    """A clock that a test moves by hand; ``unix_s`` may be set apart from ``mono_s`` to play a jump."""

    now_mono_s: float = 1000.0
    now_unix_s: float = 1_800_000_000.0

    def mono_s(self) -> float:
        """The hand-set monotonic time."""
        return self.now_mono_s

    def unix_s(self) -> float:
        """The hand-set wall time."""
        return self.now_unix_s

    def advance(self, seconds: float) -> None:
        """Move both clocks on."""
        self.now_mono_s += seconds
        self.now_unix_s += seconds
