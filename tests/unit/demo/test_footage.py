"""The demo's walk over photographs: where it goes, and what it films."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.demo.footage import FPS, SIZE_PX, WALKS, Key, PhotoWalk, Walk, Window
from bridge.frames.codec import decode

if TYPE_CHECKING:
    from bridge.model import Image

# Width and height of the photographs in the ultralytics package.
PHOTOGRAPHS_PX = {"bus.jpg": (810, 1080), "zidane.jpg": (1280, 720)}
LONGEST_END_AFTER_S = 5.0

walks = pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.photograph)


@walks
@given(at_s=st.floats(0, 10_000))
def test_the_window_never_leaves_the_photograph(walk: Walk, at_s: float) -> None:
    window = walk.window_at(at_s)
    width_px, height_px = PHOTOGRAPHS_PX[walk.photograph]
    assert window.left >= 0
    assert window.top >= 0
    assert window.left + window.width <= width_px
    assert window.top + window.width * 3 / 4 <= height_px


@walks
def test_a_round_ends_where_it_began(walk: Walk) -> None:
    assert walk.keys[0].at_s == 0
    assert walk.keys[-1].window == walk.keys[0].window
    assert walk.window_at(walk.duration_s + 1.5) == walk.window_at(1.5)


@walks
def test_the_window_glides_and_never_jumps(walk: Walk) -> None:
    moments = [walk.window_at(number / FPS) for number in range(int(walk.duration_s * FPS) + 1)]
    for before, after in pairwise(moments):
        moved_px = math.hypot(after.left - before.left, after.top - before.top)
        assert moved_px < 0.12 * before.width
        assert 0.85 < after.width / before.width < 1.18


def stays_s(walk: Walk, *, empty: bool) -> list[float]:
    """How long the window rests where nobody is, or looks at people; nobody is where a round begins."""
    nobody = walk.keys[0].window
    return [
        after.at_s - before.at_s
        for before, after in pairwise(walk.keys)
        if (before.window == nobody) == (after.window == nobody) == empty
    ]


@walks
def test_every_rest_without_people_outlasts_the_end_of_an_event(walk: Walk) -> None:
    first, *middle, last = stays_s(walk, empty=True)  # the last one goes on into the next round
    assert min([*middle, first + last]) >= 8.0 > LONGEST_END_AFTER_S


@walks
def test_people_stay_long_enough_to_be_noticed(walk: Walk) -> None:
    visits_s = stays_s(walk, empty=False)
    assert len(visits_s) == 2
    assert min(visits_s) >= 5.0


def test_between_two_keys_the_window_is_between_them() -> None:
    walk = Walk("x.jpg", (Key(0, Window(0, 0, 100)), Key(10, Window(100, 40, 200)), Key(12, Window(0, 0, 100))))
    assert walk.window_at(0) == Window(0, 0, 100)
    assert walk.window_at(5) == Window(50, 20, 150)
    assert walk.window_at(1).left < 10  # it starts gently
    assert walk.duration_s == 12


def photograph() -> Image:
    """Left half dark, right half bright."""
    image = np.full((300, 400, 3), 60, np.uint8)
    image[:, 200:] = 180
    return image


HALVES = Walk(
    "x.jpg",
    (
        Key(0, Window(0, 0, 200)),
        Key(2, Window(0, 0, 200)),
        Key(3, Window(200, 0, 200)),
        Key(5, Window(200, 0, 200)),
        Key(6, Window(0, 0, 200)),
    ),
)


def brightness(source: PhotoWalk, index: int) -> float:
    jpeg = source.read(index)
    assert jpeg is not None
    return float(decode(jpeg).mean())


def test_it_films_what_the_window_shows_round_after_round() -> None:
    source = PhotoWalk(photograph(), HALVES)
    seen = [brightness(source, index) for index in (5, 35, 65, 605)]
    assert seen == pytest.approx([60, 180, 60, 60], abs=3)


def test_it_can_begin_anywhere_in_the_walk() -> None:
    assert brightness(PhotoWalk(photograph(), HALVES, start_s=3.5), 0) == pytest.approx(180, abs=3)


def test_it_films_vga_until_the_board_is_told_otherwise() -> None:
    source = PhotoWalk(photograph(), HALVES)
    assert (source.fps, source.filmed, source.size_px) == (FPS, True, SIZE_PX)
    jpeg = source.read(0)
    assert jpeg is not None
    assert decode(jpeg).shape == (480, 640, 3)
    source.adjust(50, (320, 240))
    jpeg = source.read(1)
    assert jpeg is not None
    assert decode(jpeg).shape == (240, 320, 3)


def test_a_still_view_is_as_restless_as_a_small_sensor() -> None:
    source = PhotoWalk(photograph(), HALVES)
    first, second = (source.read(index) or b"" for index in (0, 1))
    difference = np.abs(decode(first).astype(int) - decode(second).astype(int))
    assert 0.2 < difference.mean() < 3
