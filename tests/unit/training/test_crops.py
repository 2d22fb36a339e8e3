"""What the training cuts out of photographs: people close by, and places without anybody."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "training"))

from crops import TALL, close_by, nobody  # noqa: E402 - a folder of its own, which no package is

HEIGHT, WIDTH = 240, 320


def picture(boxes: np.ndarray) -> np.ndarray:
    """Black; in each box, the rows are numbered by their grey, from 1 for the first."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for left, top, right, bottom in boxes.astype(int):
        image[top:bottom, left:right] = np.arange(1, bottom - top + 1, dtype=np.uint8)[:, None, None]
    return image


def box(left: int, top: int, width: int, height: int) -> tuple[int, int, int, int]:
    return left, top, min(WIDTH, left + width), min(HEIGHT, top + height)


boxes_of_people = st.lists(
    st.builds(box, st.integers(0, 280), st.integers(0, 200), st.integers(10, 120), st.integers(10, 230)), max_size=4
).map(lambda rows: np.array(rows, np.float32).reshape(-1, 4))


@given(left=st.integers(0, 250), top=st.integers(0, 70), height=st.integers(100, 170), seed=st.integers(0, 1000))
def test_somebody_close_by_is_seen_from_the_head_on_and_cut_below(left: int, top: int, height: int, seed: int) -> None:
    boxes = np.array([box(left, top, 60, height)], np.float32)
    part = close_by(picture(boxes), boxes, np.random.default_rng(seed))
    assert part is not None
    rows = np.unique(part)[1:]  # without the black
    assert rows.min() <= 2, "the head is in it"
    # Where the picture ends above the head, more of the body comes in below: the part keeps its height.
    assert 0.25 * height <= rows.max() <= (0.65 * height + 2 if top >= 0.35 * height else height)
    assert abs(part.shape[1] / part.shape[0] - WIDTH / HEIGHT) < 0.1


@given(boxes=boxes_of_people, seed=st.integers(0, 1000))
def test_a_part_without_anybody_has_nothing_of_anybody(boxes: np.ndarray, seed: int) -> None:
    part = nobody(picture(boxes), boxes, np.random.default_rng(seed))
    if part is None:
        assert len(boxes)
        return
    assert not part.any()
    assert part.shape[1] >= 0.35 * WIDTH - 1
    assert part.shape[0] >= 0.35 * HEIGHT - 1


def test_who_is_small_is_not_looked_at_from_close_by() -> None:
    low = int(TALL * HEIGHT) - 1
    boxes = np.array([box(10, 10, 40, low)], np.float32)
    assert close_by(picture(boxes), boxes, np.random.default_rng(0)) is None


def test_where_people_are_everywhere_no_part_is_without() -> None:
    boxes = np.array([(0, 0, WIDTH, HEIGHT)], np.float32)
    assert nobody(picture(boxes), boxes, np.random.default_rng(0)) is None
