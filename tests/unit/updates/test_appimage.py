from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.updates.appimage import app_bytes
from tests.firmware_image import app_image

IMAGE = app_image("ai-thinker", "1.1.0", 5000)


def test_the_length_is_that_of_the_image_whatever_comes_behind() -> None:
    assert app_bytes(IMAGE) == len(IMAGE)
    assert app_bytes(IMAGE + bytes(4096)) == len(IMAGE)


@pytest.mark.parametrize("size_bytes", range(100, 117))
def test_there_is_room_for_the_checksum_at_every_length(size_bytes: int) -> None:
    image = app_image("ai-thinker", "1.1.0", size_bytes)
    assert app_bytes(image) == len(image)
    assert (len(image) - 32) % 16 == 0


@pytest.mark.parametrize(
    "broken", [b"", IMAGE[:20], IMAGE[:-1], IMAGE[:3000], b"\xe9\x00" + bytes(100), b"\xe9\xff" * 99]
)
def test_a_part_of_an_image_and_what_is_none_have_no_length(broken: bytes) -> None:
    assert app_bytes(broken) is None


@pytest.mark.hypothesis
@given(st.binary(max_size=300))
def test_whatever_comes_the_length_lies_within(image: bytes) -> None:
    length = app_bytes(image)
    assert length is None or 24 < length <= len(image)
