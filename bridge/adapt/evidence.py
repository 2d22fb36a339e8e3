"""What the bridge and a camera know of the link between them, and what it means. Pure: the time comes in as a value.

The bridge sees which pictures arrive, late or damaged; a camera tells how long it takes to hand a picture to the
network, and how many of its pictures gave way to newer ones because the one before was still on its way.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import RejectReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.model import CameraStatus

WINDOW_S: Final = 15.0
"""How far back pictures count: boards stall for up to 4.4 s over Wi-Fi now and then, which is no bad link."""

TELEMETRY_LAG_S: Final = 6.0
"""A report counts for what is set now when it comes so long after the change: it tells of the ten seconds before."""

TELEMETRY_MAX_AGE_S: Final = 35.0
"""An older report says nothing: the firmware sends one every ten seconds."""

_LATE_S: Final = 2.0
_LATE_PICTURES: Final = 3  # of them must be missing
_FEWEST: Final = 5  # pictures, or looks: a share of fewer says nothing
_BAD_DAMAGED, _SEVERE_DAMAGED, _GOOD_DAMAGED = 0.05, 0.3, 0.01
_BAD_LATE, _SEVERE_LATE, _GOOD_LATE = 0.3, 0.7, 0.1
_BAD_DROPPED, _SEVERE_DROPPED, _GOOD_DROPPED = 0.1, 0.5, 0.02
_BAD_BUSY, _GOOD_BUSY = 0.9, 0.5
_WEAK_RSSI_DBM: Final = -85  # from about here ESP32s fall back to the slowest rates
_TOO_BIG: Final = (RejectReason.TOO_MANY_BYTES.value, RejectReason.TOO_MANY_PIXELS.value)


class Grade(Enum):
    """How the link is."""

    GOOD = "good"  # it would carry more
    FAIR = "fair"  # it carries what it has to
    BAD = "bad"  # it does not
    SEVERE = "severe"  # by far not


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the link is, and why, for people."""

    grade: Grade
    reason: str
    share: float | None = None  # what was measured, where sending less may turn out not to help: damage and lateness


@dataclass(frozen=True, slots=True)
class _Look:
    mono_s: float
    received: int
    damaged: int
    too_big: int
    is_late: bool


@dataclass(frozen=True, slots=True)
class _Report:
    """Two of a camera's reports of its health, compared."""

    mono_s: float
    dropped: float | None  # share of the pictures that gave way
    busy: float | None  # share of the time in which a picture was on its way
    send_ms: float | None


class Evidence:
    """What is known of one camera's link; ``note`` it about once a second, while it is online."""

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque()
        self._telemetry: Mapping[str, Any] = {}
        self._report: _Report | None = None
        self._changed_mono_s = float("-inf")

    def changed(self, now_mono_s: float) -> None:
        """Other settings are in force from now on: what was seen before says nothing of them."""
        self._changed_mono_s = now_mono_s
        self._report = None
        while len(self._looks) > 1:
            self._looks.popleft()

    def note(self, status: CameraStatus, wanted_fps: float | None, now_mono_s: float) -> None:
        """Take down how it is now.

        Args:
            status: of the camera.
            wanted_fps: pictures a second that it is to send, at most; None: nobody knows.
            now_mono_s: the time.
        """
        late_ms = 1000 * max(_LATE_S, _LATE_PICTURES / wanted_fps if wanted_fps else 0.0)
        rejected = status.rejected
        self._looks.append(
            _Look(
                now_mono_s,
                status.received,
                sum(rejected.values()),
                sum(rejected.get(reason, 0) for reason in _TOO_BIG),
                (status.frame_age_ms or 0.0) > late_ms,
            )
        )
        while now_mono_s - self._looks[0].mono_s > WINDOW_S:
            self._looks.popleft()
        if status.telemetry is not self._telemetry and status.telemetry != self._telemetry:
            before, self._telemetry = self._telemetry, status.telemetry
            if now_mono_s - self._changed_mono_s >= TELEMETRY_LAG_S:
                self._report = _compared(before, status.telemetry, status.fps, now_mono_s)

    def verdict(self, now_mono_s: float) -> Verdict:
        """What it means."""
        report = self._report
        if report is not None and now_mono_s - report.mono_s > TELEMETRY_MAX_AGE_S:
            report = None
        worst = Verdict(Grade.GOOD, "")
        for verdict in (*self._of_pictures(), *_of_report(report), *_of_signal(self._telemetry)):
            if _BADNESS[verdict.grade] > _BADNESS[worst.grade]:
                worst = verdict
        return worst

    def _of_pictures(self) -> list[Verdict]:
        if not self._looks:
            return []
        first, last = self._looks[0], self._looks[-1]
        damaged, received = last.damaged - first.damaged, last.received - first.received
        too_big = last.too_big - first.too_big
        found: list[Verdict] = []
        if too_big:
            limit = "pictures are larger than ingest.max_frame_bytes or max_frame_pixels allow"
            found.append(Verdict(Grade.SEVERE, limit))
        if damaged + received >= _FEWEST:
            share = damaged / (damaged + received)
            grade = _graded(share, _GOOD_DAMAGED, _BAD_DAMAGED, _SEVERE_DAMAGED)
            found.append(Verdict(grade, f"{share:.0%} of the pictures arrived damaged", share))
        if len(self._looks) >= _FEWEST:
            share = sum(look.is_late for look in self._looks) / len(self._looks)
            grade = _graded(share, _GOOD_LATE, _BAD_LATE, _SEVERE_LATE)
            found.append(Verdict(grade, f"pictures were late for {share:.0%} of the time", share))
        return found


_BADNESS: Final = {grade: number for number, grade in enumerate(Grade)}


def _of_report(report: _Report | None) -> list[Verdict]:
    found: list[Verdict] = []
    if report is None:
        return found
    if report.dropped is not None:
        grade = _graded(report.dropped, _GOOD_DROPPED, _BAD_DROPPED, _SEVERE_DROPPED)
        found.append(Verdict(grade, f"{report.dropped:.0%} of the pictures gave way to newer ones"))
    if report.busy is not None:
        grade = _graded(report.busy, _GOOD_BUSY, _BAD_BUSY, float("inf"))
        found.append(Verdict(grade, f"a picture takes {report.send_ms:.0f} ms to send"))
    return found


def _of_signal(telemetry: Mapping[str, Any]) -> list[Verdict]:
    rssi_dbm = telemetry.get("rssi_dbm")
    if rssi_dbm is None or rssi_dbm > _WEAK_RSSI_DBM:
        return []
    return [Verdict(Grade.FAIR, f"the signal is weak ({rssi_dbm:.0f} dBm)")]


def _graded(share: float, good: float, bad: float, severe: float) -> Grade:
    if share >= severe:
        return Grade.SEVERE
    if share >= bad:
        return Grade.BAD
    return Grade.GOOD if share <= good else Grade.FAIR


def _compared(before: Mapping[str, Any], after: Mapping[str, Any], fps: float, now_mono_s: float) -> _Report:
    """What happened between two reports; a camera that started in between counts from nothing."""
    sent, dropped = (_gained(before, after, key) for key in ("frames_sent", "frames_dropped"))
    share = None
    if sent is not None and dropped is not None and sent + dropped >= _FEWEST:
        share = dropped / (sent + dropped)
    send_ms = after.get("send_ms")
    busy = None if send_ms is None else send_ms * fps / 1000
    return _Report(now_mono_s, share, busy, send_ms)


def _gained(before: Mapping[str, Any], after: Mapping[str, Any], key: str) -> float | None:
    if key not in before or key not in after or after[key] < before[key]:
        return None
    gained: float = after[key] - before[key]
    return gained
