from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest

from bridge.errors import FrameRejected, RejectReason
from bridge.frames.codec import decode, decode_grey_eighth, encode, shrink_for
from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from bridge.frames.codec import Rotation
    from bridge.model import Image


def _marked(width: int = 96, height: int = 64) -> Image:
    """Black with a red top left corner, an eighth of the width and a quarter of the height."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 4, : width // 8] = (0, 0, 255)
    return image


def _lit_corner(picture: Image) -> str:
    """Which corner is the brightest."""
    grey = picture if picture.ndim == 2 else picture.max(axis=2)
    corners = {
        "top left": grey[0, 0],
        "top right": grey[0, -1],
        "bottom left": grey[-1, 0],
        "bottom right": grey[-1, -1],
    }
    return max(corners, key=lambda name: int(corners[name]))


_TURNS: list[tuple[Rotation, str, tuple[int, int]]] = [
    (0, "top left", (64, 96)),
    (90, "top right", (96, 64)),
    (180, "bottom right", (64, 96)),
    (270, "bottom left", (96, 64)),
]


@pytest.mark.parametrize(("rotate", "corner", "shape"), _TURNS)
def test_a_picture_is_turned_clockwise(rotate: Rotation, corner: str, shape: tuple[int, int]) -> None:
    image = decode(encode(_marked(), 95), rotate)
    assert image.shape == (*shape, 3)
    assert image.dtype == np.uint8
    assert _lit_corner(image) == corner


@pytest.mark.parametrize(("rotate", "corner", "shape"), _TURNS)
def test_the_small_grey_picture_is_turned_alike(rotate: Rotation, corner: str, shape: tuple[int, int]) -> None:
    grey = decode_grey_eighth(encode(_marked(), 95), rotate)
    assert grey.shape == (shape[0] // 8, shape[1] // 8)
    assert _lit_corner(grey) == corner


def test_a_decoded_picture_is_bgr() -> None:
    blue, green, red = decode(encode(_marked(), 95))[2, 2].astype(int)
    assert red > 200
    assert blue < 60
    assert green < 60


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1600, 1200), (100, 75), (9, 7), (1, 1)])
def test_the_small_grey_picture_is_an_eighth_rounded_up(width: int, height: int) -> None:
    grey = decode_grey_eighth(encode(np.full((height, width, 3), 128, np.uint8)))
    assert grey.shape == (-(-height // 8), -(-width // 8))
    assert grey.dtype == np.uint8
    assert abs(int(grey.mean()) - 128) <= 2


def test_a_grey_picture_can_be_encoded_too() -> None:
    image = decode(encode(np.full((16, 16), 200, np.uint8), 90))
    assert image.shape == (16, 16, 3)
    assert abs(int(image.mean()) - 200) <= 2


def test_quality_sets_the_size() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    assert len(encode(noise, 20)) < len(encode(noise, 80)) < len(encode(noise, 95))


def test_an_encoded_picture_is_one_jpeg_from_soi_to_eoi() -> None:
    jpeg = encode(_marked())
    assert jpeg[:2] == b"\xff\xd8"
    assert jpeg[-2:] == b"\xff\xd9"


def test_the_orientation_that_a_camera_writes_into_exif_is_ignored() -> None:
    # Orientation 6 (turned by 90 degrees): the size in the JPEG header and the decoded size must stay the same thing.
    tiff = b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"
    body = b"Exif\x00\x00" + tiff
    jpeg = encode(_marked(), 95)
    with_exif = jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]
    turned = cv2.imdecode(np.frombuffer(with_exif, np.uint8), cv2.IMREAD_COLOR)
    assert turned is not None
    assert turned.shape == (96, 64, 3), "the test's own EXIF block is wrong"
    assert decode(with_exif).shape == (64, 96, 3)
    assert decode_grey_eighth(with_exif).shape == (8, 12)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        b"hello from ESP32 camera stream!",
        encode(_marked())[:40] + b"\x00" * 400,
        b"\xff" * 1000,
    ],
    ids=["empty", "soi only", "no picture", "text", "zeros", "ones"],
)
def test_what_cannot_be_decoded_is_rejected(damaged: bytes) -> None:
    for decoder in (decode, decode_grey_eighth):
        with pytest.raises(FrameRejected) as caught:
            decoder(damaged)
        assert caught.value.reason is RejectReason.UNDECODABLE


def test_opencv_leaves_the_cores_to_our_stages() -> None:
    assert cv2.getNumThreads() == 1


# --- two decoders --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shrink", [1, 2, 4])
@pytest.mark.parametrize(("width", "height"), [(640, 480), (643, 481), (9, 5), (1, 1)])
@pytest.mark.parametrize("grey", [False, True])
def test_both_decoders_give_the_same_picture(
    monkeypatch: pytest.MonkeyPatch, width: int, height: int, shrink: Literal[1, 2, 4], *, grey: bool
) -> None:
    noise = np.random.default_rng(7).integers(0, 255, (height, width, 3), np.uint8)
    picture = cv2.GaussianBlur(noise, (9, 9), 3)
    jpeg = encode(np.asarray(picture[..., 0] if grey else picture, np.uint8), 90)
    fast = decode(jpeg, shrink=shrink)
    monkeypatch.setattr("bridge.frames.codec.simplejpeg", None)
    plain = decode(jpeg, shrink=shrink)
    assert fast.shape == plain.shape == (-(-height // shrink), -(-width // shrink), 3)
    assert np.abs(fast.astype(int) - plain).max() <= (0 if shrink == 1 else 8)


def test_a_picture_with_small_damage_is_decoded_by_the_one_that_forgives() -> None:
    whole = encode(np.full((480, 640, 3), 90, np.uint8), 90)
    assert decode(whole[:-200] + b"\xff\xd9").shape == (480, 640, 3)


@pytest.mark.parametrize(
    ("size_px", "shrink"),
    [((640, 480), 1), ((1279, 960), 1), ((1280, 720), 2), ((1600, 1200), 2), ((2560, 1920), 4), ((480, 2600), 4)],
)
def test_no_picture_is_shrunk_below_what_the_model_sees(size_px: tuple[int, int], shrink: int) -> None:
    assert shrink_for(*size_px, 640) == shrink
