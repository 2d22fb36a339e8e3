from __future__ import annotations

import pytest

from bridge.link.image import ImageIdentity, read_identity

RIGHT = b"ESPCAM-FIRMWARE;board=ai-thinker;version=1.2.0;\0"


def test_an_image_says_which_board_and_version_it_is_for() -> None:
    assert read_identity(b"\xe9" + bytes(100) + RIGHT + bytes(100)) == ImageIdentity("ai-thinker", "1.2.0")
    assert read_identity(b"\xe9ESPCAM-FIRMWARE;board=x_1.y;version=2.0.0-rc.1+b5;\0") == ImageIdentity(
        "x_1.y", "2.0.0-rc.1+b5"
    )


@pytest.mark.parametrize(
    "decoy",
    [
        b"ESPCAM-FIRMWARE;\0",
        b"ESPCAM-FIRMWARE;board=\0",
        b"ESPCAM-FIRMWARE;board=;version=1.0.0;\0",
        b"ESPCAM-FIRMWARE;board=other;version=1.0.0",
        b"ESPCAM-FIRMWARE;board=other;version=1.0.0;more\0",
        b"ESPCAM-FIRMWARE;board=" + b"o" * 49 + b";version=1.0.0;\0",
        b"ESPCAM-FIRMWARE;board=other;version=" + b"1" * 33 + b";\0",
    ],
)
def test_words_that_only_begin_like_it_lead_nowhere(decoy: bytes) -> None:
    assert read_identity(b"\xe9" + decoy) is None
    assert read_identity(b"\xe9" + decoy + RIGHT) == ImageIdentity("ai-thinker", "1.2.0")


@pytest.mark.parametrize("image", [b"", b"\xe9", RIGHT, b"\x00" + RIGHT, b"<html>" + RIGHT])
def test_what_is_no_image_says_nothing(image: bytes) -> None:
    assert read_identity(image) is None
