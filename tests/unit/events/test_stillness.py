from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.events.stillness import Stillness, overlap

if TYPE_CHECKING:
    from bridge.model import Box

_WIDTH, _HEIGHT = 0.1, 0.4
_RATES = [1, 2, 5, 10, 15]


def _box(x: float = 0.4, y: float = 0.3, width: float = _WIDTH, height: float = _HEIGHT) -> Box:
    return (x, y, x + width, y + height)


def _play(fps: float, boxes: list[Box]) -> list[float]:
    """For how long the object has stayed where it is, after each of these sights."""
    stillness = Stillness(boxes[0], 100.0)
    return [stillness.see(box, 100.0 + index / fps) for index, box in enumerate(boxes)]


# --- overlap -------------------------------------------------------------------------------------------------------


def test_overlap_is_the_shared_part_of_both() -> None:
    assert overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 1, 1), (0, 0, 1, 1)) == 1.0
    assert overlap((0, 0, 1, 1), (1, 0, 2, 1)) == 0.0
    assert overlap((0, 0, 1, 1), (5, 5, 6, 6)) == 0.0


_unit = st.floats(0.0, 1.0)


@given(st.tuples(_unit, _unit, _unit, _unit), st.tuples(_unit, _unit, _unit, _unit))
def test_overlap_is_a_share_and_the_same_either_way(one: Box, other: Box) -> None:
    assert 0.0 <= overlap(one, other) <= 1.0 + 1e-9
    assert overlap(one, other) == pytest.approx(overlap(other, one))


# --- stillness -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", _RATES)
def test_what_stays_is_still_since_its_first_sight_whatever_the_jitter(fps: int) -> None:
    chance = np.random.default_rng(2)
    sides = np.array([_WIDTH, _HEIGHT, _WIDTH, _HEIGHT])
    boxes: list[Box] = [tuple(np.array(_box()) + chance.normal(0, 0.04, 4) * sides) for _ in range(60 * fps)]
    assert _play(fps, boxes)[-1] == pytest.approx(60, abs=1)


@pytest.mark.parametrize("fps", _RATES)
@pytest.mark.parametrize("wrong", [_box(height=0.2), _box(width=0.05), _box(0.6), _box(0.3, 0.1, 0.4, 0.8)])
def test_one_wrong_box_moves_nobody(fps: int, wrong: Box) -> None:
    boxes = [_box()] * (20 * fps)
    boxes[10 * fps] = wrong
    assert _play(fps, boxes)[-1] == pytest.approx(20, abs=1)


def test_somebody_half_hidden_by_a_passer_by_stays() -> None:
    boxes = [_box()] * 50 + [_box(width=0.05)] * 2 + [_box()] * 50
    assert _play(5, boxes)[-1] > 20


@pytest.mark.parametrize("fps", _RATES)
@pytest.mark.parametrize("speed", [0.05, 0.1, 0.3])
def test_a_walker_is_never_still(fps: int, speed: float) -> None:
    boxes = [_box(speed * index / fps) for index in range(15 * fps)]
    assert max(_play(fps, boxes)) < 3


@pytest.mark.parametrize("fps", _RATES)
def test_somebody_who_comes_nearer_is_not_still(fps: int) -> None:
    sizes = [1.08 ** (index / fps) for index in range(20 * fps)]  # from 8 m to 2 m
    boxes = [
        _box(0.5 - _WIDTH * size / 2, 0.9 - _HEIGHT * size / 2, _WIDTH * size, _HEIGHT * size / 2) for size in sizes
    ]
    assert max(_play(fps, boxes)) < 8


@pytest.mark.parametrize("fps", _RATES)
def test_who_goes_on_has_moved_within_two_looks_or_a_second(fps: int) -> None:
    stood = [_box()] * (20 * fps)
    went = [_box(0.4 + 0.1 * index / fps) for index in range(1, 3 * fps + 1)]  # a width a second
    told = _play(fps, stood + went)[len(stood) :]
    moved = next(index for index, still_s in enumerate(told, 1) if still_s < 10)
    assert moved <= max(2, fps)


def test_a_long_gap_at_the_same_place_is_no_movement() -> None:
    stillness = Stillness(_box(), 100.0)
    assert [stillness.see(_box(), at_s) for at_s in (100.0, 104.0, 400.0)] == [0.0, 4.0, 300.0]


@given(st.lists(st.tuples(st.floats(0, 5), st.tuples(_unit, _unit, _unit, _unit)), min_size=1, max_size=30))
def test_it_never_stayed_for_longer_than_it_is_known(sights: list[tuple[float, Box]]) -> None:
    stillness, now_s = Stillness(sights[0][1], 100.0), 100.0
    for pause_s, box in sights:
        now_s += pause_s
        assert 0 <= stillness.see(box, now_s) <= now_s - 100
