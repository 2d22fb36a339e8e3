"""The live view: one picture a frame for everybody, made only when somebody looks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.frames import codec
from bridge.serve import mjpeg
from bridge.serve.live import LiveView, StreamOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.frames.store import FrameStore
    from bridge.model import Frame
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


def test_with_nothing_to_draw_the_cameras_own_bytes_pass_through(view: LiveView, put: Put) -> None:
    frame = put(100)
    picture = view.wait_picture(0, 0)
    assert picture is not None
    assert (picture.seq, picture.jpeg) == (frame.seq, frame.jpeg)
    assert picture.part == mjpeg.part(frame.jpeg, frame.received_unix_s)
    assert view.encodes == 0


def test_boxes_of_the_newest_scene_are_drawn_on_every_new_frame(
    view: LiveView, put: Put, show_person: Callable[[], None], clock: ManualClock
) -> None:
    show_person()
    for shade in (60, 120, 180):
        clock.advance(0.1)
        frame = put(shade)
        picture = view.wait_picture(frame.seq - 1, 0)
        assert picture is not None
        image = codec.decode(picture.jpeg)
        assert image[2, 2].mean() == pytest.approx(shade, abs=3), "the newest frame, not only the analysed one"
        assert abs(image[120, 80].astype(int) - shade).max() > 40, "the left edge of the box"
    assert view.encodes == 3


def test_viewers_of_the_raw_stream_share_their_bytes_too(view: LiveView, put: Put) -> None:
    put(100)
    assert view.wait_picture(0, 0, raw=True) is view.wait_picture(0, 0, raw=True)


def test_a_frame_is_encoded_once_however_many_viewers_ask_at_once(
    view: LiveView, put: Put, show_person: Callable[[], None]
) -> None:
    show_person()
    put(100)
    together = threading.Barrier(8)
    pictures = []

    def watch() -> None:
        together.wait()
        pictures.append(view.wait_picture(0, 1))

    viewers = [threading.Thread(target=watch) for _ in range(8)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert view.encodes == 1
    assert len({id(picture) for picture in pictures}) == 1, "the very same bytes"


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
    picture = view.wait_picture(0, 0, raw=True)
    assert picture is not None
    assert picture.jpeg == frame.jpeg
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


def test_frames_over_max_fps_are_passed_over_for_all_viewers_alike(
    make_view: MakeView, put: Put, show_person: Callable[[], None], clock: ManualClock
) -> None:
    view = make_view(StreamOptions(max_fps=5))
    show_person()
    seen: dict[int, list[int]] = {1: [], 2: []}
    for shade in range(50):
        clock.advance(0.04)
        show_person()
        frame = put(shade)
        for viewer in (1, 2):
            picture = view.wait_picture(frame.seq - 1, 0)
            seen[viewer] += [picture.seq] if picture else []
    assert seen[1] == seen[2]
    assert len(seen[1]) == pytest.approx(11, abs=1)  # 2 s at 5/s, and the one more after the pause
    assert view.encodes == len(seen[1])


def test_a_frame_that_the_decoder_refuses_is_passed_over(
    view: LiveView, store: FrameStore, put: Put, show_person: Callable[[], None], clock: ManualClock
) -> None:
    show_person()
    put(100)
    good = view.wait_picture(0, 0)
    assert good is not None
    store.put("door", b"\xff\xd8 no picture at all \xff\xd9", 320, 240)
    assert view.wait_picture(good.seq, 0) is None
    assert view.snapshot() == good, "the last good one, not an error"
    clock.advance(0.1)
    newer = put(150)
    picture = view.wait_picture(good.seq, 0)
    assert picture is not None
    assert picture.seq == newer.seq


def test_a_camera_whose_only_frame_cannot_be_read_says_so(
    view: LiveView, store: FrameStore, show_person: Callable[[], None]
) -> None:
    show_person()
    store.put("door", b"\xff\xd8 no picture at all \xff\xd9", 320, 240)
    assert codec.decode(view.snapshot().jpeg).shape == (480, 640, 3)


def test_waiting_ends_when_the_time_is_over(view: LiveView, put: Put) -> None:
    assert view.wait_picture(0, 0) is None
    frame = put(1)
    assert view.wait_picture(frame.seq, 0) is None


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
    assert picture == view.notice()
    image = codec.decode(picture.jpeg)
    assert image.shape == (240, 320, 3)
    assert _shade(picture.jpeg) < 90
    assert image.max() > 200, "the words"
    assert view.snapshot(raw=True).jpeg == frame.jpeg, "raw: the last frame as it was sent"


def test_a_notice_is_drawn_once_an_outage(view: LiveView, put: Put, clock: ManualClock) -> None:
    put(200)
    clock.advance(11)
    first = view.notice()
    clock.advance(100)
    assert view.notice() is first
    put(100)
    clock.advance(11)
    assert view.notice() is not first, "another outage, another time"


def test_a_notice_comes_although_the_last_frame_cannot_be_read(
    view: LiveView, store: FrameStore, clock: ManualClock
) -> None:
    store.put("door", b"\xff\xd8 no picture at all \xff\xd9", 320, 240)
    clock.advance(11)
    assert codec.decode(view.notice().jpeg).shape == (480, 640, 3)


def test_a_notice_says_since_when_in_local_time(
    view: LiveView, put: Put, clock: ManualClock, store: FrameStore
) -> None:
    from bridge.model import CameraState
    from bridge.serve.live import _reason

    clock.now_unix_s = datetime(2026, 11, 23, 3, 14, 5, tzinfo=UTC).timestamp()
    put(1)
    local = datetime(2026, 11, 23, 3, 14, 5, tzinfo=UTC).astimezone()
    assert _reason(CameraState.OFFLINE, store.newest("door")).startswith(f"offline since {local:%Y-%m-%d %H:%M:%S}")
    assert _reason(CameraState.WAITING, None) == "waiting for the first picture"
    assert view.newest_seq == 1
