from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.events.sharpness import sharpness
from bridge.frames.codec import decode, encode
from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from bridge.model import Image

_BOX = (0.3, 0.1, 0.6, 0.9)


def _somebody(*, blur: int = 0, noise: float = 0.0, contrast: float = 1.0, quality: int = 0) -> Image:
    """A figure with a face, stripes and legs; smeared as by a walk to the side, spoiled as by a camera."""
    image = np.full((480, 640, 3), 120.0)
    image[60:420, 210:370] = 90
    image[70:130, 260:320] = 190
    image[85:95, [*range(272, 282), *range(298, 308)]] = 30
    image[140:280, 220:360] = np.where(np.arange(140) // 10 % 2, 210, 60)[:, None, None]
    image[290:420, 230:270] = image[290:420, 310:350] = 40
    if blur:
        image = cv2.blur(image, (blur, 1))
    image = 120 + (image - 120) * contrast
    image += np.random.default_rng(5).normal(0, noise, image.shape)
    spoiled = np.clip(image, 0, 255).astype(np.uint8)
    return decode(encode(spoiled, quality)) if quality else spoiled


@pytest.mark.parametrize("noise", [0.0, 4.0, 10.0])
@pytest.mark.parametrize("quality", [0, 20])
def test_the_more_it_is_smeared_the_less_it_is_worth(noise: float, quality: int) -> None:
    marks = [sharpness(_somebody(blur=blur, noise=noise, quality=quality), _BOX) for blur in (0, 9, 19)]
    assert marks == sorted(marks, reverse=True)
    assert marks[0] > 1.2 * marks[1]
    assert marks[0] > 1.5 * marks[2]


@pytest.mark.parametrize("noise", [4.0, 10.0])
def test_noise_does_not_make_a_smear_sharp(noise: float) -> None:
    assert sharpness(_somebody(blur=19, noise=noise), _BOX) < sharpness(_somebody(), _BOX)


@pytest.mark.parametrize("contrast", [0.3, 0.6])
def test_dim_light_alone_costs_little(contrast: float) -> None:
    assert sharpness(_somebody(contrast=contrast), _BOX) == pytest.approx(sharpness(_somebody(), _BOX), rel=0.1)


def test_what_is_beside_the_box_does_not_count() -> None:
    image = _somebody()
    image[:, 500:] = np.random.default_rng(1).integers(0, 255, (480, 140, 3))
    assert sharpness(image, _BOX) == sharpness(_somebody(), _BOX)


_unit = st.floats(0.0, 1.0)


@given(st.tuples(_unit, _unit, _unit, _unit), st.integers(1, 60), st.integers(1, 60))
def test_it_is_a_share_for_any_box_in_any_picture(corners: tuple[float, ...], width: int, height: int) -> None:
    left, right = sorted(corners[:2])
    top, bottom = sorted(corners[2:])
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    assert 0.0 <= sharpness(image, (left, top, right, bottom)) <= 1.0


def test_a_plain_surface_is_not_sharp() -> None:
    assert sharpness(np.full((48, 64, 3), 128, np.uint8), _BOX) == 0.0
