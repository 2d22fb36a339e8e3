"""The integrity gate, on pictures built marker by marker, on real encoder output, and on anything at all."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.errors import FrameRejected, RejectReason
from bridge.frames import codec
from bridge.frames.jpeg import Gate, inspect, read_comment, with_comment
from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from pathlib import Path

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
LIMITS = {"max_bytes": 1_048_576, "max_pixels": 5_000_000}


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def sof(width: int, height: int, marker: int = 0xC0) -> bytes:
    return segment(marker, b"\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x01\x01\x11\x00")


APP0 = segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
DQT = segment(0xDB, bytes(65))
DHT = segment(0xC4, bytes(20))
SOS = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")
DATA = b"\x12\xff\x00\x34\xff\xff\x00\x56" * 4  # stuffed bytes, one of them behind a fill byte
HEAD = SOI + APP0 + DQT + sof(640, 480) + DHT + SOS
PICTURE = HEAD + DATA + EOI


def real(width: int = 64, height: int = 48, *options: int) -> bytes:
    """A JPEG as OpenCV encodes it, of noise."""
    image = np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)
    ok, data = cv2.imencode(".jpg", image, list(options))
    assert ok
    return bytes(data)


REAL = real()


def refused(data: bytes, *, max_bytes: int = 1_048_576, max_pixels: int = 5_000_000) -> RejectReason:
    with pytest.raises(FrameRejected) as caught:
        inspect(data, max_bytes=max_bytes, max_pixels=max_pixels)
    return caught.value.reason


# --- whole pictures ------------------------------------------------------------------------------------------------


def test_a_whole_picture_passes_unchanged_with_its_size() -> None:
    assert inspect(PICTURE, **LIMITS) == (PICTURE, 640, 480)


@pytest.mark.parametrize(
    "options",
    [
        (),
        (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        (cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
        (cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
        (cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_QUALITY, 5),
    ],
)
@pytest.mark.parametrize("size", [(64, 48), (17, 3), (1, 1), (640, 480)])
def test_what_a_real_encoder_makes_passes_whole(options: tuple[int, ...], size: tuple[int, int]) -> None:
    jpeg = real(*size, *options)
    assert inspect(jpeg, **LIMITS) == (jpeg, *size)


@pytest.mark.parametrize("marker", sorted({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}))
def test_the_size_is_found_in_every_kind_of_frame_header(marker: int) -> None:
    picture = inspect(SOI + sof(320, 240, marker) + SOS + DATA + EOI, **LIMITS)
    assert (picture.width_px, picture.height_px) == (320, 240)


@pytest.mark.parametrize("tail", [b"\x00", bytes(512), b"\xff" * 9, b"rubbish\xff\xd9", b"\xff", REAL])
def test_whatever_follows_eoi_is_cut_off(tail: bytes) -> None:
    assert inspect(PICTURE + tail, **LIMITS).jpeg == PICTURE


def test_the_cut_picture_shows_the_same_as_the_padded_one() -> None:
    cut = inspect(REAL + bytes(512), **LIMITS).jpeg
    assert np.array_equal(codec.decode(cut), codec.decode(REAL))


def test_a_thumbnail_inside_an_application_segment_is_no_second_picture() -> None:
    exif = segment(0xE1, b"Exif\x00\x00" + SOI + sof(160, 120) + SOS + DATA + EOI)
    data = SOI + exif + HEAD[2:] + DATA + EOI
    assert inspect(data, **LIMITS) == (data, 640, 480)


def test_fill_bytes_before_a_marker_are_allowed() -> None:
    data = SOI + b"\xff\xff" + DQT + b"\xff" + sof(8, 8) + SOS + DATA + b"\xff\xff" + EOI
    assert inspect(data, **LIMITS).jpeg == data


def test_a_number_of_lines_marker_between_scans_is_passed_over() -> None:
    data = HEAD + DATA + segment(0xDC, b"\x01\xe0") + EOI
    assert inspect(data, **LIMITS).jpeg == data


# --- damage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", RejectReason.EMPTY),
        (b"\xff", RejectReason.NOT_JPEG),
        (b"not a jpeg", RejectReason.NOT_JPEG),
        (b"\x89PNG\r\n\x1a\n", RejectReason.NOT_JPEG),
        (PICTURE[1:], RejectReason.NOT_JPEG),
        (SOI, RejectReason.TRUNCATED),
        (SOI + b"\xff", RejectReason.TRUNCATED),
        (SOI + EOI, RejectReason.TRUNCATED),
        (SOI + APP0 + DQT + EOI, RejectReason.TRUNCATED),
        (SOI + APP0 + SOS + DATA + EOI, RejectReason.TRUNCATED),
        (HEAD, RejectReason.TRUNCATED),
        (HEAD + b"\x01", RejectReason.TRUNCATED),
        (HEAD + EOI, RejectReason.TRUNCATED),
        (HEAD + DATA, RejectReason.TRUNCATED),
        (HEAD + DATA + b"\xff", RejectReason.TRUNCATED),
        (HEAD + DATA + bytes(600), RejectReason.TRUNCATED),
        (HEAD + DATA + DHT + SOS + DATA, RejectReason.TRUNCATED),
        (HEAD + DATA + DHT + SOS + EOI, RejectReason.TRUNCATED),
        (SOI + b"\xff\xdb\x40\x00" + bytes(100), RejectReason.TRUNCATED),
        (SOI + b"\xff\xdb\x00", RejectReason.TRUNCATED),
        (SOI + PICTURE, RejectReason.GLUED),
        (SOI + APP0 + DQT + PICTURE, RejectReason.GLUED),
        (HEAD + DATA + PICTURE, RejectReason.GLUED),
        (HEAD + DATA + DHT + PICTURE, RejectReason.GLUED),
        (SOI + b"\x00" * 20, RejectReason.BAD_HEADER),
        (SOI + b"\xff\xdb\x00\x01" + HEAD[2:] + DATA + EOI, RejectReason.BAD_HEADER),
        (SOI + b"\xff\xd0" + HEAD[2:] + DATA + EOI, RejectReason.BAD_HEADER),
        (HEAD + DATA + b"\xff\x3a" + DATA + EOI, RejectReason.BAD_HEADER),
        (HEAD + DATA + sof(640, 480) + SOS + DATA + EOI, RejectReason.BAD_HEADER),
        (SOI + sof(8, 8) + sof(8, 8) + SOS + DATA + EOI, RejectReason.BAD_HEADER),
        (SOI + sof(0, 480) + SOS + DATA + EOI, RejectReason.BAD_HEADER),
        (SOI + sof(640, 0) + SOS + DATA + EOI, RejectReason.BAD_HEADER),
        (SOI + segment(0xC0, b"\x08\x00") + SOS + DATA + EOI, RejectReason.BAD_HEADER),
    ],
)
def test_damage_is_refused_with_its_reason(data: bytes, reason: RejectReason) -> None:
    assert refused(data) is reason


def test_more_segments_or_scans_than_any_picture_has_are_refused() -> None:
    comment, scan = segment(0xFE, b"x"), SOS + DATA
    assert inspect(SOI + comment * 300 + HEAD[2:] + DATA + scan * 50 + EOI, **LIMITS).width_px == 640
    assert refused(SOI + comment * 600 + HEAD[2:] + DATA + EOI) is RejectReason.BAD_HEADER
    assert refused(HEAD + DATA + scan * 200 + EOI) is RejectReason.BAD_HEADER


def test_the_byte_limit_is_inclusive() -> None:
    assert inspect(PICTURE, max_bytes=len(PICTURE), max_pixels=5_000_000).jpeg == PICTURE
    assert refused(PICTURE, max_bytes=len(PICTURE) - 1) is RejectReason.TOO_MANY_BYTES


def test_the_pixel_limit_is_inclusive() -> None:
    assert inspect(PICTURE, max_bytes=10_000, max_pixels=640 * 480).width_px == 640
    assert refused(PICTURE, max_pixels=640 * 480 - 1) is RejectReason.TOO_MANY_PIXELS


def test_a_header_that_claims_four_gigapixels_costs_nothing() -> None:
    bomb = SOI + sof(65_500, 65_500) + SOS + DATA + EOI
    begin_s = time.perf_counter()
    for _ in range(100):
        assert refused(bomb) is RejectReason.TOO_MANY_PIXELS
    assert time.perf_counter() - begin_s < 0.5  # 6 us each here; decoding one would take seconds and 12 GB


@pytest.mark.parametrize(
    "filler",
    [
        b"\xff\x00",
        b"\xff\xd0",
        b"\xff\xff",
        b"\x01\xff\xda\x00\x02",
        b"\x01\xff\xfe\x00\x02",
        b"\xff\xfe\x00\x02",
        b"\xff\xda\x00\x02\x01",
    ],
)
@pytest.mark.parametrize("begin", [HEAD, HEAD + b"\x01", SOI])
def test_a_megabyte_made_to_be_slow_is_not(begin: bytes, filler: bytes) -> None:
    data = (begin + filler * (1_000_000 // len(filler)))[:1_000_000] + EOI
    begin_s = time.perf_counter()
    with contextlib.suppress(FrameRejected):
        inspect(data, **LIMITS)
    assert time.perf_counter() - begin_s < 0.25  # 10 ms for the worst here; 30 s when scans are not bounded


def test_the_boards_samples_are_sorted_as_their_names_say(shared: Path) -> None:
    reasons = {
        "bad-bomb-65500": RejectReason.TOO_MANY_PIXELS,
        "bad-empty": RejectReason.EMPTY,
        "bad-no-eoi": RejectReason.TRUNCATED,
        "bad-no-soi": RejectReason.NOT_JPEG,
        "bad-png": RejectReason.NOT_JPEG,
        "bad-soi-eoi-only": RejectReason.TRUNCATED,
        "bad-text": RejectReason.NOT_JPEG,
        "bad-truncated-half": RejectReason.TRUNCATED,
        "bad-two-frames-glued": RejectReason.GLUED,
    }
    seen = {}
    for file in sorted((shared / "frames").glob("*.jpg")):
        try:
            picture = inspect(file.read_bytes(), **LIMITS)
        except FrameRejected as error:
            seen[file.stem] = error.reason
        else:
            assert codec.decode(picture.jpeg).shape == (picture.height_px, picture.width_px, 3)
            assert file.stem.startswith(("ok-", "empty-", "person-")) or file.stem == "bad-bitflips"
    assert seen == reasons  # bit errors inside the scan leave no trace that can be seen without decoding


# --- a stream of pictures ------------------------------------------------------------------------------------------


def test_a_gate_that_has_seen_a_header_judges_as_one_that_has_not() -> None:
    gate = Gate(**LIMITS)
    smaller = SOI + APP0 + DQT + sof(320, 240) + DHT + SOS + DATA + EOI
    for data in (PICTURE, PICTURE + bytes(9), smaller, PICTURE, REAL, PICTURE):
        assert gate.inspect(data) == inspect(data, **LIMITS)


def test_a_damaged_picture_between_good_ones_leaves_no_trace() -> None:
    gate = Gate(**LIMITS)
    assert gate.inspect(PICTURE).width_px == 640
    for damaged in (b"", HEAD, HEAD + DATA, SOI + sof(65_500, 65_500) + SOS + DATA + EOI, SOI + EOI, PICTURE[1:]):
        with pytest.raises(FrameRejected):
            gate.inspect(damaged)
        assert gate.inspect(PICTURE) == (PICTURE, 640, 480)


@given(st.lists(st.sampled_from([PICTURE, REAL, HEAD, HEAD + DATA, PICTURE + b"x", SOI + PICTURE, b"", REAL[:-2]])))
def test_what_a_gate_says_never_depends_on_what_came_before(pictures: list[bytes]) -> None:
    gate = Gate(**LIMITS)
    for data in pictures:
        try:
            expected: object = inspect(data, **LIMITS)
        except FrameRejected as error:
            expected = error.reason
        try:
            said: object = gate.inspect(data)
        except FrameRejected as error:
            said = error.reason
        assert said == expected


# --- anything at all -----------------------------------------------------------------------------------------------


def judge(data: bytes) -> None:
    """Whatever ``data`` is: a picture from SOI to EOI, or a refusal with a reason."""
    try:
        picture = inspect(data, **LIMITS)
    except FrameRejected:
        return
    assert picture.jpeg.startswith(SOI)
    assert picture.jpeg.endswith(EOI)
    assert data.startswith(picture.jpeg)
    assert 0 < picture.width_px * picture.height_px <= 5_000_000


@given(st.binary(max_size=200))
@example(b"\xff\xd8\xff")
@example(b"\xff\xd8\xff\xda\x00")
def test_rubbish_behind_soi_is_judged_and_nothing_else_happens(rubbish: bytes) -> None:
    judge(rubbish)
    judge(SOI + rubbish)
    judge(HEAD + rubbish)


@given(cut=st.integers(0, len(REAL) - 1), tail=st.sampled_from([b"", bytes(64), b"\xff" * 64]))
def test_a_picture_that_lost_its_end_is_never_accepted(cut: int, tail: bytes) -> None:
    with pytest.raises(FrameRejected):
        inspect(REAL[:cut] + tail, **LIMITS)


@given(at=st.integers(0, len(REAL)), inserted=st.binary(min_size=1, max_size=8))
def test_inserted_bytes_are_judged_and_nothing_else_happens(at: int, inserted: bytes) -> None:
    judge(REAL[:at] + inserted + REAL[at:])


@given(at=st.integers(0, len(REAL) - 1), value=st.integers(0, 255))
def test_a_changed_byte_is_judged_and_nothing_else_happens(at: int, value: int) -> None:
    judge(REAL[:at] + bytes([value]) + REAL[at + 1 :])


@given(at=st.integers(len(HEAD), len(PICTURE) - 2))
def test_a_second_picture_inside_the_scan_is_always_seen(at: int) -> None:
    before = PICTURE[:at].rstrip(b"\xff")  # FF FF D8 is the same marker behind a fill byte, at another offset
    if len(before) > len(HEAD):
        assert refused(before + PICTURE) is RejectReason.GLUED


# --- comments ------------------------------------------------------------------------------------------------------


@given(st.text(max_size=300))
def test_a_comment_comes_back_as_it_was_put_in(comment: str) -> None:
    assert read_comment(with_comment(PICTURE, comment)) == comment


def test_a_comment_changes_no_pixel_and_passes_the_gate() -> None:
    commented = with_comment(REAL, "1800000000000-a1b2c3")
    assert np.array_equal(codec.decode(commented), codec.decode(REAL))
    assert inspect(commented, **LIMITS).jpeg == commented


def test_the_comment_stands_behind_jfif_which_must_be_first() -> None:
    assert with_comment(PICTURE, "id").startswith(SOI + APP0 + segment(0xFE, b"id"))
    assert with_comment(SOI + DQT + EOI, "id") == SOI + segment(0xFE, b"id") + DQT + EOI


def test_of_two_comments_the_newer_is_read() -> None:
    assert read_comment(with_comment(with_comment(PICTURE, "old"), "new")) == "new"


@pytest.mark.parametrize("data", [b"", SOI, PICTURE, PICTURE[:30], b"text", HEAD + segment(0xFE, b"late") + EOI])
def test_without_a_comment_before_the_picture_data_there_is_none(data: bytes) -> None:
    assert read_comment(data) is None


def test_a_comment_that_is_no_text_is_read_as_well_as_possible() -> None:
    assert read_comment(SOI + segment(0xFE, b"a\xff") + EOI) == "a�"


def test_a_comment_longer_than_a_segment_is_refused() -> None:
    assert read_comment(with_comment(PICTURE, "x" * 65_533)) == "x" * 65_533
    with pytest.raises(ValueError, match="65534 bytes"):
        with_comment(PICTURE, "x" * 65_534)


def test_what_is_no_jpeg_takes_no_comment() -> None:
    with pytest.raises(ValueError, match="not a JPEG"):
        with_comment(b"text", "id")
