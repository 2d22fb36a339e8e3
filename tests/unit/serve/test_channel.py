"""Who is sent which picture when: a camera and its viewers in a script, no sockets, no sleeping."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.serve.channel import Channel, Viewer
from bridge.serve.live import LivePicture
from bridge.serve.seats import Seats

STEP_S = 0.01


class Watcher(Viewer):
    """A viewer on a line that takes a picture in ``takes_s``; notes what it got and when it began."""

    def __init__(self, now_s: float = 0.0, max_fps: float | None = None, takes_s: float = 0.0) -> None:
        super().__init__(now_s, max_fps)
        self.got: list[tuple[float, str]] = []
        self._takes_s = takes_s
        self._ready_s = 0.0

    def notes(self, now_s: float) -> None:
        self.got.append((round(now_s, 2), bytes(self.pending).split(b"\r\n\r\n")[1].split(b"\r\n")[0].decode()))
        self._ready_s = now_s + self._takes_s

    def lets_time_pass(self, now_s: float) -> None:
        if self.pending and now_s >= self._ready_s - 1e-9:
            self.took(len(self.pending))


class Play:
    """Lets a channel, its viewers and a camera run against each other, a hundredth of a second a step.

    Args:
        frames_s: when the camera sends.
        viewers: who watches from the start.
        max_fps: of the channel.
        making_s: how long a picture takes.
        offline_after_s: of the camera.
        unreadable: whether its frames can be read.
    """

    def __init__(
        self,
        frames_s: list[float],
        *viewers: Watcher,
        max_fps: float = 100,
        making_s: float = 0.0,
        offline_after_s: float = 10,
        unreadable: bool = False,
    ) -> None:
        self.channel: Channel[Watcher] = Channel(max_fps)
        self.channel.viewers = dict.fromkeys(viewers)
        self.made: list[int] = []
        self._frames_s = [round(moment, 2) for moment in frames_s]
        self._making_s = making_s
        self._offline_after_s = offline_after_s
        self._unreadable = unreadable
        self._in_the_making: tuple[float, int] | None = None
        self._steps = 0

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            self._step(round(self._steps * STEP_S, 2))
            self._steps += 1

    def _step(self, now_s: float) -> None:
        came = [moment for moment in self._frames_s if moment <= now_s]
        self.channel.set_online(online=bool(came) and now_s - came[-1] < self._offline_after_s)
        if came:
            self.channel.frame(len(came), came[-1])
        for viewer in self.channel.viewers:
            viewer.lets_time_pass(now_s)
        self._deal(now_s, len(came))
        if self._steps % 25 == 0 and self.channel.lacks(now_s):
            again = self.channel.picture or LivePicture.of(0, b"notice", 0)
            for viewer in self.channel.fill(again, now_s):
                viewer.notes(now_s)

    def _deal(self, now_s: float, newest: int) -> None:
        if self._in_the_making is not None and now_s >= self._in_the_making[0] - 1e-9:
            seq, self._in_the_making = self._in_the_making[1], None
            self.made.append(seq)
            self.channel.made(None if self._unreadable else LivePicture.of(seq, b"live %d" % seq, 0))
        for viewer in self.channel.deal(now_s):
            viewer.notes(now_s)
            viewer.lets_time_pass(now_s)
        if self.channel.ask(now_s):
            self._in_the_making = (now_s + self._making_s, newest)
            if self._making_s == 0:
                self._deal(now_s, newest)


def _frames(start_s: float, stop_s: float, fps: float) -> list[float]:
    return [start_s + step / fps for step in range(round((stop_s - start_s) * fps))]


def _numbers(viewer: Watcher) -> list[int]:
    return [int(picture.split()[1]) for _, picture in viewer.got if picture != "notice"]


def test_every_frame_is_sent_to_everybody_as_it_comes_and_made_once() -> None:
    viewers = [Watcher() for _ in range(3)]
    play = Play(_frames(0, 3, 10), *viewers)
    play.run(3)
    for viewer in viewers:
        assert viewer.got == [(round(index / 10, 2), f"live {index + 1}") for index in range(30)]
    assert play.made == list(range(1, 31))


def test_nothing_is_made_when_nobody_watches() -> None:
    play = Play(_frames(0, 3, 10))
    play.run(3)
    assert play.made == []


def test_frames_over_max_fps_are_passed_over_for_all_viewers_alike() -> None:
    one, other = Watcher(), Watcher()
    play = Play(_frames(0, 4, 25), one, other, max_fps=5)
    play.run(4)
    assert one.got == other.got
    assert len(play.made) == pytest.approx(21, abs=1)


def test_a_slow_line_skips_to_the_newest_and_holds_up_nobody() -> None:
    slow, quick = Watcher(takes_s=0.35), Watcher()
    Play(_frames(0, 5, 10), slow, quick).run(5)
    assert _numbers(quick) == list(range(1, 51))
    assert len(slow.got) == pytest.approx(14, abs=1)
    for moment, picture in slow.got:
        assert int(picture.split()[1]) >= int(moment * 10 + 0.01), "the newest that was made"


def test_pictures_that_take_longer_than_the_camera_skip_to_the_newest_frame_one_at_a_time() -> None:
    viewer = Watcher()
    play = Play(_frames(0, 5, 10), viewer, making_s=0.25)
    play.run(5)
    assert len(play.made) == pytest.approx(19, abs=2)
    for moment, picture in viewer.got:
        assert int(picture.split()[1]) >= int((moment - 0.25) * 10), "begun with the newest"


def test_nothing_is_made_while_nobody_is_free_for_it() -> None:
    viewer = Watcher(takes_s=1.0)
    play = Play(_frames(0, 5, 10), viewer)
    play.run(5)
    assert len(play.made) == len(viewer.got) == 5


def test_fps_thins_one_viewers_stream_and_makes_no_more_than_is_sent() -> None:
    viewer = Watcher(max_fps=2)
    play = Play(_frames(0, 10, 10), viewer)
    play.run(10)
    assert len(viewer.got) == pytest.approx(21, abs=1)
    assert len(play.made) == len(viewer.got)
    for moment, picture in viewer.got:
        assert int(picture.split()[1]) == 1 + int(moment * 10 + 0.01), "the newest"


def test_a_very_low_fps_is_kept_too() -> None:
    viewer = Watcher(max_fps=0.1)
    Play(_frames(0, 60, 10), viewer).run(60)
    assert len(viewer.got) <= 8


def test_a_camera_that_never_sent_gives_its_notice_at_once_and_every_second() -> None:
    viewer = Watcher()
    Play([], viewer).run(5.5)
    assert viewer.got == [(float(second), "notice") for second in range(6)]


def test_a_camera_that_goes_silent_gets_a_notice_as_soon_as_it_counts_as_offline() -> None:
    viewer = Watcher(max_fps=0.5)
    Play(_frames(0, 1, 10), viewer, offline_after_s=3).run(8)
    notices = [moment for moment, picture in viewer.got if picture == "notice"]
    assert notices[0] == pytest.approx(3.9, abs=0.4)
    assert all(after - before <= 1.25 for before, after in pairwise(notices))


def test_live_pictures_resume_at_once_when_frames_come_back_and_never_the_old_one() -> None:
    viewer, late = Watcher(), Watcher(10.0)
    play = Play(_frames(0, 1, 10) + _frames(20, 22, 10), viewer, offline_after_s=3, making_s=0.05)
    play.run(10)
    play.channel.viewers[late] = None
    play.run(11)
    assert (20.05, "live 11") in viewer.got
    assert {picture for moment, picture in late.got if moment < 20.05} == {"notice"}
    assert (20.05, "live 11") in late.got


def test_who_comes_later_gets_the_newest_picture_at_once() -> None:
    early, late = Watcher(), Watcher(0.55)
    play = Play(_frames(0, 1, 2), early)
    play.run(0.55)
    play.channel.viewers[late] = None
    play.run(0.01)
    assert late.got == [(0.55, "live 2")]
    assert play.made == [1, 2]


def test_a_slow_camera_repeats_its_picture_so_that_the_stream_never_looks_dead() -> None:
    viewer = Watcher()
    Play(_frames(0, 10, 0.2), viewer).run(9.5)
    assert [picture for _, picture in viewer.got] == ["live 1"] * 3 + ["live 2"] * 3
    assert max(after[0] - before[0] for before, after in pairwise(viewer.got)) <= 2.25


def test_a_camera_that_sends_only_what_cannot_be_read_shows_a_notice() -> None:
    viewer = Watcher()
    Play(_frames(0, 10, 10), viewer, unreadable=True).run(6.1)
    assert len(viewer.got) == 3
    assert {picture for _, picture in viewer.got} == {"notice"}


def test_the_first_picture_is_waited_for_without_a_notice() -> None:
    viewer = Watcher()
    Play(_frames(0, 10, 10), viewer, making_s=3).run(3.1)
    assert viewer.got == [(3.0, "live 1")]


def test_a_viewer_stalls_when_one_picture_takes_it_too_long() -> None:
    viewer = Viewer(0.0)
    assert not viewer.stalled(100.0, 10.0), "it has nothing to take"
    viewer.begin(LivePicture.of(1, b"x" * 1000, 0), 100.0, new=True)
    size = len(viewer.pending)
    viewer.took(500)
    assert len(viewer.pending) == size - 500
    assert not viewer.stalled(110.0, 10.0)
    assert viewer.stalled(110.1, 10.0), "though it dripped"
    viewer.took(size - 500)
    assert not viewer.stalled(200.0, 10.0)


@given(
    st.lists(st.floats(0.01, 1.5), max_size=40),
    st.lists(st.tuples(st.sampled_from([None, 0.5, 3.0, 10.0]), st.floats(0, 2)), min_size=1, max_size=4),
    st.floats(0, 0.5),
    st.floats(0.5, 5),
)
def test_whatever_happens_numbers_only_rise_and_nobody_waits_for_long(
    gaps: list[float], lines: list[tuple[float | None, float]], making_s: float, offline_after_s: float
) -> None:
    frames_s = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    viewers = [Watcher(0.0, max_fps, takes_s) for max_fps, takes_s in lines]
    play = Play(frames_s, *viewers, making_s=making_s, offline_after_s=offline_after_s)
    play.run(8)
    assert play.made == sorted(set(play.made)), "no frame twice"
    for viewer, (max_fps, takes_s) in zip(viewers, lines, strict=True):
        assert _numbers(viewer) == sorted(_numbers(viewer))
        longest_s = max(2.0, 2 / max_fps if max_fps else 0) + takes_s + making_s + 0.5
        moments = [0.0, *(moment for moment, _ in viewer.got), 8.0]
        assert max(after - before for before, after in pairwise(moments)) <= longest_s


def test_seats_are_limited_and_free_again_when_given_back() -> None:
    seats = Seats(2)
    assert seats.take()
    assert seats.take()
    assert not seats.take()
    seats.give_back()
    assert seats.taken == 1
    assert seats.take()
