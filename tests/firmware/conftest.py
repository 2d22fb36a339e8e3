"""The firmware's library as a camera on this machine, and pictures for it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import cv2
import pytest

from tests.firmware.host_camera import HostCamera, build, can_build
from tests.homeassistant.harness.drawn import Somebody, picture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def camlink_host() -> Path:
    """The program, built with sanitizers."""
    if not can_build():
        pytest.skip("no C++ compiler or no cmake: sudo apt-get install g++ cmake")
    return build(sanitize=True)


@pytest.fixture(scope="session")
def drawn_frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four small pictures, one of them with a person."""
    folder = tmp_path_factory.mktemp("drawn-frames")
    for number in range(4):
        present = [Somebody()] if number == 2 else []
        (folder / f"{number}.jpg").write_bytes(picture(*present, shade=100 + 10 * number))
    return folder


@pytest.fixture(scope="session")
def filmed_frames(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty pictures of real footage, 640 x 480, as a camera encodes them."""
    folder = tmp_path_factory.mktemp("filmed-frames")
    footage = cv2.VideoCapture(str(shared / "footage" / "one-by-one-person.mp4"))
    for number in range(60):
        there, image = footage.read()
        assert there, "the footage is too short"
        cv2.imwrite(str(folder / f"{number:03}.jpg"), cv2.resize(image, (640, 480)), [cv2.IMWRITE_JPEG_QUALITY, 80])
    footage.release()
    return folder


class StartCamera(Protocol):
    """See the fixture ``host_camera``."""

    def __call__(self, url: str, frames: Path, *options: str) -> HostCamera: ...


@pytest.fixture
def host_camera(camlink_host: Path, tmp_path: Path) -> Iterator[StartCamera]:
    """Switch cameras on: ``camera = host_camera(url, frames, "--fps", "5")``; they end with the test."""
    with ExitStack() as stack:
        count = 0

        def start(url: str, frames: Path, *options: str) -> HostCamera:
            nonlocal count
            count += 1
            camera = HostCamera(camlink_host, tmp_path / f"camera-{count}", url, frames, options)
            return stack.enter_context(camera)

        yield start
