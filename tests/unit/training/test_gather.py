"""What the training lays out to learn from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Detection

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "training"))

from gather import NOT_AT_ALL, add_parts  # noqa: E402 - a folder of its own, which no package is
from labels import read_boxes, write_person  # noqa: E402

if TYPE_CHECKING:
    from bridge.model import Image

WIDTH, HEIGHT = 160, 120
SOMEBODY = 40, 20, 80, 110


@given(left=st.integers(0, 150), top=st.integers(0, 110), width=st.integers(1, 10), height=st.integers(1, 10))
def test_a_label_says_the_box_that_it_was_written_of(left: int, top: int, width: int, height: int) -> None:
    box = (left, top, left + width, top + height)
    (found,) = read_boxes(write_person(box, WIDTH, HEIGHT), WIDTH, HEIGHT)
    assert np.abs(found - box).max() < 0.001


def test_no_label_is_no_box() -> None:
    assert read_boxes("", WIDTH, HEIGHT).shape == (0, 4)


def photograph(folder: Path) -> list[str]:
    """A black one, with a white person."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    left, top, right, bottom = SOMEBODY
    image[top:bottom, left:right] = 255
    for name in ("images", "labels"):
        (folder / name).mkdir()
    cv2.imwrite(str(folder / "images" / "street.jpg"), image)
    (folder / "labels" / "street.txt").write_text(write_person(SOMEBODY, WIDTH, HEIGHT))
    return [str(folder / "images" / "street.jpg")]


def seen(image: Image, score: float, surely: float = 0.9) -> list[Detection]:
    """A teacher who takes white for a person."""
    assert score == NOT_AT_ALL
    rows, columns = np.nonzero(image[..., 0] > 127)
    if not rows.size:
        return []
    box = (float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
    return [Detection("person", surely, box)]


def test_parts_are_written_with_what_the_teacher_sees_in_them(tmp_path: Path) -> None:
    close, nobody = map(Path, add_parts(photograph(tmp_path), seen, tmp_path))
    assert (close.name, nobody.name) == ("street_close.jpg", "street_nobody.jpg")
    assert (tmp_path / "labels" / "street_nobody.txt").read_text() == ""
    part = cv2.imread(str(close))
    assert part.shape == (HEIGHT, WIDTH, 3)
    (box,) = read_boxes((tmp_path / "labels" / "street_close.txt").read_text(), WIDTH, HEIGHT)
    assert np.abs(box - seen(part, NOT_AT_ALL)[0].box_xyxy_px).max() <= 1
    assert box[3] - box[1] > 0.5 * HEIGHT, "she is larger in it"


def test_what_the_teacher_doubts_is_not_learned_from(tmp_path: Path) -> None:
    added = add_parts(photograph(tmp_path), lambda image, score: seen(image, score, surely=0.3), tmp_path)
    assert [Path(path).name for path in added] == ["street_nobody.jpg"]


def test_a_part_in_which_the_teacher_sees_somebody_all_the_same_is_not_without_anybody(tmp_path: Path) -> None:
    everywhere = [Detection("person", 0.9, (0.0, 0.0, 10.0, 10.0))]
    added = add_parts(photograph(tmp_path), lambda _image, _score: everywhere, tmp_path)
    assert [Path(path).name for path in added] == ["street_close.jpg"]
