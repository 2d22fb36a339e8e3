"""The demo's walks through drawn rooms: where they go, and what is filmed of them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.demo.footage import FPS, SIZE_PX, WALKS, Key, Place, RoomFilm, Walk, cut_out
from bridge.demo.room import draw_room
from bridge.frames.codec import decode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.model import Image

LONGEST_END_AFTER_S = 5.0
PORTRAIT_PX = (512, 600)  # matplotlib's

walks = pytest.mark.parametrize("walk", WALKS, ids=["there", "mirrored"])


def portrait() -> NDArray[np.uint8]:
    """A red square all of which is there."""
    image = np.zeros((600, 512, 4), np.uint8)
    image[..., 2:] = 255
    return image


def redness(film: RoomFilm, index: int) -> float:
    """The share of the picture that she takes."""
    jpeg = film.read(index)
    assert jpeg is not None
    image = decode(jpeg).astype(int)
    return float(((image[..., 2] > 200) & (image[..., 1] < 60)).mean())


def moments_s(walk: Walk, *, seen: bool) -> float:
    """For how long in a round she is (not) in the picture, in one piece (rounds follow each other)."""
    film = RoomFilm(portrait(), walk)
    there = [redness(film, index) > 0 for index in range(round(walk.duration_s * FPS))]
    rounds = there + there
    changes = [0, *(place for place in range(1, len(rounds)) if rounds[place] != rounds[place - 1]), len(rounds)]
    return max(end - begin for begin, end in pairwise(changes) if rounds[begin] is seen) / FPS


@walks
def test_a_round_ends_where_it_began_out_of_the_picture(walk: Walk) -> None:
    film = RoomFilm(portrait(), walk)
    assert walk.keys[0].at_s == 0
    assert redness(film, 0) == redness(film, round(walk.duration_s * FPS) - 1) == 0


@walks
def test_the_room_is_empty_for_longer_than_an_event_needs_to_end(walk: Walk) -> None:
    assert moments_s(walk, seen=False) >= 8.0 > LONGEST_END_AFTER_S


@walks
def test_she_stays_long_enough_to_be_noticed(walk: Walk) -> None:
    assert moments_s(walk, seen=True) >= 8.0


def test_between_two_keys_she_is_between_them() -> None:
    walk = Walk(mirrored=False, keys=(Key(0, Place(0, 0.5)), Key(10, Place(1, 0.7)), Key(12, Place(0, 0.5))))
    assert walk.place_at(0) == Place(0, 0.5)
    assert walk.place_at(5) == pytest.approx(Place(0.5, 0.6))
    assert walk.place_at(1).x < 0.1  # she starts gently
    assert walk.place_at(12 + 5) == walk.place_at(5)
    assert walk.duration_s == 12


def test_she_is_as_tall_as_she_is_said_to_be_and_stands_on_the_lower_edge() -> None:
    walk = Walk(mirrored=False, keys=(Key(0, Place(0.5, 0.5)), Key(10, Place(0.5, 0.5))))
    jpeg = RoomFilm(portrait(), walk).read(0)
    assert jpeg is not None
    image = decode(jpeg).astype(int)
    rows, columns = np.nonzero((image[..., 2] > 200) & (image[..., 1] < 60))
    assert rows.max() >= SIZE_PX[1] - 2
    assert (SIZE_PX[1] - rows.min()) / SIZE_PX[1] == pytest.approx(0.5, abs=0.04)
    assert (columns.min() + columns.max()) / 2 / SIZE_PX[0] == pytest.approx(0.5, abs=0.02)


def test_it_can_begin_anywhere_in_the_walk() -> None:
    there, later = RoomFilm(portrait(), WALKS[0]), RoomFilm(portrait(), WALKS[0], start_s=7.0)
    assert redness(there, 70) == redness(later, 0) > 0.1
    assert redness(there, 0) == 0


def test_it_films_vga_until_the_board_is_told_otherwise() -> None:
    source = RoomFilm(portrait(), WALKS[0])
    assert (source.fps, source.filmed, source.size_px) == (FPS, True, SIZE_PX)
    jpeg = source.read(0)
    assert jpeg is not None
    assert decode(jpeg).shape == (480, 640, 3)
    source.adjust(50, (320, 240))
    jpeg = source.read(1)
    assert jpeg is not None
    assert decode(jpeg).shape == (240, 320, 3)


def test_a_still_view_is_as_restless_as_a_small_sensor() -> None:
    source = RoomFilm(portrait(), WALKS[1])
    first, second = (source.read(index) or b"" for index in (0, 1))
    difference = np.abs(decode(first).astype(int) - decode(second).astype(int))
    assert 0.2 < difference.mean() < 3


def test_of_the_portrait_the_corners_above_go_and_the_middle_stays() -> None:
    width, height = PORTRAIT_PX
    image: Image = np.full((height, width, 3), 90, np.uint8)
    her = cut_out(image)
    assert (her[..., :3] == image).all()
    assert her[5, 5, 3] == her[5, width - 5, 3] == 0
    assert her[height // 2, width // 2, 3] == 255
    assert her[height - 1, width // 2, 3] > 200
    assert 0.45 < (her[..., 3] > 127).mean() < 0.65


def test_the_two_rooms_differ_in_colour_and_are_each_others_mirror_image() -> None:
    one, other = draw_room(*SIZE_PX), draw_room(*SIZE_PX, mirrored=True)
    assert (one != other).any()
    assert (one == other[:, ::-1, ::-1]).all()
    assert len(np.unique(one.reshape(-1, 3), axis=0)) > 50
