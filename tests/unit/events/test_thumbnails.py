from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.events.thumbnails import BestViews, crop, view_quality
from bridge.frames.codec import decode
from bridge.frames.jpeg import read_comment
from bridge.model import Track

if TYPE_CHECKING:
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


def test_the_best_of_several_views_is_handed_out() -> None:
    views = BestViews(480)
    for shade, score in ((50, 0.5), (150, 0.9), (250, 0.7)):
        views.consider(partial(_plain, shade), [_track(score=score)])
    assert _shade(views.hand_out(1, "id")) == 150


def test_a_picture_carries_the_id_of_its_event() -> None:
    views = BestViews(480)
    views.consider(_plain, [_track()])
    jpeg = views.hand_out(1, "1800000000000-3fa4c1")
    assert jpeg is not None
    assert read_comment(jpeg) == "1800000000000-3fa4c1"


def test_a_thumbnail_is_never_larger_than_asked_for() -> None:
    views = BestViews(100)
    views.consider(lambda: _plain(width=1600, height=1200), [_track(box=(0.0, 0.0, 1.0, 1.0))])
    jpeg = views.hand_out(1, "id")
    assert jpeg is not None
    assert decode(jpeg).shape == (75, 100, 3)


def test_a_picture_is_handed_out_once() -> None:
    views = BestViews(480)
    views.consider(_plain, [_track()])
    assert views.hand_out(1, "id") is not None
    assert views.hand_out(1, "id") is None
    views.consider(_plain, [_track(score=0.7)])
    assert views.hand_out(1, "id") is None


def test_a_better_picture_is_handed_out_again() -> None:
    views = BestViews(480)
    views.consider(lambda: _plain(50), [_track()])
    views.hand_out(1, "id")
    views.consider(lambda: _plain(200), [_track(score=0.9)])
    assert _shade(views.hand_out(1, "id")) == 200


def test_a_picture_is_announced_when_it_is_clearly_better_than_the_one_handed_out() -> None:
    views = BestViews(480)
    assert views.consider(_plain, [_track(score=0.5)]) == {1}
    views.hand_out(1, "id")
    assert views.consider(_plain, [_track(score=0.6)]) == set()
    assert views.consider(_plain, [_track(score=0.66)]) == {1}
    assert views.consider(_plain, [_track(score=0.3)]) == {1}, "until it is handed out"
    views.hand_out(1, "id")
    assert views.consider(_plain, [_track(score=0.66)]) == set()


def test_even_a_view_of_no_worth_is_handed_out_so_that_every_event_has_a_picture() -> None:
    views = BestViews(480)
    assert views.consider(_plain, [_track(box=(1.0, 0.3, 1.0, 0.7))]) == {1}
    assert views.hand_out(1, "id") is not None


def test_every_track_has_a_picture_of_its_own() -> None:
    image = _plain(0)
    image[:, 320:] = 255
    views = BestViews(480)
    views.consider(lambda: image, [_track((0.1, 0.3, 0.3, 0.7), track_id=1), _track((0.7, 0.3, 0.9, 0.7), track_id=2)])
    assert (_shade(views.hand_out(1, "a")), _shade(views.hand_out(2, "b"))) == (0, 255)


def test_tracks_that_nobody_follows_are_forgotten() -> None:
    views = BestViews(480)
    views.consider(_plain, [_track(track_id=1), _track(track_id=2)])
    views.keep_only({2})
    assert views.hand_out(1, "a") is None
    assert views.hand_out(2, "b") is not None


def test_a_track_that_was_never_seen_has_no_picture() -> None:
    assert BestViews(480).hand_out(9, "id") is None
