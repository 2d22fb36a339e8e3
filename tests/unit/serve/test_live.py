"""The live view: one picture a frame for everybody, made only when somebody looks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.errors import FrameRejected
from bridge.frames import codec
from bridge.model import CameraState, Scene, Track
from bridge.serve import mjpeg
from bridge.serve.live import LiveView, StreamOptions, _reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.frames.store import FrameStore
    from bridge.model import Frame, Image
    from bridge.runtime.clock import ManualClock

    Put = Callable[[int], Frame]
    MakeView = Callable[[StreamOptions], LiveView]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture
def make_view(store: FrameStore, clock: ManualClock, pool: ThreadPoolExecutor) -> Callable[[StreamOptions], LiveView]:
    return lambda options: LiveView(store, "door", options, clock, pool)


@pytest.fixture
def view(make_view: Callable[[StreamOptions], LiveView]) -> LiveView:
    return make_view(StreamOptions(max_fps=15))


def _shade(jpeg: bytes) -> float:
    return float(codec.decode(jpeg)[2, 2].mean())


def _has_line(image: Image, y: int, x: int, ground: int) -> bool:
    return bool(abs(image[y, x].astype(int) - ground).max() > 40)


def test_with_nothing_to_draw_the_cameras_own_bytes_pass_through(view: LiveView, put: Put) -> None:
    frame = put(100)
    future = view.picture(frame)
    assert future.done(), "there is nothing to wait for"
    picture = future.result()
    assert (picture.seq, picture.jpeg) == (frame.seq, frame.jpeg)
    assert picture.part == mjpeg.part(frame.jpeg, frame.received_unix_s)
    assert view.encodes == 0


def test_boxes_of_the_newest_scene_are_drawn_on_every_new_frame(
    view: LiveView, put: Put, show_person: Callable[[], None], clock: ManualClock
) -> None:
    show_person()
    for shade in (60, 120, 180):
        clock.advance(0.1)
        image = codec.decode(view.picture(put(shade)).result().jpeg)
        assert image[2, 2].mean() == pytest.approx(shade, abs=3), "the newest frame, not only the analysed one"
        assert _has_line(image, 120, 80, shade), "the left edge of the box"
    assert view.encodes == 3


def test_boxes_are_drawn_where_who_moves_is_by_now(
    view: LiveView, store: FrameStore, put: Put, clock: ManualClock
) -> None:
    walker = Track(1, "person", 0.9, (0.25, 0.25, 0.5, 0.75), 5, (0.5, 0.0, 0.5, 0.0))
    store.set_scene(Scene("door", 1, clock.mono_s(), (walker,)))
    clock.advance(0.25)
    image = codec.decode(view.picture(put(100)).result().jpeg)
    assert _has_line(image, 120, 120, 100), "the left edge, an eighth of the width farther"
    assert not _has_line(image, 120, 80, 100), "and no longer there"


def test_everybody_gets_the_same_picture_made_once(view: LiveView, put: Put, show_person: Callable[[], None]) -> None:
    show_person()
    frame = put(100)
    assert view.picture(frame) is view.picture(frame)
    assert view.snapshot() is view.picture(frame).result()
    assert view.picture(frame, raw=True) is view.picture(frame, raw=True)
    assert view.encodes == 1


def test_who_asks_late_gets_the_newer_picture(view: LiveView, put: Put) -> None:
    older, newer = put(100), put(110)
    assert view.picture(newer).result().seq == newer.seq
    assert view.picture(older).result().seq == newer.seq


def test_nothing_is_made_when_nobody_asks(view: LiveView, put: Put, show_person: Callable[[], None]) -> None:
    show_person()
    for shade in range(10, 200, 10):
        put(shade)
    assert view.encodes == 0


def test_raw_gives_the_bytes_as_sent_although_there_are_boxes(
    view: LiveView, put: Put, show_person: Callable[[], None]
) -> None:
    show_person()
    frame = put(100)
    assert view.picture(frame, raw=True).result().jpeg == frame.jpeg
    assert view.snapshot(raw=True).jpeg == frame.jpeg
    assert view.encodes == 0


def test_annotate_off_draws_nothing(make_view: MakeView, put: Put, show_person: Callable[[], None]) -> None:
    view = make_view(StreamOptions(annotate=False))
    show_person()
    frame = put(100)
    assert view.snapshot().jpeg == frame.jpeg


def test_boxes_of_an_analysis_that_is_too_old_are_not_drawn(
    view: LiveView, put: Put, show_person: Callable[[], None], clock: ManualClock
) -> None:
    show_person()
    clock.advance(2.1)
    frame = put(100)
    assert view.snapshot().jpeg == frame.jpeg


def test_a_turned_camera_is_turned_even_with_nothing_to_draw(store: FrameStore, make_view: MakeView) -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    image[:, :160] = 255
    store.put("door", codec.encode(image), 320, 240)
    shown = codec.decode(make_view(StreamOptions(rotate=90)).snapshot().jpeg)
    assert shown.shape == (320, 240, 3)
    assert shown[10].mean() > 240, "what was on the left is now at the top"
    assert shown[310].mean() < 15


def test_a_frame_that_the_decoder_refuses_is_passed_over(
    view: LiveView, store: FrameStore, put: Put, show_person: Callable[[], None], clock: ManualClock
) -> None:
    show_person()
    good = view.picture(put(100)).result()
    damaged = store.put("door", b"\xff\xd8 no picture at all \xff\xd9", 320, 240)
    with pytest.raises(FrameRejected):
        view.picture(damaged).result()
    assert view.snapshot() == good, "the last good one, not an error"
    clock.advance(0.1)
    newer = put(150)
    assert view.picture(newer).result().seq == newer.seq


def test_a_camera_whose_only_frame_cannot_be_read_says_so(
    view: LiveView, store: FrameStore, show_person: Callable[[], None]
) -> None:
    show_person()
    store.put("door", b"\xff\xd8 no picture at all \xff\xd9", 320, 240)
    assert codec.decode(view.snapshot().jpeg).shape == (480, 640, 3)


def test_before_the_first_frame_a_snapshot_is_a_notice(view: LiveView) -> None:
    assert not view.online
    picture = view.snapshot()
    assert picture.seq == 0
    assert codec.decode(picture.jpeg).shape == (480, 640, 3)
    assert view.snapshot(raw=True) == picture


def test_a_camera_that_is_gone_gives_its_notice_over_the_darkened_last_frame(
    view: LiveView, put: Put, clock: ManualClock
) -> None:
    frame = put(200)
    clock.advance(11)
    assert not view.online
    picture = view.snapshot()
    assert picture == view.notice().result()
    image = codec.decode(picture.jpeg)
    assert image.shape == (240, 320, 3)
    assert _shade(picture.jpeg) < 90
    assert image.max() > 200, "the words"
    assert view.snapshot(raw=True).jpeg == frame.jpeg, "raw: the last frame as it was sent"


def test_a_notice_is_drawn_once_an_outage(view: LiveView, put: Put, clock: ManualClock) -> None:
    put(200)
    clock.advance(11)
    first = view.notice().result()
    clock.advance(100)
    assert view.notice().result() is first
    put(100)
    clock.advance(11)
    assert view.notice().result() is not first, "another outage, another time"


def test_a_notice_comes_although_the_last_frame_cannot_be_read(
    view: LiveView, store: FrameStore, clock: ManualClock
) -> None:
    store.put("door", b"\xff\xd8 no picture at all \xff\xd9", 320, 240)
    clock.advance(11)
    assert codec.decode(view.notice().result().jpeg).shape == (480, 640, 3)


def test_a_notice_says_since_when_in_local_time(put: Put, clock: ManualClock, store: FrameStore) -> None:
    clock.now_unix_s = datetime(2026, 11, 23, 3, 14, 5, tzinfo=UTC).timestamp()
    put(1)
    local = datetime(2026, 11, 23, 3, 14, 5, tzinfo=UTC).astimezone()
    assert _reason(CameraState.OFFLINE, store.newest("door")).startswith(f"offline since {local:%Y-%m-%d %H:%M:%S}")
    assert _reason(CameraState.WAITING, None) == "waiting for the first picture"
