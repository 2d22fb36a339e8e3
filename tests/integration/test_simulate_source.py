"""Footage from real files: videos, images, folders; what cannot be read is said plainly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.errors import SourceError
from bridge.frames.codec import decode, encode
from bridge.frames.opencv import cv2
from bridge.simulate.source import STILLS_FPS, Source, Webcam, is_webcam, open_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.model import Image

pytestmark = pytest.mark.integration

SHADES = [20 * number for number in range(12)]


def flat(shade: int, width: int = 160, height: int = 120) -> Image:
    return np.full((height, width, 3), shade, np.uint8)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Twelve pictures, each brighter than the last, at 10 pictures a second."""
    path = tmp_path / "shades.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (160, 120))
    for shade in SHADES:
        writer.write(flat(shade))
    writer.release()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four JPEG files, one of them no JPEG at all, and one file of another kind."""
    path = tmp_path / "frames"
    path.mkdir()
    (path / "b.jpg").write_bytes(encode(flat(10)) + bytes(100))
    (path / "a.JPG").write_bytes(b"no picture")
    (path / "c.jpeg").write_bytes(b"")
    (path / "d.jpg").write_bytes(encode(flat(99)))
    (path / "notes.txt").write_text("not a frame")
    return path


def read_all(source: Source) -> Iterator[bytes]:
    index = 0
    while (jpeg := source.read(index)) is not None:
        yield jpeg
        index += 1


def shade_of(jpeg: bytes | None) -> int:
    """Which of the video's pictures it is."""
    assert jpeg is not None
    return round(float(decode(jpeg).mean()) / 20)


def test_a_video_gives_every_picture_in_order_and_then_ends(video: Path) -> None:
    source = open_source(str(video), loop=False)
    assert (source.fps, source.filmed, source.size_px, source.adjustable) == (10.0, True, (160, 120), True)
    assert [shade_of(jpeg) for jpeg in read_all(source)] == list(range(12))
    source.close()


def test_a_video_skips_and_repeats_as_it_is_asked(video: Path) -> None:
    source = open_source(str(video), loop=False)
    assert [shade_of(source.read(index)) for index in (0, 2, 2, 5, 11)] == [0, 2, 2, 5, 11]
    assert source.read(12) is None
    source.close()


def test_a_video_in_a_loop_begins_anew(video: Path) -> None:
    source = open_source(str(video))
    assert [shade_of(source.read(index)) for index in range(30)] == [index % 12 for index in range(30)]
    source.close()


def test_a_video_can_begin_in_the_middle(video: Path) -> None:
    source = open_source(str(video), start=0.5)
    assert [shade_of(source.read(index)) for index in range(8)] == [6, 7, 8, 9, 10, 11, 0, 1]
    source.close()


def test_the_pictures_of_a_video_get_smaller_when_the_board_is_told_so(video: Path) -> None:
    source = open_source(str(video))
    source.adjust(30, (80, 80))
    small = source.read(0)
    assert small is not None
    assert decode(small).shape == (60, 80, 3)
    source.adjust(30, (1600, 1200))
    large = source.read(1)
    assert large is not None
    assert decode(large).shape == (120, 160, 3)  # never larger than it was filmed
    source.close()


def test_a_lower_quality_makes_smaller_files(tmp_path: Path) -> None:
    path = tmp_path / "noise.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8))
    source = open_source(str(path))
    sizes = []
    for quality in (20, 50, 80):
        source.adjust(quality, (160, 120))
        sizes.append(len(source.read(0) or b""))
    assert sizes == sorted(set(sizes))


def test_a_folder_is_sent_byte_for_byte_in_the_order_of_the_names(folder: Path) -> None:
    source = open_source(str(folder), loop=False)
    assert (source.fps, source.filmed, source.adjustable) == (STILLS_FPS, False, False)
    names = ["a.JPG", "b.jpg", "c.jpeg", "d.jpg"]
    assert list(read_all(source)) == [(folder / name).read_bytes() for name in names]


def test_a_folder_in_a_loop_begins_anew_and_can_begin_in_the_middle(folder: Path) -> None:
    source = open_source(str(folder), start=0.5)
    names = ["c.jpeg", "d.jpg", "a.JPG", "b.jpg", "c.jpeg"]
    assert [source.read(index) for index in range(5)] == [(folder / name).read_bytes() for name in names]


def test_a_file_that_goes_away_is_named(folder: Path) -> None:
    source = open_source(str(folder))
    (folder / "a.JPG").unlink()
    with pytest.raises(SourceError, match=r"a\.JPG: No such file"):
        source.read(0)


def test_a_jpeg_is_sent_byte_for_byte_however_damaged(folder: Path) -> None:
    source = open_source(str(folder / "a.JPG"))
    assert [source.read(index) for index in (0, 1, 7)] == [b"no picture"] * 3
    once = open_source(str(folder / "a.JPG"), loop=False)
    assert list(read_all(once)) == [b"no picture"]


def test_another_image_is_encoded(tmp_path: Path) -> None:
    path = tmp_path / "wall.png"
    cv2.imwrite(str(path), flat(100))
    source = open_source(str(path), loop=False)
    pictures = list(read_all(source))
    assert len(pictures) == 1
    assert decode(pictures[0]).shape == (120, 160, 3)
    assert source.adjustable


def test_a_closed_source_gives_nothing_more(video: Path) -> None:
    source = open_source(str(video))
    source.close()
    source.close()
    assert source.read(0) is None


@pytest.mark.parametrize("name", ["missing.mp4", "missing/", ""])
def test_a_missing_file_is_refused_with_what_works(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"does not exist; give a video \(mp4, .*a folder of \.jpg files"):
        open_source(str(tmp_path / "nowhere" / name))


@pytest.mark.parametrize(("name", "words"), [("x.mp4", "holds no picture"), ("x.png", "is no image that can be read")])
def test_a_file_that_cannot_be_read_is_refused_with_what_works(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"rubbish" * 100)
    with pytest.raises(SourceError, match=rf"{words}.*give a video"):
        open_source(str(tmp_path / name))


def test_a_folder_without_jpegs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(SourceError, match=r"holds no \.jpg file"):
        open_source(str(tmp_path))


@pytest.mark.parametrize("spec", ["webcam:", "webcam:x", "webcam:-1"])
def test_a_webcam_needs_a_number(spec: str) -> None:
    assert is_webcam(spec)
    with pytest.raises(SourceError, match="write webcam:0"):
        open_source(spec)


@pytest.mark.skipif(Path("/dev/video63").exists(), reason="there is a 64th webcam")
def test_a_webcam_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceError, match="webcam 63 cannot be opened"):
        open_source("webcam:63")


def test_a_webcam_gives_what_it_sees_now_and_says_when_it_is_gone(video: Path) -> None:
    source = Webcam(cv2.VideoCapture(str(video)), "webcam 0")  # a file stands in for the device
    assert not source.filmed
    assert [shade_of(source.read(index)) for index in (0, 5, 9)] == [1, 2, 3]
    with pytest.raises(SourceError, match="webcam 0 gives no more pictures"):
        list(read_all(source))
    source.close()


def test_real_footage_has_its_own_rate_and_size(shared: Path) -> None:
    source = open_source(str(shared / "footage" / "one-by-one-person.mp4"), loop=False)
    assert (source.fps, source.size_px) == (10.0, (768, 432))
    jpeg = source.read(100)
    assert jpeg is not None
    assert decode(jpeg).shape == (432, 768, 3)
    source.close()


def test_real_damaged_frames_keep_every_byte(shared: Path) -> None:
    source = open_source(str(shared / "frames"), loop=False)
    files = sorted((shared / "frames").glob("*.jpg"))
    assert list(read_all(source)) == [file.read_bytes() for file in files]
