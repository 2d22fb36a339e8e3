"""An update over the link: fetched, verified, installed, proven by a welcome; or nothing changed.

The bridge is one that does as each test says; ``test_host_adoption.py`` and the bridge's own tests have the real one.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

import pytest

from tests.firmware.fake_bridge import FakeBridge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.firmware.conftest import StartCamera
    from tests.firmware.host_camera import HostCamera

pytestmark = pytest.mark.integration

_BOARD = "ai-thinker"
_SIZE_BYTES = 1_200_000


def image(version: str, board: str = _BOARD) -> bytes:
    """What a compiler would make: a first byte, words, and noise around them."""
    noise = random.Random(version).randbytes(_SIZE_BYTES)  # noqa: S311 - the same at every call
    marker = f"ESPCAM-FIRMWARE;board={board};version={version};".encode() + b"\0"
    return b"\xe9" + noise[: _SIZE_BYTES // 2] + marker + noise[_SIZE_BYTES // 2 :]


@pytest.fixture
def bridge() -> Iterator[FakeBridge]:
    with FakeBridge() as made:
        yield made


@pytest.fixture
def camera(bridge: FakeBridge, drawn_frames: Path, host_camera: StartCamera) -> HostCamera:
    """Welcomed, and of version 1.0.0."""
    made = host_camera(bridge.url(), drawn_frames, "--board", _BOARD, "--version", "1.0.0")
    made.wait_for("first_frame")
    return made


def order(bridge: FakeBridge, content: bytes, version: str, **other: object) -> None:
    """Offer an image and tell the camera to take it; ``other`` are wrong fields."""
    bridge.files["/firmware/ticket"] = content
    bridge.send(
        "update",
        **{
            "id": 7,
            "url": f"http://127.0.0.1:{bridge.port}/firmware/ticket",
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            "version": version,
            **other,
        },
    )


def test_new_image_is_fetched_acknowledged_and_runs(bridge: FakeBridge, camera: HostCamera) -> None:
    content = image("1.1.0")
    order(bridge, content, "1.1.0")
    assert bridge.wait_for("ack") == {"type": "ack", "id": 7, "ok": True}
    assert bridge.wait_for("hello", count=2)["version"] == "1.1.0"
    assert (camera.state / "firmware.bin").read_bytes() == content
    camera.wait_for("image_valid", version="1.1.0")
    assert not (camera.state / "firmware.trial").exists()
    for told in bridge.of("progress"):
        assert (told["id"], told["size"]) == (7, len(content))
        assert 0 <= told["written_bytes"] <= len(content)
    assert camera.stop() == 0, camera.story()


def test_installed_image_stays_after_a_power_cut(bridge: FakeBridge, camera: HostCamera) -> None:
    order(bridge, image("1.1.0"), "1.1.0")
    camera.wait_for("image_valid")
    camera.kill()
    camera.start()
    assert bridge.wait_for("hello", count=3)["version"] == "1.1.0"


@pytest.mark.parametrize(
    ("content", "wrong", "said"),
    [
        (image("1.1.0"), {"sha256": "00" * 32}, ""),
        (image("1.1.0"), {"size": _SIZE_BYTES * 2}, ""),
        (image("1.1.0"), {"size": 1000}, ""),
        (image("1.1.0", board="esp-eye"), {}, "esp-eye"),
        (b"\x00" + image("1.1.0")[1:], {}, ""),
        (b"\xe9" + bytes(5000), {}, ""),
        (image("1.1.0"), {"url": "http://127.0.0.1:1/firmware/ticket"}, ""),
        (image("1.1.0"), {"url": "ftp://127.0.0.1/ticket"}, ""),
    ],
    ids=["sha256", "too_short", "too_long", "other_board", "first_byte", "no_marker", "nobody_there", "no_http"],
)
def test_image_that_is_not_right_changes_nothing_and_its_fault_is_told(
    bridge: FakeBridge, camera: HostCamera, content: bytes, wrong: dict[str, object], said: str
) -> None:
    order(bridge, content, "1.1.0", **wrong)
    ack = bridge.wait_for("ack")
    assert (ack["id"], ack["ok"]) == (7, False)
    assert ack["error"]
    assert said in ack["error"]
    assert not list(camera.state.glob("firmware.*"))
    assert len(camera.events("boot")) == 1
    frames = len(bridge.pictures)
    order(bridge, image("1.2.0"), "1.2.0")  # and another try is not in the way of the first
    assert bridge.wait_for("hello", count=2)["version"] == "1.2.0"
    assert len(bridge.pictures) > frames or camera.events("first_frame")


def test_image_that_is_gone_is_said_to_be(bridge: FakeBridge, camera: HostCamera) -> None:
    order(bridge, image("1.1.0"), "1.1.0", url=f"http://127.0.0.1:{bridge.port}/firmware/other")
    assert "404" in bridge.wait_for("ack")["error"]
    assert camera.stop() == 0, camera.story()


def test_image_that_is_never_welcomed_is_given_up_at_the_next_start(bridge: FakeBridge, camera: HostCamera) -> None:
    bridge.welcomes = False
    order(bridge, image("1.1.0"), "1.1.0")
    assert bridge.wait_for("hello", count=2)["version"] == "1.1.0"
    camera.kill()  # as a crash does, or the watchdog
    bridge.welcomes = True
    camera.start()
    assert bridge.wait_for("hello", count=3)["version"] == "1.0.0"
    assert camera.events("boot")[-1]["rolled_back"] is True
    assert not (camera.state / "firmware.bin").exists()


def test_failed_update_goes_back_to_the_image_before_it(bridge: FakeBridge, camera: HostCamera) -> None:
    order(bridge, image("1.1.0"), "1.1.0")
    camera.wait_for("image_valid", version="1.1.0")
    bridge.welcomes = False
    order(bridge, image("1.2.0"), "1.2.0")
    assert bridge.wait_for("hello", count=3)["version"] == "1.2.0"
    camera.kill()
    bridge.welcomes = True
    camera.start()
    assert bridge.wait_for("hello", count=4)["version"] == "1.1.0"
    assert (camera.state / "firmware.bin").read_bytes() == image("1.1.0")


def test_key_is_made_once_and_shown_for_ever(bridge: FakeBridge, camera: HostCamera) -> None:
    camera.kill()
    camera.start()
    bridge.wait_for("hello", count=2)
    first, second = bridge.bearers[:2]
    assert first == second
    assert first is not None
    kind, key = first.split()
    assert kind == "Bearer"
    assert len(bytes.fromhex(key)) == 16
