from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from bridge.errors import UpdateRefused
from bridge.updates.library import FirmwareImage, ImageLibrary
from tests.firmware_image import app_image

if TYPE_CHECKING:
    from pathlib import Path


def put(path: Path, content: bytes) -> Path:
    """A file of a time of its own, however fast the tests are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    put.moment_s += 10  # type: ignore[attr-defined]
    os.utime(path, (put.moment_s, put.moment_s))  # type: ignore[attr-defined]
    return path


put.moment_s = 1_700_000_000  # type: ignore[attr-defined]


def looked(folder: Path) -> ImageLibrary:
    """A library that has looked twice."""
    library = ImageLibrary(folder)
    library.refresh()
    library.refresh()
    return library


def test_the_newest_of_each_board_is_found_whatever_the_files_are_called(tmp_path: Path) -> None:
    put(tmp_path / "old.bin", app_image("ai-thinker", "1.9.0"))
    newest = put(tmp_path / "deep" / "down" / "b.bin", app_image("ai-thinker", "1.10.0"))
    eye = put(tmp_path / "eye.bin", app_image("esp-eye", "1.0.0"))
    put(tmp_path / "notes.txt", app_image("ai-thinker", "9.0.0"))
    library = looked(tmp_path)
    assert library.newest("ai-thinker") == FirmwareImage(newest, "ai-thinker", "1.10.0")
    assert library.newest("esp-eye") == FirmwareImage(eye, "esp-eye", "1.0.0")
    assert library.newest("other") is None


def test_a_file_is_taken_when_two_looks_find_it_the_same(tmp_path: Path) -> None:
    library = looked(tmp_path)
    image = app_image("ai-thinker", "1.1.0")
    put(tmp_path / "a.bin", image[:1000])
    assert not library.refresh()
    put(tmp_path / "a.bin", image)
    assert not library.refresh()
    assert library.newest("ai-thinker") is None
    assert library.refresh()
    assert library.newest("ai-thinker") is not None
    assert not library.refresh()


def test_a_file_that_goes_is_offered_no_more(tmp_path: Path) -> None:
    path = put(tmp_path / "a.bin", app_image("ai-thinker", "1.1.0"))
    library = looked(tmp_path)
    path.unlink()
    assert library.refresh()
    assert library.newest("ai-thinker") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (app_image("ai-thinker", "1.1.0")[:-1], "is no firmware for cameras"),
        (b"\xe9" + bytes(5000), "is no firmware for cameras"),
        (b"", "is no firmware for cameras"),
        # What is flashed by cable begins with the boot loader, itself a small image; what it says stands behind that.
        (
            app_image("x", "1", 900).replace(b"ESPCAM-F", b"ESPCAM-G") + app_image("ai-thinker", "1.1.0"),
            "is no firmware",
        ),
        (app_image("ai-thinker", "nightly"), "its version nightly cannot be compared"),
    ],
    ids=["part", "no_marker", "empty", "with_boot_loader", "no_version"],
)
def test_what_cannot_be_sent_is_named_once_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes, said: str
) -> None:
    put(tmp_path / "a.bin", content)
    library = looked(tmp_path)
    library.refresh()
    assert library.newest("ai-thinker") is None
    (line,) = caplog.messages
    assert said in line
    assert str(tmp_path / "a.bin") in line


def test_without_a_folder_there_is_nothing_and_no_complaint(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    library = looked(tmp_path / "nowhere")
    assert library.newest("ai-thinker") is None
    assert not caplog.messages


def test_a_file_is_read_once_as_long_as_it_does_not_change(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    put(tmp_path / "a.bin", app_image("ai-thinker", "1.1.0"))
    library = looked(tmp_path)
    library.refresh()
    assert [message.split(":")[0] for message in caplog.messages] == ["firmware 1.1.0 for ai-thinker"]


def test_the_content_is_what_was_announced_or_nothing(tmp_path: Path) -> None:
    content = app_image("ai-thinker", "1.1.0")
    path = put(tmp_path / "a.bin", content)
    library = looked(tmp_path)
    image = library.newest("ai-thinker")
    assert image is not None
    assert library.content(image) == content
    put(path, app_image("ai-thinker", "1.2.0"))
    with pytest.raises(UpdateRefused, match="has just been changed"):
        library.content(image)
    path.unlink()
    with pytest.raises(UpdateRefused, match="cannot be read"):
        library.content(image)
