"""An open stream, played against a camera in a script: no sockets, no sleeping."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from bridge.runtime.clock import ManualClock
from bridge.serve.live import LivePicture
from bridge.serve.stream import LiveStream, Seats

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class ScriptedView:
    """Stands for a ``LiveView``: frames come at given moments of a manual clock, and waiting moves it."""

    clock: ManualClock
    frames_s: list[float] = field(default_factory=list)
    offline_after_s: float = 10.0
    unreadable: bool = False
    notices: int = 0

    @property
    def newest_seq(self) -> int:
        return sum(moment <= self.clock.mono_s() for moment in self.frames_s)

    @property
    def online(self) -> bool:
        past = [moment for moment in self.frames_s if moment <= self.clock.mono_s()]
        return bool(past) and self.clock.mono_s() - past[-1] < self.offline_after_s

    def notice(self) -> LivePicture:
        self.notices += 1
        return LivePicture.of(0, b"notice", self.clock.unix_s())

    def wait_frame(self, after_seq: int, timeout_s: float) -> bool:
        if self.newest_seq <= after_seq:
            coming = [moment for moment in self.frames_s if moment > self.clock.mono_s()]
            deadline_s = self.clock.mono_s() + timeout_s
            self.clock.now_mono_s = min([deadline_s, *coming])
        return self.newest_seq > after_seq

    def wait_picture(self, after_seq: int, timeout_s: float, *, raw: bool = False) -> LivePicture | None:
        if not self.wait_frame(after_seq, timeout_s) or self.unreadable:
            self.clock.advance(timeout_s if self.unreadable else 0)
            return None
        kind = b"raw" if raw else b"live"
        return LivePicture.of(self.newest_seq, b"%b %d" % (kind, self.newest_seq), self.clock.unix_s())


class PatientEvent(threading.Event):
    """The stop event; waiting for it moves the clock instead of the test's time."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self.clock.advance(timeout or 0)
        return self.is_set()


class Viewer:
    """Reads a stream and notes what came when."""

    def __init__(self, view: ScriptedView, *, raw: bool = False, max_fps: float | None = None) -> None:
        self.stopping = PatientEvent(view.clock)
        self.closed = 0
        self.view = view
        self.stream = LiveStream(
            view,  # type: ignore[arg-type]  # it has what a stream asks for
            self.stopping,
            view.clock,
            self._on_close,
            raw=raw,
            max_fps=max_fps,
        )

    def _on_close(self) -> None:
        self.closed += 1

    def watch(self, seconds: float) -> list[tuple[float, bytes]]:
        """What came until this much time passed."""
        return list(self._until(self.view.clock.mono_s() + seconds))

    def _until(self, end_s: float) -> Iterator[tuple[float, bytes]]:
        began_s = self.view.clock.mono_s()
        for part in self.stream:
            if self.view.clock.mono_s() > end_s:
                return
            yield round(self.view.clock.mono_s() - began_s, 2), part.split(b"\r\n\r\n")[1].split(b"\r\n")[0]


def _frames(start_s: float, stop_s: float, fps: float) -> list[float]:
    return [1000 + start_s + step / fps for step in range(round((stop_s - start_s) * fps))]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_every_new_frame_is_sent_as_it_comes(clock: ManualClock) -> None:
    came = Viewer(ScriptedView(clock, _frames(0, 3, 10))).watch(2.95)
    assert [picture for _, picture in came] == [b"live %d" % seq for seq in range(1, 31)]
    assert all(abs(moment - index / 10) < 0.02 for index, (moment, _) in enumerate(came))


def test_the_first_bytes_open_the_multipart_body(clock: ManualClock) -> None:
    stream = Viewer(ScriptedView(clock, _frames(0, 1, 10))).stream
    assert next(stream).startswith(b"--frame\r\nContent-Type: image/jpeg\r\n")
    assert next(stream).startswith(b"Content-Type: image/jpeg\r\n")


def test_raw_sends_what_the_camera_sent(clock: ManualClock) -> None:
    assert Viewer(ScriptedView(clock, _frames(0, 1, 10)), raw=True).watch(0.5)[0][1] == b"raw 1"


def test_a_camera_that_never_sent_gives_its_notice_at_once_and_every_second(clock: ManualClock) -> None:
    came = Viewer(ScriptedView(clock)).watch(5.5)
    assert {picture for _, picture in came} == {b"notice"}
    assert [round(moment) for moment, _ in came] == [0, 1, 2, 3, 4, 5]


def test_a_camera_that_goes_silent_gets_a_notice_as_soon_as_it_counts_as_offline(clock: ManualClock) -> None:
    came = Viewer(ScriptedView(clock, _frames(0, 1, 10), offline_after_s=3)).watch(8)
    notices = [moment for moment, picture in came if picture == b"notice"]
    assert notices[0] == pytest.approx(3.9, abs=0.3)
    assert all(after - before <= 1.3 for before, after in pairwise(notices))


def test_live_pictures_resume_at_once_when_frames_come_back(clock: ManualClock) -> None:
    view = ScriptedView(clock, _frames(0, 1, 10) + _frames(20, 22, 10), offline_after_s=3)
    came = Viewer(view).watch(21)
    back = next(moment for moment, picture in came if picture == b"live 11")
    assert back == pytest.approx(20, abs=0.02)


def test_a_slow_camera_repeats_its_picture_so_that_the_stream_never_looks_dead(clock: ManualClock) -> None:
    came = Viewer(ScriptedView(clock, _frames(0, 30, 0.2))).watch(9.5)
    assert [picture for _, picture in came] == [b"live 1"] * 3 + [b"live 2"] * 3
    gaps = [after[0] - before[0] for before, after in pairwise(came)]
    assert max(gaps) < 2.5


def test_fps_thins_the_stream_and_keeps_to_the_newest(clock: ManualClock) -> None:
    came = Viewer(ScriptedView(clock, _frames(0, 10, 10)), max_fps=2).watch(5)
    assert len(came) == pytest.approx(11, abs=1)
    for moment, picture in came[2:]:
        newest = 1 + int(moment * 10 + 0.01)
        assert int(picture.split()[1]) >= newest - 1


def test_a_very_low_fps_is_kept_too(clock: ManualClock) -> None:
    came = Viewer(ScriptedView(clock, _frames(0, 100, 10)), max_fps=0.1).watch(60)
    assert len(came) <= 8


def test_a_camera_that_sends_only_garbage_still_shows_a_notice(clock: ManualClock) -> None:
    came = Viewer(ScriptedView(clock, _frames(0, 10, 10), unreadable=True)).watch(6)
    assert len(came) >= 2
    assert {picture for _, picture in came} == {b"notice"}


def test_the_stream_ends_when_the_server_stops(clock: ManualClock) -> None:
    for view in (ScriptedView(clock), ScriptedView(clock, _frames(0, 100, 10))):
        viewer = Viewer(view)
        next(viewer.stream)
        viewer.stopping.set()
        assert list(viewer.stream) == []


def test_closing_gives_the_seat_back_exactly_once(clock: ManualClock) -> None:
    viewer = Viewer(ScriptedView(clock, _frames(0, 1, 10)))
    next(viewer.stream)
    viewer.stream.close()
    viewer.stream.close()
    assert viewer.closed == 1


def test_a_stream_closed_before_its_first_byte_gives_the_seat_back_too(clock: ManualClock) -> None:
    viewer = Viewer(ScriptedView(clock))
    viewer.stream.close()
    assert viewer.closed == 1


def test_seats_are_limited_and_free_again_when_given_back() -> None:
    seats = Seats(2)
    assert seats.take()
    assert seats.take()
    assert not seats.take()
    seats.give_back()
    assert seats.taken == 1
    assert seats.take()
