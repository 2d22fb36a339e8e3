from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.adapt.evidence import TELEMETRY_LAG_S, TELEMETRY_MAX_AGE_S, WINDOW_S, Evidence, Grade
from bridge.model import CameraState, CameraStatus


@dataclass
class Link:
    """A link that is looked at once a second."""

    evidence: Evidence = field(default_factory=Evidence)
    now_s: float = 1000.0
    received: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    telemetry: dict[str, Any] = field(default_factory=dict)
    fps: float = 10.0

    def run(self, seconds: int, *, good: int = 10, bad: int = 0, why: str = "truncated", age_ms: float = 50.0) -> Grade:
        """So many seconds with so many pictures each."""
        for _ in range(seconds):
            self.now_s += 1
            self.received += good
            self.rejected = {**self.rejected, why: self.rejected.get(why, 0) + bad}
            status = CameraStatus(
                "door",
                "",
                CameraState.ONLINE,
                received=self.received,
                rejected=self.rejected,
                frame_age_ms=age_ms,
                telemetry=self.telemetry,
                fps=self.fps,
            )
            self.evidence.note(status, self.fps, self.now_s)
        return self.grade()

    def report(self, **values: float) -> None:
        """The camera's next report."""
        self.telemetry = {**self.telemetry, **values}

    def grade(self) -> Grade:
        return self.evidence.verdict(self.now_s).grade

    def reason(self) -> str:
        return self.evidence.verdict(self.now_s).reason


def test_what_arrives_whole_and_in_time_is_good() -> None:
    assert Link().run(30) is Grade.GOOD
    assert Link().grade() is Grade.GOOD, "and so is what nobody knows of"


@pytest.mark.parametrize(
    ("bad", "grade"), [(0, Grade.GOOD), (1, Grade.GOOD), (4, Grade.FAIR), (5, Grade.BAD), (30, Grade.SEVERE)]
)
def test_damaged_pictures_count_by_their_share(bad: int, grade: Grade) -> None:
    link = Link()
    link.run(1)
    assert link.run(1, good=100 - bad, bad=bad) is grade


def test_a_share_of_very_few_pictures_says_nothing() -> None:
    link = Link()
    link.run(1)
    assert link.run(1, good=2, bad=2) is Grade.GOOD


def test_the_reason_is_in_words() -> None:
    link = Link()
    link.run(5, good=9, bad=1)
    assert link.reason() == "10% of the pictures arrived damaged"


def test_pictures_over_the_limit_are_severe_at_once() -> None:
    link = Link()
    link.run(1)
    assert link.run(1, good=0, bad=1, why="too_many_bytes") is Grade.SEVERE
    assert "ingest.max_frame_bytes" in link.reason()


def test_what_was_long_ago_does_not_count() -> None:
    link = Link()
    link.run(5, good=5, bad=5)
    assert link.grade() is Grade.SEVERE
    assert link.run(int(WINDOW_S) + 1) is Grade.GOOD


def test_a_stall_now_and_then_is_no_bad_link_but_lateness_is() -> None:
    link = Link()
    link.run(20)
    assert link.run(2, good=0, age_ms=3500) is Grade.FAIR
    assert link.run(20) is Grade.GOOD
    assert link.run(5, good=0, age_ms=3500) is Grade.BAD
    assert link.run(10, good=0, age_ms=3500) is Grade.SEVERE


def test_a_camera_that_is_to_send_seldom_is_not_late() -> None:
    link = Link(fps=0.5)
    assert link.run(30, good=0, age_ms=5900) is Grade.GOOD
    assert link.run(30, good=0, age_ms=6100) is Grade.SEVERE


@pytest.mark.parametrize(("dropped", "grade"), [(0, Grade.GOOD), (5, Grade.FAIR), (12, Grade.BAD), (100, Grade.SEVERE)])
def test_pictures_that_gave_way_in_the_camera_count_by_their_share(dropped: int, grade: Grade) -> None:
    link = Link()
    link.report(frames_sent=500, frames_dropped=3000)  # since it started; what counts is what comes
    link.run(1)
    link.report(frames_sent=600, frames_dropped=3000 + dropped)
    assert link.run(1) is grade


def test_a_network_that_is_busy_all_the_time_is_bad() -> None:
    link = Link()
    link.report(send_ms=40.0)
    assert link.run(1) is Grade.GOOD
    link.report(send_ms=70.0)
    assert link.run(1) is Grade.FAIR
    link.report(send_ms=95.0)
    assert link.run(1) is Grade.BAD
    assert link.reason() == "a picture takes 95 ms to send"


def test_a_report_counts_only_for_what_is_set_now_and_only_while_it_is_fresh() -> None:
    link = Link()
    link.run(1)
    link.evidence.changed(link.now_s)
    link.report(send_ms=95.0)
    assert link.run(int(TELEMETRY_LAG_S) - 1) is Grade.GOOD, "it tells of the time before"
    link.run(2)
    link.report(send_ms=96.0)
    assert link.run(1) is Grade.BAD
    assert link.run(int(TELEMETRY_MAX_AGE_S) + 1) is Grade.GOOD


def test_a_camera_that_started_in_between_counts_from_nothing() -> None:
    link = Link()
    link.report(frames_sent=5000, frames_dropped=4000)
    link.run(1)
    link.report(frames_sent=100, frames_dropped=90)
    assert link.run(1) is Grade.GOOD


def test_a_weak_signal_alone_leaves_everything_as_it_is() -> None:
    link = Link()
    link.report(rssi_dbm=-87.0)
    assert link.run(5) is Grade.FAIR
    assert link.reason() == "the signal is weak (-87 dBm)"
    link.report(rssi_dbm=-70.0)
    assert link.run(1) is Grade.GOOD
