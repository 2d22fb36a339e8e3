"""What the training's fish-eye and view from above do with a picture, the boxes follow."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "training"))

from lens import STEP_PX, warp  # noqa: E402 - a folder of its own, which no package is

HEIGHT, WIDTH = 240, 320


def picture(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """Black, with a white rectangle."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[top:bottom, left:right] = 255
    return image


def around(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The box of what is true."""
    rows, columns = np.nonzero(mask)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@example(seed=2, left=0, top=0, width=21, height=80)  # only a wedge of it stays, its tip thinner than a pixel
@given(
    seed=st.integers(0, 1000),
    left=st.integers(0, WIDTH - 40),
    top=st.integers(0, HEIGHT - 40),
    width=st.integers(20, 200),
    height=st.integers(20, 200),
)
def test_a_box_is_around_what_was_in_it(seed: int, left: int, top: int, width: int, height: int) -> None:
    box = (left, top, min(WIDTH, left + width), min(HEIGHT, top + height))
    warped, moved = warp(picture(*box), np.array([box], np.float32), np.random.default_rng(seed))
    assert warped.shape == (HEIGHT, WIDTH, 3)
    beside, _ = warp(picture(0, 0, 0, 0), np.zeros((0, 4), np.float32), np.random.default_rng(seed))
    white = warped[..., 0].astype(int) - beside[..., 0]  # without the grey that comes in from outside
    if not (white > 0).any():
        assert np.ptp(moved[0, 0::2]) <= 2 * STEP_PX or np.ptp(moved[0, 1::2]) <= 2 * STEP_PX
        return
    # Around all that is wholly white and not thinner than the grid on which it is looked for ...
    wholly = cv2.erode((white >= 250).astype(np.uint8), np.ones((STEP_PX, STEP_PX), np.uint8))
    if wholly.any():
        left_px, top_px, right_px, bottom_px = around(wholly > 0)
        assert (moved[0, :2] <= np.add((left_px, top_px), 2 * STEP_PX)).all()
        assert (moved[0, 2:] >= np.subtract((right_px, bottom_px), 2 * STEP_PX)).all()
    # ... and around nothing that is not white at all.
    left_px, top_px, right_px, bottom_px = around(white > 0)
    assert (moved[0, :2] >= np.subtract((left_px, top_px), 2 * STEP_PX)).all() or not moved.any()
    assert (moved[0, 2:] <= np.add((right_px, bottom_px), 2 * STEP_PX)).all()


def test_some_of_all_pictures_are_moved_and_each_chance_the_same_way() -> None:
    box = np.array([[100, 60, 200, 200]], np.float32)
    results = [warp(picture(100, 60, 200, 200), box, np.random.default_rng(seed))[1] for seed in range(20)]
    assert len({tuple(found[0]) for found in results}) > 10
    again = warp(picture(100, 60, 200, 200), box, np.random.default_rng(3))[1]
    assert (again == results[3]).all()


def test_what_leaves_the_picture_has_no_size() -> None:
    nowhere = np.array([[-50, -50, -10, -10]], np.float32)
    _, moved = warp(picture(0, 0, 1, 1), nowhere, np.random.default_rng(0))
    assert (moved[:, 2:] - moved[:, :2] <= 0).all()
