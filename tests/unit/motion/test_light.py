from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.motion.light import offset, relit

if TYPE_CHECKING:
    from bridge.motion.light import Picture

_SHAPE = (60, 80)
_READABLE = np.ones(_SHAPE, bool)


def _scene(seed: int, low: float = 60, high: float = 160) -> Picture:
    return np.random.default_rng(seed).uniform(low, high, _SHAPE).astype(np.float32)


@given(st.integers(0, 99), st.floats(0.6, 1.5), st.floats(-20, 12))
def test_gain_and_offset_are_found_although_somebody_stands_there(seed: int, gain: float, plus: float) -> None:
    before = _scene(seed, 100, 130)
    now = np.asarray(before * gain + plus, np.float32)
    expected = now.copy()
    now[10:50, 20:45] = 240.0  # a fifth of the picture
    assert np.abs(relit(before, now, _READABLE, 14.0) - expected).max() < 1.0


def test_cells_that_cannot_be_read_are_not_asked() -> None:
    before, readable = _scene(1), _READABLE.copy()
    now = np.asarray(before * 1.2, np.float32)
    now[:, :50] += 12.0  # within the threshold, so only ``readable`` keeps it out
    readable[:, :50] = False
    assert np.abs(relit(before, now, readable, 14.0) - before * 1.2).max() < 0.5


def test_a_picture_without_contrast_has_no_gain() -> None:
    before = np.full(_SHAPE, 100, np.float32)
    assert relit(before, before + 10, _READABLE, 14.0) == pytest.approx(before + 10)


def test_nothing_gets_brighter_than_white_or_darker_than_black() -> None:
    before = _scene(2, 0, 255)
    brighter = relit(before, np.clip(before * 1.4, 0, 255), before < 150, 14.0)
    darker = relit(before, np.clip(before - 40, 0, 255), before > 60, 14.0)
    assert brighter.max() == 255
    assert darker.min() == 0


def test_nothing_readable_leaves_the_median_difference() -> None:
    before = _scene(3)
    assert relit(before, before + 30, ~_READABLE, 14.0) == pytest.approx(before + 30, abs=0.01)


def test_the_offset_is_that_of_most_cells() -> None:
    difference = np.full(_SHAPE, 7.0, np.float32)
    difference[:, :30] = -80
    assert offset(difference) == 7


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 2)])
def test_the_smallest_pictures_have_a_light_too(shape: tuple[int, int]) -> None:
    picture = np.full(shape, 50, np.float32)
    assert relit(picture, picture, np.ones(shape, bool), 14.0) == pytest.approx(picture)
