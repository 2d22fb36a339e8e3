from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import FrameRejected
from bridge.frames import codec
from bridge.frames.codec import encode
from bridge.frames.shot import Shot
from bridge.model import Frame


def _frame(width: int, height: int) -> Frame:
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = (0, 0, 255)
    return Frame("door", 1, encode(image, 90), width, height, 0.0, 0.0)


def test_a_vga_frame_is_decoded_once_for_the_model_and_for_pictures() -> None:
    shot = Shot(_frame(640, 480), longest_px=640)
    assert shot.image.shape == (480, 640, 3)
    assert shot.whole() is shot.image


def test_a_large_frame_is_decoded_small_and_whole_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    real = codec.decode

    def spy(jpeg: bytes, rotate: codec.Rotation = 0, *, shrink: int = 1) -> object:
        decoded.append(shrink)
        return real(jpeg, rotate, shrink=shrink)  # type: ignore[arg-type]

    monkeypatch.setattr("bridge.frames.shot.decode", spy)
    shot = Shot(_frame(1600, 1200), longest_px=640)
    assert shot.image.shape == (600, 800, 3)
    assert decoded == [2]
    assert shot.whole().shape == (1200, 1600, 3)
    assert shot.whole() is shot.whole()
    assert decoded == [2, 1]


def test_both_sizes_are_turned_upright() -> None:
    shot = Shot(_frame(1600, 1200), 90, longest_px=640)
    assert shot.image.shape == (800, 600, 3)
    assert shot.whole().shape == (1600, 1200, 3)
    for picture in (shot.image, shot.whole()):
        assert picture[10, -10, 2] > 200, "the red quarter is at the upper right now"
        assert picture[10, 10, 2] < 50


def test_a_detector_without_a_size_of_its_own_sees_the_whole_frame() -> None:
    assert Shot(_frame(1600, 1200)).image.shape == (1200, 1600, 3)


def test_what_cannot_be_decoded_is_rejected() -> None:
    with pytest.raises(FrameRejected):
        Shot(Frame("door", 1, b"\xff\xd8 nothing \xff\xd9", 1600, 1200, 0.0, 0.0), longest_px=640)
