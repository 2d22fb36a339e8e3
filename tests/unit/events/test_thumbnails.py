from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.events.thumbnails import BestViews, crop, view_quality
from bridge.frames.codec import decode, encode
from bridge.frames.jpeg import read_comment
from bridge.frames.shot import Shot
from bridge.model import Frame, Track

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.events.thumbnails import Pictures
    from bridge.frames.codec import Rotation
    from bridge.model import Box, Image

_BOX = (0.4, 0.3, 0.6, 0.7)


def _track(box: Box = _BOX, score: float = 0.8, track_id: int = 1) -> Track:
    return Track(track_id, "person", score, box, 1)


def _plain(shade: int = 128, width: int = 640, height: int = 480) -> Image:
    return np.full((height, width, 3), shade, np.uint8)


def _shade(jpeg: bytes | None) -> int:
    assert jpeg is not None
    return round(float(decode(jpeg).mean()))


# --- quality -------------------------------------------------------------------------------------------------------


def test_larger_surer_and_whole_is_better() -> None:
    here = view_quality(_track())
    assert view_quality(_track(box=(0.3, 0.1, 0.7, 0.9))) == pytest.approx(2 * here)
    assert view_quality(_track(score=0.9)) > here


@pytest.mark.parametrize(
    "box", [(0.0, 0.3, 0.2, 0.7), (0.4, 0.0, 0.6, 0.4), (0.8, 0.3, 1.0, 0.7), (0.4, 0.6, 0.6, 1.0)]
)
def test_somebody_cut_off_by_an_edge_is_worth_half(box: Box) -> None:
    assert view_quality(_track(box)) == pytest.approx(view_quality(_track()) / 2)


# --- crop ----------------------------------------------------------------------------------------------------------


def test_a_crop_shows_the_box_with_a_margin_of_15_percent() -> None:
    image = _plain(0)
    image[144:336, 256:384] = 255  # exactly _BOX
    part = crop(image, _BOX, 480)
    assert part.shape == (round(192 * 1.3), round(128 * 1.3), 3)
    lit = part[:, :, 0] > 0
    assert lit.sum() == 192 * 128
    assert lit[29:221, 19:147].all()


def test_a_crop_ends_at_the_edge_of_the_picture() -> None:
    assert crop(_plain(), (0.0, 0.0, 0.2, 0.2), 480).shape == (round(96 * 1.15), round(128 * 1.15), 3)
    assert crop(_plain(), (0.0, 0.0, 1.0, 1.0), 9999).shape == (480, 640, 3)


def test_a_large_crop_is_scaled_down_and_keeps_its_proportions() -> None:
    assert crop(_plain(), (0.0, 0.0, 1.0, 1.0), 160).shape == (120, 160, 3)


def test_a_small_crop_is_not_blown_up() -> None:
    assert crop(_plain(), (0.45, 0.45, 0.55, 0.55), 480).shape[0] < 100


def test_a_crop_is_a_copy() -> None:
    image = _plain(128)
    part = crop(image, _BOX, 480)
    image[:] = 0
    assert part.min() == 128


_shares = st.floats(0.0, 1.0)


@example((1.0, 1.0, 1.0, 1.0), 64, 48, 64)
@example((0.0, 0.0, 0.0, 0.0), 64, 48, 64)
@given(st.tuples(_shares, _shares, _shares, _shares), st.integers(1, 200), st.integers(1, 200), st.integers(64, 1920))
def test_a_crop_is_never_empty_and_never_larger_than_asked_for(
    corners: tuple[float, float, float, float], width: int, height: int, longest_px: int
) -> None:
    left, right = sorted(corners[:2])
    top, bottom = sorted(corners[2:])
    part = crop(_plain(7, width, height), (left, top, right, bottom), longest_px)
    assert part.ndim == 3
    assert 1 <= part.shape[0] <= min(longest_px, height)
    assert 1 <= part.shape[1] <= min(longest_px, width)
    assert part.dtype == np.uint8
    assert (part == 7).all()


# --- best view -----------------------------------------------------------------------------------------------------

_numbers = itertools.count(1)


def _shot(image: Image | None = None, *, rotate: Rotation = 0, longest_px: int | None = None) -> Shot:
    """The next frame."""
    shown = _plain() if image is None else image
    height, width = shown.shape[:2]
    frame = Frame("door", next(_numbers), encode(shown, 95), width, height, 1000.0, 1e9)
    return Shot(frame, rotate, longest_px)


def _draw(image: Image, tracks: Sequence[Track], *, main: int | None) -> None:
    """White boxes, filled for the main one."""
    height, width = image.shape[:2]
    for track in tracks:
        left, top, right, bottom = (np.array(track.box_xyxy_norm) * [width, height, width, height]).astype(int)
        image[[top, bottom - 1], left:right] = 255
        if track.track_id == main:
            image[top:bottom, left:right] = 255


def _views(longest_px: int = 480, rotate: Rotation = 0) -> BestViews:
    return BestViews(longest_px, _draw, rotate)


def _consider(views: BestViews, shot: Shot, *tracks: Track) -> set[int]:
    return views.consider(shot, tracks, tracks)


def _given(pictures: Pictures | None) -> Pictures:
    assert pictures is not None
    return pictures


def _chequered(blur: int = 0) -> Image:
    """Somebody in a chequered coat; ``blur`` smears it over so many pixels, to the side."""
    image = _plain()
    rows, columns = np.ogrid[:192, :128]
    image[144:336, 256:384] = np.where((rows // 16 + columns // 16) % 2, 200, 60)[:, :, None]
    if blur:
        kernel = np.ones(blur) / blur
        image[:] = np.apply_along_axis(lambda row: np.convolve(row, kernel, "same"), 1, image.astype(float))
    return image


def test_the_best_of_several_views_is_handed_out() -> None:
    views = _views()
    for shade, score in ((50, 0.5), (150, 0.9), (250, 0.7)):
        _consider(views, _shot(_plain(shade)), _track(score=score))
    assert _shade(_given(views.hand_out(1, "id")).thumbnail_jpeg) == 150


def test_a_sharp_view_goes_before_a_surer_one_that_is_smeared() -> None:
    views = _views()
    for blur, score in ((25, 0.9), (0, 0.85), (25, 0.9)):
        _consider(views, _shot(_chequered(blur)), _track(score=score))
    assert decode(_given(views.hand_out(1, "id")).thumbnail_jpeg).std() > 40


def test_both_pictures_carry_the_id_of_their_event_and_show_the_same_moment() -> None:
    views = _views()
    first, second = _shot(_plain(60)), _shot(_plain(180))
    _consider(views, first, _track(score=0.5))
    _consider(views, second, _track(score=0.9))
    pictures = _given(views.hand_out(1, "1800000000000-3fa4c1"))
    assert read_comment(pictures.thumbnail_jpeg) == "1800000000000-3fa4c1"
    assert read_comment(pictures.snapshot_jpeg) == "1800000000000-3fa4c1"
    assert pictures.frame is second.frame
    assert _shade(pictures.thumbnail_jpeg) == 180
    assert decode(pictures.snapshot_jpeg)[5, 5].tolist() == pytest.approx([180, 180, 180], abs=3)


def test_the_snapshot_shows_everybody_of_that_moment_and_whose_event_it_is() -> None:
    views = _views()
    here, there = _track(), _track((0.7, 0.3, 0.9, 0.7), track_id=2)
    _consider(views, _shot(), here, there)
    _consider(views, _shot(), _track(score=0.3))
    image = decode(_given(views.hand_out(1, "id")).snapshot_jpeg)
    assert image.shape == (480, 640, 3)
    assert image[240, 320].min() > 240, "the own box is recognisable"
    assert image[144 : 144 + 2, 448:576].max() > 240, "the other one is there"
    assert image[240, 512].max() < 150


@pytest.mark.parametrize("decoded_again", [False, True])
def test_nothing_is_drawn_on_the_thumbnail_nor_on_the_frames_pixels(decoded_again: bool) -> None:
    views, shot = _views(), _shot()
    _consider(views, shot, _track())
    pictures = _given(views.hand_out(1, "id", None if decoded_again else shot))
    assert decode(pictures.thumbnail_jpeg).std() < 2
    assert shot.whole().std() < 2
    assert decode(pictures.snapshot_jpeg).std() > 10


def test_a_picture_from_an_older_frame_is_as_good_as_from_the_newest() -> None:
    views, other = _views(), _views()
    shot = _shot(_chequered())
    for one in (views, other):
        _consider(one, shot, _track())
    _consider(views, _shot(_plain(0)), _track(score=0.3))
    assert views.hand_out(1, "id", _shot(_plain(0))) == other.hand_out(1, "id", shot)


@pytest.mark.parametrize(("rotate", "shape"), [(0, (48, 64)), (90, (64, 48)), (180, (48, 64)), (270, (64, 48))])
def test_both_pictures_stand_upright(rotate: Rotation, shape: tuple[int, int]) -> None:
    views = _views(rotate=rotate)
    _consider(views, _shot(_plain(128, 64, 48), rotate=rotate), _track(box=(0.0, 0.0, 1.0, 1.0)))
    pictures = _given(views.hand_out(1, "id"))
    assert decode(pictures.thumbnail_jpeg).shape[:2] == shape
    assert decode(pictures.snapshot_jpeg).shape[:2] == shape


def test_pictures_are_of_the_whole_frame_although_the_model_saw_a_small_one() -> None:
    views = _views()
    shot = _shot(_plain(width=1600, height=1200), longest_px=640)
    assert shot.image.shape == (600, 800, 3)
    _consider(views, shot, _track())
    pictures = _given(views.hand_out(1, "id", shot))
    assert decode(pictures.snapshot_jpeg).shape == (1200, 1600, 3)
    assert decode(pictures.thumbnail_jpeg).shape[0] == 480


def test_a_thumbnail_is_never_larger_than_asked_for() -> None:
    views = _views(100)
    _consider(views, _shot(_plain(width=1600, height=1200)), _track(box=(0.0, 0.0, 1.0, 1.0)))
    assert decode(_given(views.hand_out(1, "id")).thumbnail_jpeg).shape == (75, 100, 3)


def test_a_picture_is_handed_out_once() -> None:
    views = _views()
    _consider(views, _shot(), _track())
    assert not views.handed_out(1)
    assert views.hand_out(1, "id") is not None
    assert views.handed_out(1)
    assert views.hand_out(1, "id") is None
    _consider(views, _shot(), _track(score=0.7))
    assert views.hand_out(1, "id") is None
    assert views.handed_out(1)


def test_a_better_picture_is_handed_out_again() -> None:
    views = _views()
    _consider(views, _shot(_plain(50)), _track())
    views.hand_out(1, "id")
    _consider(views, _shot(_plain(200)), _track(score=0.9))
    assert _shade(_given(views.hand_out(1, "id")).thumbnail_jpeg) == 200


def test_a_picture_is_announced_when_it_is_clearly_better_than_the_one_handed_out() -> None:
    views = _views()
    assert _consider(views, _shot(), _track(score=0.5)) == {1}
    views.hand_out(1, "id")
    assert _consider(views, _shot(), _track(score=0.6)) == set()
    assert _consider(views, _shot(), _track(score=0.66)) == {1}
    assert _consider(views, _shot(), _track(score=0.3)) == {1}, "until it is handed out"
    views.hand_out(1, "id")
    assert _consider(views, _shot(), _track(score=0.66)) == set()


def test_even_a_view_of_no_worth_is_handed_out_so_that_every_event_has_a_picture() -> None:
    views = _views()
    assert _consider(views, _shot(), _track(box=(1.0, 0.3, 1.0, 0.7))) == {1}
    assert views.hand_out(1, "id") is not None


def test_every_track_has_pictures_of_its_own() -> None:
    image = _plain(0)
    image[:, 320:] = 255
    views = _views()
    _consider(views, _shot(image), _track((0.1, 0.3, 0.3, 0.7), track_id=1), _track((0.7, 0.3, 0.9, 0.7), track_id=2))
    assert [_shade(_given(views.hand_out(number, "id")).thumbnail_jpeg) for number in (1, 2)] == [0, 255]


def test_only_visitors_have_views() -> None:
    views = _views()
    assert views.consider(_shot(), [_track(track_id=1), _track(track_id=2)], [_track(track_id=2)]) == {2}
    assert views.hand_out(1, "a") is None


def test_tracks_that_nobody_follows_are_forgotten() -> None:
    views = _views()
    _consider(views, _shot(), _track(track_id=1), _track(track_id=2))
    views.keep_only({2})
    assert views.hand_out(1, "a") is None
    assert views.hand_out(2, "b") is not None


def test_a_track_that_was_never_seen_has_no_picture() -> None:
    assert _views().hand_out(9, "id") is None
    assert not _views().handed_out(9)


def test_a_frame_that_cannot_be_decoded_again_costs_the_picture_not_the_event() -> None:
    views = _views()
    shot = _shot()
    object.__setattr__(shot.frame, "jpeg", b"\xff\xd8 damaged \xff\xd9")
    _consider(views, shot, _track())
    assert views.hand_out(1, "id") is None
    assert not views.handed_out(1)
